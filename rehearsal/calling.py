"""Calls of a rehearsal: decided and reported as in production, and answered by the scenario.

Nothing leaves the house. A room takes every notice; a webhook answers what `saved:` says under the
name that the step keeps it by, or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from engine.calls.channels.adapter import as_json
from engine.calls.verdicts import Answer, Refused, Taken
from engine.errors import LongplayError
from engine.operations.calls import Called, take_turn
from engine.operations.clock_guard import ClockGuard
from engine.operations.requests import CallWriter
from engine.operations.windows import WINDOW, Letter, Window
from engine.store.memory import MemoryStore

_TOKEN = "rehearsal"


@dataclass(slots=True)
class Calling:
    """Stands in the place of everybody who is called.

    Attributes:
        store: the rehearsal's.
        guard: its clocks.
        answers: what webhooks answer, by the name of `save`.
    """

    store: MemoryStore
    guard: ClockGuard
    answers: Mapping[str, JsonValue] = field(default_factory=dict)
    _writer: CallWriter = field(default_factory=lambda: CallWriter({}))

    def deliver(self, batch: str) -> None:
        """Serves the batch until nothing in it may go now."""
        window = self._turn(batch, [], first=True)
        while window.letters:
            window = self._turn(batch, [self._answered(one) for one in window.letters])

    def _turn(self, batch: str, called: list[Called], *, first: bool = False) -> Window:
        return self.store.write(
            lambda tx: take_turn(tx, batch, _TOKEN, self.guard, called, size=WINDOW, first=first)
        )

    def _answered(self, letter: Letter) -> Called:
        try:
            text = self._writer.text(letter)
        except LongplayError as error:
            return Called(letter, Refused(error.message))
        kept = self.answers.get(str(letter.op.params.get("save") or ""))
        return Called(letter, Taken(Answer(200, {}, as_json(kept))), text)
