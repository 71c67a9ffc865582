"""Log lines: one way for all of them, and no secret or full address in any."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from engine.logs import Redaction, set_up_logs


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def json_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_go_one_way() -> None:
    """A line of structlog and one of the standard library look the same."""
    stream = io.StringIO()
    set_up_logs("json", stream=stream)
    structlog.get_logger("engine").info("sent", batch="b1", count=2)
    logging.getLogger("some.library").warning("slow by %d ms", 7)
    ours, theirs = json_lines(stream)
    assert (ours["event"], ours["batch"], ours["count"]) == ("sent", "b1", 2)
    assert (theirs["event"], theirs["logger"]) == ("slow by 7 ms", "some.library")
    assert ours.keys() - {"batch", "count"} == theirs.keys()


def test_text_is_for_people() -> None:
    """Without a terminal there are no colors; the level, the event and its facts are there."""
    stream = io.StringIO()
    set_up_logs("text", stream=stream)
    structlog.get_logger("engine").info("sent", batch="b1")
    (line,) = stream.getvalue().splitlines()
    assert "\x1b" not in line
    assert "info" in line
    assert "sent" in line
    assert "batch=b1" in line


def test_what_is_below_the_level_is_not_written() -> None:
    """Debug lines stay out unless they are asked for."""
    stream = io.StringIO()
    set_up_logs("json", stream=stream)
    structlog.get_logger("engine").debug("detail")
    logging.getLogger("engine").debug("detail")
    assert stream.getvalue() == ""


def test_an_exception_is_one_redacted_document() -> None:
    """A traceback is part of its JSON line, and loses its secrets, too."""
    stream = io.StringIO()
    set_up_logs("json", stream=stream, secrets=["k3y-of-the-shop"])
    try:
        raise ValueError("refused k3y-of-the-shop of lena@example.com")
    except ValueError:
        logging.getLogger("engine").exception("failed")
    (line,) = json_lines(stream)
    assert "ValueError: refused [hidden] of l…@example.com" in line["exception"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to lena.weber+x@mail.example.com now", "to l…@mail.example.com now"),
        ("<wei@例子.公司>", "<w…@例子.公司>"),
        ("smtp://me:hunter2@mail.example:587", "smtp://me:[hidden]@mail.example:587"),
        ("postgresql://me:p@ss@db.example/x", "postgresql://me:[hidden]@db.example/x"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("GET /u/0123456789abcdefghij 200", "GET /u/[hidden] 200"),
        ("POST /s/0123456789abcdefghij 200", "POST /s/[hidden] 200"),
        (f"key lp_0123456789ab_{'x' * 43}!", "key lp_0123456789ab_[hidden]!"),
        ("GET /v1/leads 200", "GET /v1/leads 200"),
        ("trial@3f2a91/live/0", "trial@3f2a91/live/0"),
        ("<7z0q4k9m2c8v1x5b3n6r@mail.example>", "<7z0q4k9m2c8v1x5b3n6r@mail.example>"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_text_loses_what_must_not_be_shown(text: str, shown: str) -> None:
    """Addresses keep their first letter and domain; passwords, keys and link tokens go."""
    assert Redaction().text(text) == shown


def test_a_value_is_hidden_by_its_name() -> None:
    """What is called a password, token or key is never written, however deep it lies."""
    event = {"api_key": "a", "request": {"Authorization": "b", "path": "/"}, "tokens": [1]}
    assert Redaction()(None, "info", event) == {
        "api_key": "[hidden]",
        "request": {"Authorization": "[hidden]", "path": "/"},
        "tokens": "[hidden]",
    }


def test_numbers_stay_numbers() -> None:
    """Redaction changes texts only; what machines count stays countable."""
    event = {"count": 2, "late": 0.5, "ok": True, "none": None, "ids": (1, 2)}
    assert Redaction()(None, "info", event) == {**event, "ids": [1, 2]}


def test_longer_secrets_are_hidden_whole() -> None:
    """A secret that begins with another does not leave its end behind."""
    assert Redaction(["abcdefgh", "abcdefgh-2"]).text("x abcdefgh-2 y") == "x [hidden] y"
