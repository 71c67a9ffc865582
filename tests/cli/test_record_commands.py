"""Commands about leads, events, suppressions and the team."""

from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

LEADS = "email,姓名,plan,country\nann@example.com,安妮,pro,CN\nnot-an-address,x,free,US\n"


@pytest.fixture
def leads_file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_bytes(LEADS.encode("gb18030"))
    return path


def test_an_import_keeps_its_json_promise(longplay: Longplay, leads_file: Path) -> None:
    """Counts, and the file of the rows that were rejected; again changes nothing."""
    first = longplay("leads", "import", str(leads_file), "--json")
    errors_file = f"{leads_file}.errors.csv"
    assert first.status == 0
    assert first.json == {
        "rows": 2, "created": 1, "updated": 0, "unchanged": 0, "rejected": 1,
        "errors_file": errors_file,
    }  # fmt: skip
    again = longplay("leads", "import", str(leads_file), "--json").json
    assert (again["created"], again["unchanged"]) == (0, 1)
    assert longplay("leads", "show", "ann@example.com", "--json").json["fields"]["plan"] == "pro"


@pytest.mark.parametrize(("options", "count"), [((), 0), (("--trigger",), 1)])
def test_an_import_starts_nothing_unless_asked_to(
    longplay: Longplay, tmp_path: Path, options: tuple[str, ...], count: int
) -> None:
    """What an import changes is kept; only `--trigger` lets it enroll."""
    file = tmp_path / "dates.csv"
    file.write_text("email,stage\nann@example.com,customer\n")
    (tmp_path / "acme" / "playbooks" / "onboard.yaml").write_text(
        "playbook: onboard\nenroll: {when: [{stage: customer}]}\nsteps: [{tag: new}]\n"
    )
    longplay("apply")
    longplay("leads", "import", str(file), *options)
    assert len(longplay("enrollments", "list", "--json").json) == count


def test_a_lead_is_shown_as_promised(longplay: Longplay, ann: str) -> None:
    """The keys that scripts rely on."""
    lead = longplay("leads", "show", "ann@example.com", "--json").json
    promised = {"id", "email", "stage", "score", "scores", "grade", "owner", "tags", "fields",
                "suppressed"}  # fmt: skip
    assert promised <= set(lead)
    assert longplay("leads", "show", lead["id"], "--json").json == lead


def test_a_list_pages_and_filters(longplay: Longplay) -> None:
    """By stage, by words in the name, and on from an id."""
    for name in ("ann", "bob", "cay"):
        longplay("event", "page.viewed", "--lead", f"{name}@example.com")
    longplay("leads", "set", "bob@example.com", "stage=sql", "first_name=Bobby")
    first = longplay("leads", "list", "--json", "--limit", "2").json
    rest = longplay("leads", "list", "--json", "--after", first[-1]["id"]).json
    assert [one["email"] for one in first + rest] == [
        "ann@example.com", "bob@example.com", "cay@example.com",
    ]  # fmt: skip
    assert len(longplay("leads", "list", "--json", "--stage", "sql").json) == 1
    assert len(longplay("leads", "list", "--json", "--search", "bobb").json) == 1


def test_fields_are_set_and_taken_away(longplay: Longplay, ann: str) -> None:
    """Each of the right type, all or none; an empty value takes it away."""
    said = longplay("leads", "set", "ann@example.com", "plan=pro", "tags=a,b", "--json")
    assert (said.json["fields"]["plan"], said.json["tags"]) == ("pro", ["a", "b"])
    said = longplay("leads", "set", "ann@example.com", "plan=", "--json")
    assert said.json["fields"]["plan"] is None


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("stage=nowhere", "nowhere"), ("plan=gold", "gold"), ("employees=many", "many"),
        ("owner=nobody", "nobody"), ("score=99", "score"), ("no-sign", "sets nothing"),
        ("tagz=x", "tagz"), ("id=other", "id"), ("email=nothing", "nothing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_changes_nothing(
    longplay: Longplay, ann: str, word: str, fault: str
) -> None:
    """One wrong value, and the right one beside it is not written either."""
    said = longplay("leads", "set", "ann@example.com", "first_name=Ann", word)
    assert (said.status, fault in said.err) == (1, True)
    shown = longplay("leads", "show", "ann@example.com", "--json").json
    assert "first_name" not in shown["fields"]


def test_an_event_is_accepted_once(longplay: Longplay) -> None:
    """The same id again is a duplicate."""
    once = ("event", "order.placed", "--lead", "ann@example.com", "--id", "o-1", "--json")
    assert longplay(*once).json == {"accepted": 1, "duplicates": 0, "rejected": 0}
    assert longplay(*once).json == {"accepted": 0, "duplicates": 1, "rejected": 0}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--at", "yesterday"], "is no time"), (["--data", "[1]"], "no object"),
        (["--data", '{"a": NaN}'], "no JSON"), (["--id", " "], "id is empty"),
        (["--at", "9999-01-01"], "in the future"), (["--data", "[" * 5000], "no JSON"),
    ],
)  # fmt: skip
def test_events_that_mean_nothing_are_refused(
    longplay: Longplay, options: list[str], fault: str
) -> None:
    """Nothing is recorded, not even the lead."""
    said = longplay("event", "page.viewed", "--lead", "ann@example.com", *options)
    assert (said.status, fault in said.err) == (1, True)
    assert longplay("leads", "list", "--json").json == []


