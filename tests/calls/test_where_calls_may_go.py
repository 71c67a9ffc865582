"""Which addresses may be called: the one connected to is the one that was judged."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from engine.calls.client import Caller, Request
from engine.calls.network import GuardedNetwork
from engine.calls.reachable import why_not
from engine.calls.verdicts import Again, Answer, Refused
from tests.calls.conftest import Listening
from tests.calls.listener import Says
from tests.runtime.stage import Stage

PUBLIC = ["8.8.8.8", "223.5.5.5", "2400:3200::1", "2606:4700::1111", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.100.100.200", "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1",
    "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
    "2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:0:7f00:1::", "::7f00:1", "2001:db8::1",
    "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert why_not(address) == ""


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_ones_own_network_may_not(address: str) -> None:
    assert why_not(address) != ""


class Names:
    """A resolver that answers what the test says, each time the next of the answers."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, OSError):
            raise found
        return found


def called(url: str, names: Names, *, allow: bool = False) -> Answer | Again | Refused:
    async def run() -> Answer | Again | Refused:
        caller = Caller(allow_private=allow, resolver=names)
        try:
            return await caller.call(Request("POST", url, (), b"{}"))
        finally:
            await caller.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "10.1.2.3"]
)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    """However innocent the name is, its address counts."""
    found = called("http://hooks.example.com/x", Names([address]))
    assert isinstance(found, Refused)
    assert address in found.why
    assert "LONGPLAY_WEBHOOK_ALLOW_PRIVATE" in found.why


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "localhost"]
)
def test_written_addresses_and_odd_spellings_are_refused(listening: Listening, host: str) -> None:
    """Numbers that a resolver takes for an address are judged as that address."""
    server = listening()

    async def run() -> Answer | Again | Refused:
        caller = Caller()
        try:
            return await caller.call(Request("POST", f"http://{host}:{server.port}/", (), b"{}"))
        finally:
            await caller.close()

    assert isinstance(asyncio.run(run()), Refused)
    assert server.heard == []


def test_the_address_that_was_judged_is_the_one_connected_to(listening: Listening) -> None:
    """The name is looked up once a connection: an answer that changes afterwards gains nothing."""
    server = listening(Says(200, "here"))
    names = Names(["127.0.0.1"], ["10.255.255.1"])
    found = called(f"http://rebinding.example.com:{server.port}/x", names, allow=True)
    assert isinstance(found, Answer)
    assert names.asked == ["rebinding.example.com"]
    assert server.heard[0].headers["host"] == f"rebinding.example.com:{server.port}"


def test_of_several_addresses_only_public_ones_are_tried() -> None:
    """A name with a private address beside a public one leads to the public one alone."""
    network = GuardedNetwork(allow_private=False, resolver=Names(["127.0.0.1", "8.8.8.8", "::1"]))
    assert asyncio.run(network._allowed("mixed.example.com", 80)) == ["8.8.8.8"]


def test_another_address_is_tried_when_the_first_does_not_answer(listening: Listening) -> None:
    """A name whose IPv6 address is dead still has its IPv4 one."""
    server = listening(Says(200))
    found = called(
        f"http://two.example.com:{server.port}/", Names(["::1", "127.0.0.1"]), allow=True
    )
    assert isinstance(found, Answer)


def test_an_unknown_name_is_tried_again(listening: Listening) -> None:
    """DNS that does not answer is no reason to give up."""
    found = called("http://nowhere.example.com/", Names(OSError("no such name")))
    assert isinstance(found, Again)
    assert found.silent


def test_a_webhook_to_the_inside_stops_its_run(stage: Stage, listening: Listening) -> None:
    """Nothing is called; the run waits in the inbox, with the reason."""
    server = listening()
    stage.allow_private = False
    stage.publish(
        call="enroll: {when: [{event: form.submitted}]}\n"
        f"steps:\n  - webhook: http://localhost:{server.port}/latest/meta-data\n"
    )
    stage.event("form.submitted")
    stage.work()
    assert server.heard == []
    assert stage.run()["state"] == "stopped"
    assert stage.run()["reason"].startswith("refused to call it: '")


def test_a_drip_of_bytes_is_cut_off(listening: Listening) -> None:
    """An answer that never ends is given up when the time is over."""
    server = listening(Says(200, b"x" * 500, drips=0.05))

    async def run() -> Answer | Again | Refused:
        caller = Caller(allow_private=True)
        try:
            return await caller.call(Request("GET", server.url()), within=timedelta(seconds=0.6))
        finally:
            await caller.close()

    found = asyncio.run(run())
    assert isinstance(found, Again)
    assert found.silent
