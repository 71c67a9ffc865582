"""A real sales day, driven through the API and a browser, with a clock that is turned.

Four proposals stall. One is put off by a button in a message, one is acknowledged in the inbox, one
is won, and one climbs from its owner to the manager to the room, and gets another owner.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.mail.links import LinkSigner
from engine.operations import brakes
from engine.store.database import Store
from tests.calls.listener import Listener
from tests.calls.rooms import ROOMS
from tests.runtime.stage import Clock, Stage
from tests.web.browsing import NEEDS_CHROMIUM, served
from web.app import create_app
from web.deps import Deps
from web.sessions import Sessions

pytestmark = NEEDS_CHROMIUM

SECRET = "a key for tests, nothing else"
WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
language: zh-CN
currency: CNY
calendar: cn
sender: {from: "Acme <hello@acme.example>", postal_address: "1 Funnel Street"}
calendars: {cn: {country: CN, hours: {mon-fri: "09:00-18:00"}, timezone: Asia/Shanghai}}
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example, manager: chen.jie, calendar: cn}
    sam.lee: {name: Sam Lee, email: sam@acme.example, manager: chen.jie, calendar: cn}
    chen.jie: {name: 陈杰, email: chen@acme.example, calendar: cn, quiet: "18:00-09:00"}
pipelines:
  b2b:
    stages: [qualify, proposal, won: {closes: won}, lost: {closes: lost}]
assignment:
  closers: [{among: [li.wei, sam.lee], fallback: chen.jie}]
channels:
  sales-room: {type: wecom, url: "${ROOM_URL}"}
""".replace(
    "[qualify, proposal, won: {closes: won}, lost: {closes: lost}]",
    """
      - qualify
      - proposal
      - won: {closes: won}
      - lost: {closes: lost}""",
)
STALLED = """\
kind: escalation
for: deal
watch: {pipeline: b2b, stage: proposal, if: deal.amount >= 10000}
clock: {calendar: cn, resets_on: [deal.activity], acknowledge: 3 business days}
levels:
  - after: 1 business day
    steps:
      - notify: owner
        message: "{{ deal.name }} 一个工作日没有进展"
        every: 1 hour
  - after: 2 business days
    steps:
      - notify: manager
        message: "{{ deal.name }} 两个工作日没有进展"
  - after: 3 business days
    steps:
      - notify: sales-room
        message: "{{ deal.name }} 无人跟进，转给别人"
      - assign: closers
        exclude_current: true
"""


