"""`send`: takes a batch of jobs out of the house, a window at a time.

It is bounded (500 jobs, less than a minute) and never waits for a time to come: what may not go
now is written `deferred until` (runtime.md, I15). Whoever repeats it takes only what is queued.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from activities._counting import about_letter, count_mail, count_window, note_mail
from engine import tracing
from engine.errors import LongplayError, TryAgainError
from engine.ids import new_id
from engine.log_context import About
from engine.mail.transports.port import Accepted, NotSent, Outcome, Reply, Transport
from engine.mail.transports.speeds import Speeds
from engine.operations import notices
from engine.operations.clock_guard import ClockGuard
from engine.operations.exits import Exits, Leaving
from engine.operations.letters import Writer, Written
from engine.operations.reports import Sent
from engine.operations.turns import take_turn
from engine.operations.windows import BRISK, WIDE, WINDOW, Letter, Window
from engine.playbook.providers import destination_of
from engine.store.database import Store, Transaction, is_away

MOST_JOBS = 500
TIME = timedelta(seconds=50)
ONE_MESSAGE = timedelta(seconds=30)
BEGUN = timedelta(seconds=1)
"""A message that was decided about longer ago is not begun: the brake may be on by now."""

_SMALLEST = 4
INSISTS = timedelta(seconds=25)
"""How long after its time an attempt goes on telling what it found out; leases are longer."""

_PAUSE = 0.5
_PATIENCE = 0.3
"""Seconds that a window waits for all of its messages; then others are begun beside the rest."""

_LINGER = 0.1
"""Seconds in which messages that end together are reported together."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an attempt did: counts and times only.

    Attributes:
        taken: messages that this attempt took in hand.
        look_in: how soon the batch is worth a look again; None: at once, if it is still open.
    """

    taken: int
    look_in: timedelta | None


@dataclass(frozen=True, slots=True)
class Courier:
    """All that sending needs: the store, who writes, who carries, and whose clock is watched.

    `exits` signs, and knows the mail accounts; without it all mail goes by `transport` as it is.
    `speeds`: what the transports find out of destinations. `apart`: it serves batches that have one
    destination each, so that nobody else waits however slow that is.
    """

    store: Store
    writer: Writer
    transport: Transport
    guard: ClockGuard = field(default_factory=ClockGuard)
    exits: Exits | None = None
    speeds: Speeds = field(default_factory=Speeds)
    apart: bool = False

    async def deliver(
        self, batch: str, *, may_go_on: Callable[[], bool] = lambda: True
    ) -> Delivered:
        """Sends what it can of `batch` in its time; between windows it asks whether to go on."""
        token = new_id()
        deadline = time.monotonic() + TIME.total_seconds()
        taken = 0
        sent: list[Sent] = []
        going: dict[asyncio.Task[Sent], str] = {}
        first = True
        size = WINDOW
        while True:
            in_time = taken < MOST_JOBS and time.monotonic() < deadline
            last = not (in_time and may_go_on())
            if last and going:
                sent = [*sent, *(await asyncio.gather(*going))]
                going = {}
            if last and not sent:
                return Delivered(taken, None)
            room = max(0, WINDOW - len(going)) if going else size
            seen = {destination_of(one.address) for one in sent} | {*going.values()}
            news = self.speeds.news(seen)
            turn = partial(
                take_turn,
                batch=batch, token=token, guard=self.guard, sent=sent, first=first, last=last,
                size=min(size, room, MOST_JOBS - taken), news=news, apart=self.apart,
            )  # fmt: skip
            window = await self._written(turn, sent, deadline)
            self.speeds.told(news)
            count_window(window)
            if last or not (window.letters or window.left or going):
                return Delivered(taken, window.look_in)
            taken += len(window.letters)
            going |= {
                asyncio.create_task(self._one(one, deadline)): _goes_to(one)
                for one in window.letters
            }
            more = bool(window.letters or window.left)
            began = time.monotonic()
            sent, going = await self._most_of(going, may_begin=more and not self.apart)
            first = False
            back = sum(_is_put_back(one.outcome) for one in sent)
            taken -= back
            # A slow server gets small windows: a brake is heeded by what is claimed after it.
            widest = WIDE if not going and time.monotonic() - began < BRISK else WINDOW
            size = max(_SMALLEST, len(sent) - back) if back else min(widest, size * 2)

    async def _most_of(
        self, going: dict[asyncio.Task[Sent], str], *, may_begin: bool
    ) -> tuple[list[Sent], dict[asyncio.Task[Sent], str]]:
        """What came of a window, and who is still under way: others do not wait for stragglers.

        While all connections are taken nothing new is begun: somebody must have ended in earnest.
        But where they are taken by slow ones, others `may_begin`, who have connections left.
        """
        if not going:
            return [], going
        ended, left = await asyncio.wait(going, timeout=_PATIENCE)
        while left and all(_is_put_back(one.result().outcome) for one in ended):
            room = bool(ended) or len(left) < WINDOW
            if may_begin and room and any(self.speeds.is_slow(going[one]) for one in left):
                break
            when = asyncio.FIRST_COMPLETED
            await asyncio.wait(left, timeout=_PATIENCE if may_begin else None, return_when=when)
            await asyncio.sleep(_LINGER)
            ended, left = await asyncio.wait(going, timeout=0)
        # In their order, so that a rehearsal tells the same story each time.
        sent = [one.result() for one in going if one in ended]
        return sent, {one: name for one, name in going.items() if one in left}

    async def _written(
        self, turn: Callable[[Transaction], Window], sent: Sequence[Sent], deadline: float
    ) -> Window:
        """Writes a turn. With something to tell it outlasts a database that is away for a while.

        What it gave up on would be in doubt, though it knows what became of it.
        """
        while True:
            try:
                return await asyncio.to_thread(self._turned, turn)
            except (SQLAlchemyError, TryAgainError) as error:
                away = isinstance(error, TryAgainError) or is_away(error)
                if not (sent and away and time.monotonic() < deadline + INSISTS.total_seconds()):
                    raise
                _log.warning("what became of %s mails cannot be written yet: %s", len(sent), error)
            await asyncio.sleep(_PAUSE)

    def _turned(self, turn: Callable[[Transaction], Window]) -> Window:
        window = self.store.write(turn)
        _ = window.letters  # made here, when nobody waits for this transaction any more
        return window

    async def _one(self, letter: Letter, deadline: float) -> Sent:
        about = about_letter(letter)
        with About(**about), tracing.Span(letter.op.action, letter.trace, ids=about) as span:
            sent = await self._tried(letter, deadline)
            note_mail(span, sent.outcome)
            return sent

    async def _tried(self, letter: Letter, deadline: float) -> Sent:
        try:
            written = self.writer.write(letter)
        except LongplayError as error:
            return _sent(letter, None, error.message)
        except Exception as error:  # one letter's fault must not leave its window in doubt (I6)
            _log.exception("a message could not be written")
            fault = str(error).partition("\n")[0] or type(error).__name__
            return _sent(letter, None, f"it could not be written: {fault}"[:300])
        if letter.recipient.mailing.address == "inbox":
            return _sent(letter, written, await self._to_inbox(letter, written))
        left = deadline - time.monotonic()
        if left <= 1:
            # A sender that was stopped and came back must not send what it no longer owns (I13).
            return _sent(letter, written, NotSent("the sender ran out of time", timedelta()))
        within = min(ONE_MESSAGE, timedelta(seconds=left))
        leaving: Leaving | NotSent = Leaving(written.envelope, self.transport)
        if self.exits is not None:
            leaving = self.exits.leaving(letter, written.envelope)
        if isinstance(leaving, NotSent):
            return _sent(letter, written, leaving)
        began = time.monotonic()
        transport = leaving.transport
        outcome = await transport.send(leaving.envelope, within=within, start_within=BEGUN)
        return _sent(letter, written, outcome, time.monotonic() - began)

    async def _to_inbox(self, letter: Letter, written: Written) -> Outcome:
        await asyncio.to_thread(
            self.store.write, lambda tx: notices.into_inbox(tx, letter, written.subject)
        )
        return Accepted(Reply(250, "", "put into the inbox"))


def _sent(
    letter: Letter, written: Written | None, outcome: Outcome | str, took: float | None = None
) -> Sent:
    if not _is_put_back(outcome):
        count_mail(letter, outcome, took)
    params = letter.op.params
    return Sent(
        job=letter.job,
        enrollment=letter.enrollment,
        seq=letter.seq,
        lead=str(letter.lead.get("id") or ""),
        step=letter.op.step,
        playbook=letter.playbook,
        address=letter.recipient.mailing.address,
        subject=written.subject if written else "",
        template=written.template if written else "",
        links=written.links if written else (),
        attempt=letter.attempt,
        created_at=letter.created_at,
        marketing=letter.recipient.mailing.marketing,
        resend=letter.op.action == "notify" or params.get("in_doubt") == "resend",
        outcome=outcome,
        via=letter.via,
        gathered=letter.is_gathered,
    )


def _goes_to(letter: Letter) -> str:
    return destination_of(letter.recipient.mailing.address)


def _is_put_back(outcome: Outcome | str) -> bool:
    return isinstance(outcome, NotSent) and outcome.put_back
