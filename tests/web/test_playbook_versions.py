"""The page of a playbook: its versions."""

import re
from dataclasses import replace

from starlette.testclient import TestClient

from engine.operations import rollback
from engine.operations.editions import Edition
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.publish import publish
from engine.playbook.plan import Plan
from engine.store.database import Store


def test_a_playbook_lists_its_versions_and_who_is_still_on_them(
    client: TestClient, workspace: Store, edition: Edition
) -> None:
    """Published, replaced and gone back to: three lines, each with its count."""
    enter = IncomingEvent(
        "form.submitted", {"email": "ann@example.com"}, properties={"form": "trial"}
    )
    assert take_in(workspace, [enter]).accepted == 1
    plan = Plan(**{**edition.plans["trial-nurture"].model_dump(), "title": "试用期培育"})
    changed = replace(edition, plans={**edition.plans, "trial-nurture": plan})
    publish(workspace, changed, actor="li.wei")
    rollback.rollback(workspace, "trial-nurture", actor="chen.jie")
    page = client.get(
        "/playbooks/trial-nurture", headers={"Accept-Language": "zh-CN", "Accept": "text/html"}
    ).text
    (table,) = re.findall(r'<h2 id="versions">.*?</table>', page, re.DOTALL)
    rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[1:]
    words = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]
    assert [("当前" in line, line.endswith(" 1")) for line in words] == [
        (True, True), (False, False), (False, False),
    ]  # fmt: skip
    assert "回退 chen.jie" in words[0] and "发布 li.wei" in words[1]