@dataclass
class Day:
    """The house on this day: its runtime, its API, and a phone that looks at its pages."""

    stage: Stage
    api: TestClient
    phone: Any
    address: str
    room: Listener

    def pass_(self, **by: float) -> None:
        """Lets time pass, and everything that is due then happen."""
        self.stage.turn(**by)
        self.work()

    def work(self) -> None:
        """What workers do; in a thread, because the browser's loop runs in this one."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.stage.work).result()

    def deal(self, id: str, name: str, amount: float) -> None:
        """A deal that enters, over the API."""
        lead = {"email": f"{id}@customer.example", "first_name": id.title()}
        body = {"id": id, "name": name, "lead": lead, "amount": amount, "owner": "li.wei",
                "pipeline": "b2b", "stage": "qualify"}  # fmt: skip
        assert self.api.post("/v1/deals", json=body).status_code == 201
        self.work()

    def move(self, id: str, stage: str) -> None:
        """A deal that moves, over the API."""
        assert self.api.patch(f"/v1/deals/{id}", json={"stage": stage}).status_code == 200
        self.work()

    def mails(self, to: str) -> list[str]:
        """The texts of the mails to somebody, in order."""
        found = []
        for one in self.stage.transport.sent:
            if one.recipient == to:
                parts = message_from_bytes(one.content).walk()
                text = next(part for part in parts if part.get_content_type() == "text/plain")
                found.append(text.get_payload(decode=True).decode())  # type: ignore[union-attr]
        return found

    def see(self, path: str) -> Any:
        """The page as the phone shows it; nothing of it stands out sideways."""
        self.phone.goto(self.address + path)
        assert self.phone.evaluate("document.documentElement.scrollWidth") <= 390
        return self.phone


@pytest.fixture
def day(sqlite_store: Store, browser: Any) -> Iterator[Day]:
    """A Monday, noon in Shanghai."""
    clock = Clock()
    store = Store(sqlite_store.url, clock=clock)
    stage = Stage(store, clock)
    room = Listener(judge=ROOMS["wecom"])
    stage.environment["ROOM_URL"] = room.url("/send?key=k")
    stage.publish(WORKSPACE, stalled=STALLED)
    app = create_app(Deps(store=store, signer=LinkSigner([SECRET]), sessions=Sessions(SECRET)))
    context = browser.new_context(locale="en", viewport={"width": 390, "height": 844})
    with (
        served(app) as address,
        TestClient(app, base_url=address, client=("127.0.0.1", 50_000)) as api,
    ):
        yield Day(stage, api, context.new_page(), address, room)
    context.close()
    room.close()
    store.close()


def test_a_sales_day(day: Day) -> None:
    """Deals enter, stall and climb; people answer; the history of each reads like a story."""
    for id, name, amount in (
        ("acme", "Acme renewal", 128_000), ("borealis", "Borealis", 56_000),
        ("cobalt", "Cobalt", 30_000), ("delta", "Delta", 20_000), ("echo", "Echo", 5_000),
    ):  # fmt: skip
        day.deal(id, name, amount)
        day.move(id, "proposal")
    _tuesday(day)
    _wednesday(day)
    _thursday(day)
    _stories(day)


def _tuesday(day: Day) -> None:
    """The owner hears of four in one message; one is put off, one acknowledged, one is won."""
    day.pass_(hours=24)
    assert day.stage.transport.sent == []
    # Mail is paused; escalations go on, gathered ones too.
    day.stage.store.write(lambda tx: brakes.pull(tx, brakes.EVERYTHING, "ops"))
    day.pass_(hours=1)
    (told,) = day.mails("li.wei@acme.example")
    assert all(name in told for name in ("Acme renewal", "Borealis", "Cobalt", "Delta"))
    assert "Echo" not in told
    borealis = told.partition("Borealis")[2]
    link = re.findall(r"http://127.0.0.1(/a/\S+)", borealis)[0]
    day.pass_(minutes=5)
    page = day.see(link)
    page.get_by_text("Something else").click()
    page.get_by_label("Until").select_option("week")
    page.get_by_role("button", name="Put off").click()
    assert "put it off" in page.get_by_role("status").inner_text()
    page = day.see("/inbox?owner=li.wei")
    subjects = page.locator(".tasks strong").all_inner_texts()
    names = ["Acme renewal", "Cobalt", "Delta"]
    assert [name in one for name, one in zip(names, subjects, strict=True)] == [True] * 3
    cobalt = page.locator("li", has_text="Cobalt")
    cobalt.get_by_role("button", name="I am on it").click()
    day.move("delta", "won")
    assert "Delta" not in day.see("/inbox?owner=li.wei").content()


def _wednesday(day: Day) -> None:
    """Only what nobody saw to reaches the manager."""
    day.pass_(hours=23)
    day.pass_(hours=1)
    told = "\n".join(day.mails("chen@acme.example"))
    assert "Acme renewal" in told
    assert not any(name in told for name in ("Borealis", "Cobalt", "Delta"))


def _thursday(day: Day) -> None:
    """The room is told, and somebody else has the deal."""
    day.pass_(hours=23)
    day.pass_(hours=1)
    assert ["Acme renewal" in one.body.decode() for one in day.room.heard] == [True]
    shown = day.api.get("/v1/deals/acme").json()
    assert shown["owner"] == "sam.lee"
    assert day.api.get("/v1/deals/borealis").json()["owner"] == "li.wei"


def _stories(day: Day) -> None:
    """Each deal's page tells what happened, from the newest back to the beginning."""
    expected = {
        "acme": ["Owner: sam.lee", "Level 3 was reached", "Level 2 was reached",
                 "Told li.wei", "Level 1 was reached", "A deal was opened"],
        "borealis": ["li.wei put it off", "Told li.wei", "Level 1 was reached"],
        "cobalt": ["li.wei sees to it", "Told li.wei", "Level 1 was reached"],
        "delta": ["won", "Level 1 was reached"],
    }  # fmt: skip
    for id, lines in expected.items():
        story = "\n".join(day.see(f"/deals/{id}").locator(".timeline li").all_inner_texts())
        places = [story.find(line) for line in lines]
        assert -1 not in places and places == sorted(places), (id, lines, story)
