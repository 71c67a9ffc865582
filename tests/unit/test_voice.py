"""What `longplay up` says, to people and to machines."""

import io
import json

from engine.embedded.voice import Voice

ROWS = [("dashboard", "http://127.0.0.1:8080"), ("data", "/srv/longplay")]


def test_people_see_a_small_table() -> None:
    """Names in one column, what they are in the next; no colors where there is no terminal."""
    stream = io.StringIO()
    Voice(stream).announce("It is up.", ROWS)
    assert stream.getvalue().splitlines() == [
        "It is up.",
        "  dashboard  http://127.0.0.1:8080",
        "  data       /srv/longplay",
    ]


def test_a_childs_line_carries_its_name() -> None:
    """Lines are never folded, and brackets in them mean nothing."""
    stream = io.StringIO()
    Voice(stream).repeat("web", "[bold]" + "x" * 300)
    assert stream.getvalue() == f"web      │ [bold]{'x' * 300}\n"


def test_machines_see_one_document_a_line() -> None:
    """With JSON logs every line is a document, the children's as they are."""
    stream = io.StringIO()
    voice = Voice(stream, json=True)
    voice.say("starting")
    voice.repeat("web", '{"event": "ready"}')
    voice.announce("It is up.", ROWS)
    said, repeated, announced = map(json.loads, stream.getvalue().splitlines())
    assert said["event"] == "starting"
    assert repeated == {"event": "ready"}
    assert announced["dashboard"] == "http://127.0.0.1:8080"


def test_a_reader_that_went_away_stops_nobody() -> None:
    """`longplay up | head` keeps running."""
    stream = io.StringIO()
    voice = Voice(stream)
    stream.close()
    voice.say("still here")
    voice.repeat("web", "me too")
