"""Attempts to break calling out: strange bytes, strange addresses, many senders, both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import LongplayError
from engine.operations import braking
from engine.operations.fillings import filled_text, filled_tree, filled_url
from engine.store.database import Store
from tests.calls.conftest import Listening
from tests.calls.listener import Says
from tests.runtime.stage import WORKSPACE, Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest) -> Stage:
    """A stage on each of the databases, by the wall clock."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return Stage(store)


def test_strange_bytes_in_an_answer_are_only_shown_cleanly(
    both: Stage, listening: Listening
) -> None:
    """NUL, escape codes and broken UTF-8 neither break the report nor a terminal."""
    server = listening(Says(400, b"no\x00 \x1b[31mred\xff \xe4\xb8\xad\xed\xa0\x80 end"))
    both.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n")
    both.event("form.submitted")
    both.work()
    assert both.run()["state"] == "stopped"
    assert both.run()["reason"].startswith("answered 400: no [31mred")
    assert "中" in both.run()["reason"]
    soundness(both)


def test_many_senders_share_a_batch_without_calling_twice(
    both: Stage, listening: Listening
) -> None:
    """Four of them at once on the same batches: every lead is told once."""
    server = listening(Says(200, {"n": 1}))
    both.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n    save: crm\n")
    both.crowd(80)
    batches = both.open_batches()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(both.deliver, batches * 4))
    both.work()
    while len(both.jobs(state="accepted")) < 80:
        both.turn(minutes=2)
        both.work()
    ids = [one.headers["webhook-id"] for one in server.heard]
    assert len(ids) == len(set(ids)) == 80
    assert {run["memory"]["saved"]["crm"]["n"] for run in both.runs()} == {1}
    assert {run["outcome"] for run in both.runs()} == {"completed"}
    soundness(both)


def test_a_room_keeps_its_measure_on_both_databases(both: Stage, listening: Listening) -> None:
    """Senders side by side share the places of a room."""
    server = listening(Says(200, {"errcode": 0}))
    both.environment = {"ROOM_URL": server.url()}
    both.publish(
        WORKSPACE + 'channels: {room: {type: wecom, url: "${ROOM_URL}"}}\n',
        tell=ON_FORM + "steps:\n  - notify: room\n    message: 看\n",
    )
    both.crowd(12)
    batches = both.open_batches()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(both.deliver, batches * 4))
    assert 1 <= len(server.heard) <= 3
    assert len(both.jobs(state="deferred")) == 12 - len(server.heard)
    soundness(both)


def test_the_brake_holds_calls_too(stage: Stage, listening: Listening) -> None:
    """While everything is stopped nothing is called; afterwards it goes."""
    server = listening()
    stage.publish(call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n")
    stage.event("form.submitted")
    stage.advance()
    braking.pull(stage.store, actor="li.wei")
    stage.work()
    assert (server.heard, stage.job()["reason"]) == ([], "paused")
    braking.let_go(stage.store)
    stage.turn(minutes=5)
    stage.work()
    assert len(server.heard) == 1


def test_chinese_goes_everywhere(stage: Stage, listening: Listening) -> None:
    """In headers as UTF-8, in addresses encoded, in bodies as it is."""
    server = listening()
    stage.publish(
        call=ON_FORM + f"steps:\n  - webhook: {server.url('/线索?来源=表单')}\n"
        "    headers: {X-Team: 销售}\n    json: {公司: '{{ lead.company }}'}\n"
    )
    stage.event("form.submitted", fields={"company": "星河科技"})
    stage.work()
    (heard,) = server.heard
    assert heard.path == "/%E7%BA%BF%E7%B4%A2?%E6%9D%A5%E6%BA%90=%E8%A1%A8%E5%8D%95"
    assert heard.headers["x-team"].encode("latin-1").decode() == "销售"
    assert '"公司":"星河科技"'.encode() in heard.body


def test_a_header_cannot_be_split(stage: Stage, listening: Listening) -> None:
    """A line break that a lead brings along stops the call, not the header."""
    server = listening()
    stage.publish(
        call=ON_FORM + f"steps:\n  - webhook: {server.url()}\n"
        "    headers: {X-Who: '{{ lead.first_name }}'}\n"
    )
    stage.event("form.submitted", fields={"first_name": "a\r\nX-Admin: 1"})
    stage.work()
    assert all("x-admin" not in one.headers for one in server.heard)
    soundness(stage)


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("https://例子.测试/a", "https://xn--fsqu00a.xn--0zwm56d/a"),
        ("https://crm.example.com", "https://crm.example.com/"),
        ("https://crm.example.com:8443/a?b=c d", "https://crm.example.com:8443/a?b=c%20d"),
        ("http://[2400:3200::1]:80/x", "http://[2400:3200::1]:80/x"),
        ("${URL}/x/{{ lead.name }}", "https://crm.example.com/base/x/a%2Fb%3F"),
    ],
)
def test_addresses_are_written_for_the_wire(source: str, url: str) -> None:
    """In ASCII, with what templates give encoded."""
    scope = {"lead": {"name": "a/b?"}}
    assert filled_url(source, scope, {"URL": "https://crm.example.com/base\n"}) == url


@pytest.mark.parametrize(
    "value",
    ["ftp://x.example.com", "crm.example.com", "", "  ", "https://", "https://u:p@x.example.com",
     "javascript:alert(1)", "https://x.example.com:99999/", "https://" + "a" * 9000 + ".com/"],
)  # fmt: skip
def test_what_the_environment_holds_must_be_an_address(value: str) -> None:
    """A variable with something else in it is a fault that can be told, without its value."""
    with pytest.raises(LongplayError) as fault:
        filled_url("${URL}", {}, {"URL": value})
    assert len(value) < 10 or value not in fault.value.message


def test_values_of_every_type_become_json() -> None:
    """Texts with a secret in them, lone names, missing ones, lists and trees."""
    scope = {"lead": {"score": 4.5, "tags": ["a", "b"], "ok": True, "none": None}}
    tree = {
        "n": "{{ lead.score }}", "t": "{{ lead.tags }}", "b": "{{ lead.ok }}",
        "m": "{{ lead.none }}", "s": "{{ lead.score }} ${KEY}", "deep": [{"x": "${KEY}"}], "i": 3,
    }  # fmt: skip
    assert filled_tree(tree, scope, {"KEY": "k" * 8}) == {
        "n": 4.5, "t": ["a", "b"], "b": True, "m": None, "s": "4.5 kkkkkkkk",
        "deep": [{"x": "kkkkkkkk"}], "i": 3,
    }  # fmt: skip


def test_a_template_cannot_name_a_secret_by_its_own_value() -> None:
    """What a template gives is not looked through again."""
    scope = {"lead": {"name": "${KEY}", "other": "{{ lead.name }}"}}
    source = "{{ lead.name }}/{{ lead.other }}/${KEY}"
    assert filled_text(source, scope, {"KEY": "{{ lead.name }}"}) == (
        "${KEY}/{{ lead.name }}/{{ lead.name }}"
    )
