"""One lead in five hundred whose mail cannot be written: it stands alone, and comes back."""

from pathlib import Path

import pytest

from engine.operations import control, edit_leads, editions, publish
from tests.runtime.stage import PAGE, WORKSPACE, Stage, soundness

HELLO = """\
playbook: hello
enroll: {when: [{event: form.submitted}]}
steps:
  - email: tags
  - tag: told
"""
LOOPS = "{% for a in lead.tags %}{% for b in lead.tags %}{% for c in lead.tags %}x{% endfor %}"
TAGS = PAGE + LOOPS + "{% endfor %}{% endfor %}"
POISON = [f"tag-{number}" for number in range(70)]
"""Three loops over so many take more steps than a text may."""


def poisoned(stage: Stage, folder: Path) -> dict[str, object]:
    """499 leads go on, and one is stopped: its enrollment."""
    files = {"longplay.yaml": WORKSPACE, "playbooks/hello.yaml": HELLO}
    for name, text in {**files, "templates/email/tags.html": TAGS}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = editions.read_folder(folder)
    publish.publish(stage.store, editions.edition_of(found, editions.check(found)))
    stage.crowd(500, "page.viewed")
    edit_leads.put_lead(stage.store, {"email": "lead7@example.com", "tags": POISON}, actor="test")
    stage.crowd(500)
    stage.work()
    assert len(stage.runs(outcome="completed")) == 499
    assert len(stage.transport.sent) == 499
    (stopped,) = stage.runs(state="stopped")
    assert stopped["lead"] == stage.lead("lead7")["id"]
    (task,) = stage.tasks(kind="stopped", state="open")
    assert task["enrollment"] == stopped["id"]
    assert "takes more than" in stopped["reason"]
    soundness(stage)
    return stopped


def test_after_the_lead_is_mended_a_retry_sends_its_mail(stage: Stage, tmp_path: Path) -> None:
    """The same step again; nobody else gets anything twice."""
    run = poisoned(stage, tmp_path / "workspace")
    control.retry(stage.store, str(run["id"]))
    stage.work()
    assert stage.runs(state="stopped"), "not mended yet, it stops again"
    edit_leads.put_lead(stage.store, {"email": "lead7@example.com", "tags": ["one"]}, actor="test")
    control.retry(stage.store, str(run["id"]))
    stage.work()
    assert len(stage.runs(outcome="completed")) == 500
    assert len({one.message_id for one in stage.transport.sent}) == 500
    assert stage.tasks(kind="stopped", state="open") == []
    soundness(stage)


@pytest.mark.parametrize("again", [False, True])
def test_a_skip_goes_on_behind_it_without_the_mail(
    stage: Stage, tmp_path: Path, again: bool
) -> None:
    """After one look, or after a second one that found it no better."""
    run = poisoned(stage, tmp_path / "workspace")
    if again:
        control.retry(stage.store, str(run["id"]))
        stage.work()
    control.skip(stage.store, str(run["id"]))
    stage.work()
    assert len(stage.runs(outcome="completed")) == 500
    assert len(stage.transport.sent) == 499
    assert "told" in stage.lead("lead7")["tags"]
    assert stage.tasks(kind="stopped", state="open") == []
    soundness(stage)
