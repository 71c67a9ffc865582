"""A whole workspace at once: files in, plans and findings out."""

import time

import pytest

from engine.playbook.templates import TemplateFacts, TemplateFault
from engine.playbook.validate import Checked, is_playbook, validate_workspace
from tests.cases.casework import TEMPLATES, WORKSPACE

SOUND = {name: facts for name, facts in TEMPLATES.items() if not facts.faults}
GOOD = "playbook: {name}\nenroll: {{when: [manual]}}\nsteps:\n  - tag: a\n"


def checked(files: dict[str, str], environment: set[str] | None = None, **more: object) -> Checked:
    given = {"longplay.yaml": WORKSPACE, **files}
    templates = more.get("templates", SOUND)
    assert isinstance(templates, dict)
    return validate_workspace(
        {name: text.encode() for name, text in given.items()}, templates, environment
    )


def found(result: Checked) -> list[tuple[str, str]]:
    return [(each.file, each.rule) for each in result.diagnostics]


def good(name: str) -> str:
    return GOOD.format(name=name)


def test_playbooks_of_all_folders_compile() -> None:
    """Playbooks in any folder below `playbooks` become plans, by name."""
    result = checked({"playbooks/a.yaml": good("a"), "playbooks/cn/b.yml": good("b")})
    assert (sorted(result.plans), found(result)) == (["a", "b"], [])


def test_an_empty_workspace_is_fine() -> None:
    """Without any file there is a workspace with every default."""
    result = validate_workspace({}, {}, set())
    assert result.ok
    assert result.workspace is not None
    assert result.workspace.lifecycle[:2] == ("visitor", "lead")


def test_stems_are_unique_over_folders() -> None:
    """Two files of one stem are told apart by nobody."""
    result = checked({"playbooks/a.yaml": good("a"), "playbooks/cn/a.yaml": good("a")})
    assert found(result) == [("playbooks/cn/a.yaml", "duplicate-playbook")]


def test_names_of_broken_playbooks_count() -> None:
    """A playbook that another one names exists, even while it is broken."""
    result = checked(
        {
            "playbooks/a.yaml": good("a") + "  - leave: b\n",
            "playbooks/b.yaml": good("b") + "  - sned: x\n",
        }
    )
    assert found(result) == [("playbooks/b.yaml", "unknown-step")]
    assert list(result.plans) == ["a"]


def test_a_broken_workspace_makes_no_names_wrong() -> None:
    """While `longplay.yaml` is broken, what it does not name is not held against playbooks."""
    result = checked(
        {
            "longplay.yaml": WORKSPACE + "lifecyle: []\n",
            "playbooks/a.yaml": good("a") + "  - assign: other-rule\n  - emial: x\n",
        }
    )
    assert found(result) == [
        ("longplay.yaml", "unknown-key"),
        ("playbooks/a.yaml", "unknown-step"),
    ]
    assert result.plans == {}


def test_missing_variables_are_warnings() -> None:
    """A secret that is not set is a warning with its place; one that is set is none."""
    text = WORKSPACE.replace(
        "{type: email, to: sales@acme.example}", '{type: wecom, url: "https://x/${ROOM}"}'
    )
    result = checked({"longplay.yaml": text}, environment={"OTHER"})
    shown = [d for d in result.diagnostics if d.rule == "missing-variable"]
    line = text.split("\n")[shown[0].line - 1]
    assert line[shown[0].column - 1 : shown[0].end_column - 1] == "${ROOM}"
    assert result.ok
    assert found(checked({"longplay.yaml": text}, environment={"ROOM"})) == []


def test_unused_templates_are_checked_too() -> None:
    """A template that cannot be read is found though no playbook sends it."""
    facts = TemplateFacts(
        "x.html", faults=(TemplateFault("unexpected end", 3, "x.html", "close it"),)
    )
    result = checked({}, templates={"x": facts})
    assert [(d.file, d.line, d.rule, d.help) for d in result.diagnostics] == [
        ("templates/email/x.html", 3, "template-syntax", "close it")
    ]


def test_templates_are_pinned() -> None:
    """A plan pins every file of the templates that it uses, and no other."""
    templates = {
        "offer": TemplateFacts("offer.html", {"offer.html": "1", "_layout.html": "2"}),
        "other": TemplateFacts("other.html", {"other.html": "3"}),
    }
    result = checked({"playbooks/a.yaml": good("a") + "  - email: offer\n"}, templates=templates)
    assert result.plans["a"].templates == {"offer.html": "1", "_layout.html": "2"}


def test_history_names_what_conditions_count() -> None:
    """A plan names the events that its conditions, texts and segments count."""
    workspace = WORKSPACE.replace(
        "segments: {hot: lead.score >= 60}",
        "segments: {hot: \"(lead | count('page.viewed')) > 3\"}",
    )
    text = good("a") + (
        "  - if: (lead | count('order.placed')) > 1 and segment.hot\n    then: []\n"
        "  - task: \"{{ lead | count('email.clicked') }} clicks\"\n"
    )
    result = checked({"longplay.yaml": workspace, "playbooks/a.yaml": text})
    assert result.plans["a"].history == ("email.clicked", "order.placed", "page.viewed")


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("playbooks/a.yaml", True),
        ("playbooks/cn/b.yml", True),
        ("playbooks/_draft.yaml", False),
        ("playbooks/.a.yaml", False),
        ("playbooks/.git/a.yaml", False),
        ("templates/a.yaml", False),
        ("a.yaml", False),
        ("playbooks/readme.md", False),
    ],
)
def test_what_is_a_playbook(path: str, is_one: bool) -> None:
    """Playbooks are YAML files below `playbooks`, but hidden files and drafts."""
    assert is_playbook(path) is is_one


def test_two_hundred_playbooks_take_seconds_not_minutes() -> None:
    """Checking stays fast enough to run at every save."""
    files = {f"playbooks/p{n}.yaml": good(f"p{n}") + "  - wait: 1 day\n" * 10 for n in range(200)}
    before = time.process_time()
    result = checked(files)
    assert len(result.plans) == 200
    assert time.process_time() - before < 10