EVENTS = {
    "a.jsonl": (
        '{"id": "1", "name": "order.placed", "lead": {"email": "a@example.com"}, '
        '"at": "2026-01-02T03:04:05Z", "properties": {"amount": 5}}\n'
        '{"name": "form.submitted", "email": "b@example.com", "form": "trial"}\n'
        '{"name": "form.submited", "email": "b@example.com"}\nno json\n'
    ),
    "b.csv": (
        "id,事件,邮箱,时间,amount\n1,order.placed,a@example.com,2026-01-02 03:04,5\n"
        ",form.submitted,b@example.com,2026-11-01,\n,form.submited,b@example.com,,\n"
        ",order.placed,nobody,,7\n"
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events_are_imported_from_files(longplay: Longplay, tmp_path: Path, name: str) -> None:
    """Good rows are kept once, bad ones are in the errors file; nothing is started."""
    file = tmp_path / name
    file.write_text(EVENTS[name], encoding="utf-8")
    first = longplay("events", "import", str(file), "--json").json
    assert {k: first[k] for k in ("accepted", "duplicates", "rejected")} == {
        "accepted": 2, "duplicates": 0, "rejected": 2,
    }  # fmt: skip
    assert "did you mean 'form.submitted'?" in Path(first["errors_file"]).read_text("utf-8-sig")
    again = longplay("events", "import", str(file), "--json").json
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert longplay("enrollments", "list", "--json").json == []
    lead = longplay("leads", "show", "a@example.com", "--json").json
    assert lead["fields"]["revenue"] == 5


def test_imported_events_start_playbooks_when_asked_to(longplay: Longplay, tmp_path: Path) -> None:
    """However old they are."""
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"name": "form.submitted", "lead": "b@example.com", "form": "trial", "at": "2026-01-01"}'
    )
    longplay("events", "import", str(file), "--trigger")
    assert len(longplay("enrollments", "list", "--json").json) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02" * 400,
        bytes(range(256)) * 20,
        b"PK\x03\x04 no workbook",
        b"[{",
        b"a,b\n1",
    ],
    ids=["empty", "zeros", "noise", "zip", "half-json", "no-event-column"],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "xlsx"])
@pytest.mark.parametrize("door", ["leads", "events"])
def test_files_of_noise_are_refused(
    longplay: Longplay, tmp_path: Path, door: str, suffix: str, content: bytes
) -> None:
    """A clear fault or rows in the errors file, and no lead comes of it."""
    file = tmp_path / f"noise.{suffix}"
    file.write_bytes(content)
    said = longplay(door, "import", str(file))
    assert said.status in {0, 1, 2} and "should not" not in said.err
    assert longplay("leads", "list", "--json").json == []


def test_suppressions_are_added_listed_and_lifted(longplay: Longplay, ann: str) -> None:
    """An unsubscription by hand ends the lead's runs, like the lead's own."""
    said = longplay("suppressions", "add", "ANN@example.com", "--reason", "unsubscribed", "--json")
    assert said.json["added"] is True
    (row,) = longplay("suppressions", "list", "--json").json
    assert (row["email"], row["reason"], row["topic"]) == ("ann@example.com", "unsubscribed", "")
    (run,) = longplay("enrollments", "list", "--json").json
    assert (run["state"], run["outcome"]) == ("finished", "unsubscribed")
    assert longplay("leads", "show", "ann@example.com", "--json").json["suppressed"] is True
    assert longplay("suppressions", "remove", "ann@example.com", "--json").json["removed"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["a@example.com", "--reason", "because"],
        ["a@example.com", "--topic", "newsletter"],
        ["a@example.com", "--reason", "unsubscribed", "--topic", "no-topic"],
    ],
)  # fmt: skip
def test_suppressions_that_mean_nothing_are_refused(
    longplay: Longplay, arguments: list[str]
) -> None:
    """The address, the reason and the topic must exist."""
    assert longplay("suppressions", "add", *arguments).status == 1
    assert longplay("suppressions", "list", "--json").json == []


def test_the_team_is_listed(longplay: Longplay, ann: str) -> None:
    """In the order of the file, with how many leads each owns."""
    longplay("leads", "set", "ann@example.com", "owner=sam.lee")
    rows = longplay("owners", "list", "--json").json
    assert [(one["id"], one["leads"]) for one in rows] == [
        ("li.wei", 0), ("sam.lee", 1), ("chen.jie", 0),
    ]  # fmt: skip
