"""The pages in a real browser: they load whole under their own policy, and nothing overflows.

Pictures are left in the folder that LONGPLAY_PICTURES names, for people to look at.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from engine.ids import derived_id
from engine.mail.catcher import keep_mail
from engine.mail.links import ActionLink, LinkKind, LinkSigner
from engine.operations import brakes
from engine.operations.edit_leads import put_lead
from engine.operations.enrolling_by_hand import enroll
from engine.store import deals, notices, task_acts, tasks
from engine.store.database import Transaction
from tests.web.browsing import CHROMIUM, NEEDS_CHROMIUM, served

if TYPE_CHECKING:
    from tests.web.conftest import House, Work

SIZES = {"desktop": (1280, 900), "phone": (390, 844), "narrow": (360, 640)}
PLAIN = ("inbox", "notices", "button", "button-of-a-task",
         "overview", "playbook", "leads", "lead", "company", "enrollments", "enrollment",
         "mail-list", "mail",
         "templates", "template",
         "unsubscribe", "confirm")  # fmt: skip
PEOPLE = [
    ("ann@example.com", "Ann", "Lee", "Northwind Traders", "US"),
    ("wei.zhang@example.cn", "伟", "张", "杭州云帆科技有限公司", "CN"),
    ("a.very.long.local.part.that.goes.on@subdomain.of.a.long-domain.example", "Maximiliane",
     "Oberhuber-Schwarzenegger", "Donaudampfschifffahrtsgesellschaft", "AT"),
    ("bo@example.com", None, None, None, None),
]  # fmt: skip

CONTRASTS = """
() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    for (let at = e; at; at = at.parentElement) {
      const c = rgb(getComputedStyle(at).backgroundColor);
      if (c.length < 4 || c[3] > 0.9) return c;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('h1, h2, p, legend, label, span, button, a, b')];
  return texts.filter(e => e.textContent.trim()).filter(e => {
    const [one, two] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
    return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < 4.5;
  }).map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40));
}
"""
"""What is written too faintly on its ground (WCAG 2, 1.4.3)."""

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def busy(house: "House") -> "House":
    """A house in which something has happened."""
    client, workspace, work = house.client, house.store, house.work
    for email, first, last, company, country in PEOPLE:
        lead = {"email": email, "first_name": first, "last_name": last, "company": company,
                "country": country, "tags": ["webinar"]}  # fmt: skip
        put_lead(workspace, {k: v for k, v in lead.items() if v}, actor="api")
        event = {"name": "form.submitted", "lead": {"email": email},
                 "properties": {"form": "trial", "page": "/pricing"}}  # fmt: skip
        client.post("/v1/events", json=event)
    work.until_rest()
    person = {"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
    for token in work.tokens("c")[:2]:
        client.get(f"/c/{token}", headers=person)
    client.post(f"/u/{work.tokens('u')[-1]}")
    order = {"name": "order.placed", "lead": {"email": "bo@example.com"},
             "properties": {"id": "o-1", "amount": 1234.5, "currency": "CNY"}}  # fmt: skip
    client.post("/v1/events", json=order)
    client.patch("/v1/leads/ann@example.com", json={"stage": "mql", "owner": "li.wei"})
    enroll(workspace, "trial-nurture", names=["wei.zhang@example.cn"])
    work.until_rest()
    workspace.write(_add_tasks)
    workspace.write(lambda tx: brakes.pull(tx, "win-back", "ops"))
    return house


def _add_tasks(tx: Transaction) -> None:
    row = {
        "kind": "task", "owner": "li.wei", "lead": None, "enrollment": None, "text": "",
        "priority": "high", "state": "open", "due_at": tx.now, "snoozed_until": None, "result": "",
        "created_at": tx.now, "ended_at": None, "subject": "Call Ann Lee about the trial",
    }  # fmt: skip
    stopped = row | {
        "kind": "stopped", "owner": None, "priority": "", "due_at": None,
        "subject": "trial-nurture stopped at 'hello'", "text": "template 'welcome' has no subject",
    }  # fmt: skip
    asked = row | {
        "kind": "approval", "subject": "给 Northwind Traders 打九折，并在本季度内签约？",
        "due_at": tx.now + timedelta(days=2),
    }  # fmt: skip
    risen = row | {
        "kind": "escalation", "level": 2, "subject": "Northwind renewal has not moved for 5 days",
        "text": "level 2 of stalled-proposals", "deal": _add_deal(tx),
        "due_at": tx.now - timedelta(hours=3), "priority": "",
    }  # fmt: skip
    many = [
        one | {"id": derived_id(name)}
        for name, one in (("a", row), ("b", stopped), ("c", asked), ("d", risen))
    ]
    for one in many:  # their columns differ
        tasks.insert(tx, [one])
    until = tx.now + timedelta(days=1)
    task_acts.record(tx, derived_id("a"), "acknowledged", by="li.wei", way="message")
    task_acts.record(tx, derived_id("a"), "snoozed", by="chen.jie", way="page", until_at=until)
    told = {
        "owner": "li.wei", "channel": "", "lead": None, "deal": None, "enrollment": "e",
        "playbook": "trial-nurture", "step": "notify-owner", "task": None,
        "created_at": tx.now, "due_at": until,
    }  # fmt: skip
    rows = [
        told | {"id": derived_id("n", number), "digest": derived_id("digest"), "text": text}
        for number, text in enumerate(
            ("Ann Lee asked for a quote", "张伟 要试用，请在今天之内联系")
        )
    ]
    notices.insert(tx, rows)


def _add_deal(tx: Transaction) -> str:
    row = {
        "id": "renewal", "name": "Northwind renewal", "lead": "l", "pipeline": "b2b",
        "stage": "proposal", "closed": "", "entry_ref": "e", "amount": 128000.0, "currency": "CNY",
        "tags": [], "fields": {}, "version": 0, "created_at": tx.now, "stage_entered_at": tx.now,
    }  # fmt: skip
    tx.conn.execute(sa.insert(deals.table), row)
    return "renewal"


@pytest.fixture(scope="module")
def address(busy: "House") -> Iterator[str]:
    """The application on a port of its own."""
    with served(busy.client.app) as found:
        yield found


def _paths(busy: TestClient, work: "Work") -> dict[str, str]:
    """Every page worth a picture, by name."""
    runs = busy.get("/v1/enrollments").json()["enrollments"]
    waiting = next(run for run in runs if run["state"] == "waiting")
    mail = busy.get("/mail").text.split('href="/mail/')[1][:20]
    return {
        "overview": "/",
        "playbooks": "/playbooks",
        "playbook": "/playbooks/trial-nurture",
        "leads": "/leads",
        "lead": "/leads/ann@example.com",
        "companies": "/companies",
        "company": "/companies/Northwind Traders",
        "pools": "/pools",
        "lifecycle": "/lifecycle",
        "duplicates": "/duplicates",
        "enrollments": "/enrollments",
        "enrollment": f"/enrollments/{waiting['id']}",
        "inbox": "/inbox",
        "inbox-of-one": "/inbox?owner=li.wei&kind=escalation",
        "notices": "/notices",
        "button": _button("c", 4),
        "button-of-a-task": _button("a", 1),
        "mail-list": "/mail",
        "mail": f"/mail/{mail}",
        "mail-headers": f"/mail/{mail}?view=headers",
        "templates": "/templates",
        "template": "/templates/welcome?lead=wei.zhang@example.cn&scheme=dark&width=phone",
        "template-text": "/templates/welcome?view=text",
        "unsubscribe": f"/u/{work.tokens('u')[0]}",
        "unsubscribed": f"/u/{work.tokens('u')[-1]}",
        "confirm": f"/s/{_confirming(work.tokens('u')[0])}",
        "lost": "/c/nothing",
        "login": "/login",
        "missing": "/no-such-page",
    }


def _button(entry: str, choice: int) -> str:
    until = datetime.now(UTC) + timedelta(days=3)
    link = ActionLink(derived_id(entry), choice, "li.wei", until)
    return f"/a/{LinkSigner(['a secret of the tests']).action_token(link)}"


@pytest.mark.parametrize(
    ("size", "scheme", "language"),
    [
        ("desktop", "light", "en"),
        ("phone", "dark", "zh-CN"),
        ("narrow", "light", "en"),
    ],
)
def test_pages_load_whole_and_fit(
    busy: "House", address: str, browser: Any,
    size: str, scheme: str, language: str,
) -> None:  # fmt: skip
    """No refused style, no script error, no sideways scrolling, in both schemes and languages."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale=language
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    wide: list[str] = []
    paths = _paths(busy.client, busy.work)
    for name in paths if size == "desktop" else PLAIN:
        path = paths[name]
        page.goto(address + path)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(name)
        _picture(page, f"{name}-{size}-{scheme}-{language}")
    assert wide == []
    assert [one for one in said if "404" not in one] == []
    context.close()


