"""An escalation playbook as it is written: frozen models, one field a key.

It owns what keys there are and what kind of value each takes; whether names exist is checked when
the playbook is compiled (`escalation_checks`).
"""

from typing import Literal

from pydantic import Field, model_validator

from engine.playbook.escalation_plan import ACKNOWLEDGE, Start
from engine.playbook.fields import Expression, Flag, Frozen, Integer, Length, Name, Names, Text
from engine.playbook.model import Playbook, Steps
from engine.playbook.scenarios import Scenario
from engine.playbook.written import flaw

ANY = "any"
"""A `stage:` that means each of them that is open."""


class WatchRule(Frozen):
    """`watch:` – which records the clock runs for."""

    pipeline: Name = Field("", description="of deals: the pipeline; left out: any")
    stage: Names = Field((), description="a stage, a list of them, or `any` that is open")
    cond: Expression = Field("", alias="if", description="and only while this holds")


class ClockRule(Frozen):
    """`clock:` – what time is measured by, since when, and what begins or ends it."""

    calendar: Name = Field("", description="for business units: a calendar, or `owner`")
    starts: Start = Field(
        "entered",
        description="`entered` the stage, `assigned` (anew for every owner), `created`, or "
        "`last_activity`",
    )
    resets_on: Names = Field((), description="events that begin another round, from level 1 on")
    stops_on: Names = Field((), description="events that end the watch")
    acknowledge: Length = Field(
        ACKNOWLEDGE, description="how long an acknowledgement holds further levels back"
    )
    rounds: Integer = Field(0, description="at most so many; then it stays with the fallback")
    backdate: Flag = Field(
        False, description="records that are there at the first apply count from their real start"
    )

    @model_validator(mode="after")
    def _some_rounds(self) -> "ClockRule":
        if "rounds" in self.model_fields_set and self.rounds < 1:
            hint = "write `rounds: 3`, or leave it out: then there is no end of them"
            raise flaw("bad-rounds", f"'{self.rounds}' rounds are none", hint, at="rounds")
        return self


class LevelRule(Frozen):
    """One item of `levels`: what happens when the clock has run so long."""

    after: Length = Field(description="how long after the start of the round")
    note: Text = Field("", description="for the next reader")
    steps: Steps = Field(description="what happens, in order")


class EscalationPlaybook(Frozen):
    """An escalation playbook: whom it watches, by which clock, and what happens at which level."""

    playbook: Name = Field(description="its name, which is the file's")
    kind: Literal["escalation"] = Field(description="what sort of playbook it is")
    title: Text = Field("", description="its name for people")
    note: Text = Field("", description="for the next reader")
    record: Literal["lead", "deal"] = Field("lead", alias="for", description="`lead` or `deal`")
    watch: WatchRule = Field(description="which records it watches")
    clock: ClockRule = Field(default_factory=ClockRule, description="by what clock")
    backdate: Flag = Field(False, description="the same as under `clock`")
    levels: tuple[LevelRule, ...] = Field(strict=False, description="what happens after how long")
    scenarios: tuple[Scenario, ...] = Field((), strict=False, description="its tests")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that are named; none: any that is open."""
        return () if ANY in self.watch.stage else self.watch.stage

    def as_steps(self) -> Playbook:
        """The levels' steps as a playbook of their own: what every list of steps is checked as."""
        blank = Playbook(playbook=self.playbook, record=self.record, steps=())
        return blank.model_copy(
            update={
                "title": self.title,
                "calendar": self.clock.calendar,
                "exit_on_unsubscribe": False,
                "steps": tuple(step for level in self.levels for step in level.steps),
                "scenarios": self.scenarios,
            }
        )