def test_a_mail_in_its_frame_runs_nothing(busy: "House", address: str, browser: Any) -> None:
    """Scripts and forms of a mail are dead; its styles are not."""
    evil = (
        b"Subject: hi\r\nContent-Type: text/html\r\n\r\n<h1 style='color: rgb(1, 2, 3)'>x</h1>"
        b"<script>document.title='taken'; parent.document.title='taken'</script>"
    )
    kept = keep_mail(busy.mail_folder, evil, "a@example.com", ("b@example.com",))
    page = browser.new_page()
    page.goto(f"{address}/mail/{kept}")
    frame = page.frame_locator("iframe")
    assert frame.locator("h1").evaluate("e => getComputedStyle(e).color") == "rgb(1, 2, 3)"
    assert "taken" not in page.title()


@pytest.mark.parametrize(
    ("language", "unsubscribe", "back", "save", "agree", "thanks"),
    [
        ("en", "Unsubscribe from everything", "That was a mistake: subscribe again", "Save",
         "Yes, I agree", "Confirmed, thank you"),
        ("zh-CN", "退订全部邮件", "点错了，重新订阅", "保存", "是的，我同意", "已确认，谢谢"),
    ],
)  # fmt: skip
def test_a_person_chooses_its_mail_in_a_browser(
    busy: "House", address: str, browser: Any,
    language: str, unsubscribe: str, back: str, save: str, agree: str, thanks: str,
) -> None:  # fmt: skip
    """Without JavaScript, by keyboard and by labels: topics, leaving, coming back, confirming."""
    context = browser.new_context(java_script_enabled=False, locale=language)
    page = context.new_page()
    token = busy.work.tokens("u")[0]
    page.goto(f"{address}/u/{token}")
    box = page.get_by_label("newsletter")
    assert box.is_checked()
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name=save).press("Enter")
    assert page.get_by_role("status").is_visible()
    assert not page.get_by_label("newsletter").is_checked()
    page.get_by_label("newsletter").check()
    page.get_by_role("button", name=save).click()
    assert page.get_by_label("newsletter").is_checked()
    page.get_by_role("button", name=unsubscribe).click()
    page.get_by_role("button", name=back).click()
    assert page.get_by_role("button", name=unsubscribe).is_visible()
    page.goto(f"{address}/s/{_confirming(token)}")
    if page.get_by_role("button", name=agree).count():
        page.get_by_role("button", name=agree).click()
    assert page.get_by_role("heading", name=thanks).is_visible()
    assert context.cookies() == []
    context.close()


def test_a_person_answers_in_a_browser(busy: "House", address: str, browser: Any) -> None:
    """From a message by one button, and in the inbox many at once, without JavaScript."""
    context = browser.new_context(
        java_script_enabled=False, locale="zh-CN", viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    page.goto(address + _button("a", 1))
    page.get_by_label("结果如何？").fill("要报价")
    page.get_by_role("button", name="完成").click()
    assert page.get_by_role("status").inner_text() == "谢谢，已记录：您已完成。"
    page.goto(address + _button("a", 1))
    assert "此事已有人处理" in page.get_by_role("status").inner_text()
    assert context.cookies() == []
    page.goto(f"{address}/inbox?owner=li.wei")
    boxes = page.get_by_role("checkbox")
    assert boxes.count() == 2
    page.locator("li.approval").get_by_role("checkbox").check()
    page.get_by_label("对所选项的操作").select_option(label="批准")
    page.get_by_role("button", name="对所选执行").click()
    # Nobody asks any more: the entry belongs to no run, and says so by staying.
    assert "0" in page.get_by_role("status").inner_text() or boxes.count() == 1
    context.close()


def test_the_preference_page_can_be_read_by_anybody(
    busy: "House", address: str, browser: Any
) -> None:
    """Text stands out from its ground by 4.5 to 1 in both schemes, and what can be pressed is
    large enough for a thumb."""
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 360, "height": 640}, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{address}/u/{busy.work.tokens('u')[0]}")
        weak = page.evaluate(CONTRASTS)
        assert weak == []
        small = page.evaluate(
            "[...document.querySelectorAll('button, select, label.tick')]"
            ".filter(e => e.getBoundingClientRect().height < 40).map(e => e.textContent.trim())"
        )
        assert small == []
        context.close()


def _confirming(token: str) -> str:
    """The token by which the mail with this token to unsubscribe would ask for a consent."""
    signer = LinkSigner(["a secret of the tests"])
    link = signer.read(token)
    assert link is not None
    return signer.token(LinkKind.CONFIRM, link.job_id)


def _picture(page: Any, name: str) -> None:
    folder = os.environ.get("LONGPLAY_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_the_browser_is_where_the_tests_look_for_it() -> None:
    """The path above is a program."""
    assert shutil.which(str(CHROMIUM))
