"""The interpreter: what an enrollment does next, as a table of places, facts and times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import NeverWorksError
from engine.playbook.plan import (
    Ask,
    Await,
    Branch,
    Do,
    End,
    Exit,
    Jump,
    Op,
    Plan,
    Repeat,
    Send,
    Split,
    Wait,
)
from engine.playbook.values import Scope
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.interpreter import MOST_OPS, Acted, walk
from engine.runtime.position import Awaited, Finish, JobEnd, Member, Rise, Stop
from engine.runtime.splitting import Drawn, Later
from engine.runtime.waiting import TIME_LOOK

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
END = End(step="end", outcome="completed")
MAIL = Send(step="mail", action="email", params={"template": "note"})


def tag(name: str, **options: Any) -> Do:
    return Do(step=f"tag-{name}", action="tag", params={"tags": name}, **options)


def waiting(span: str) -> Wait:
    return Wait(step=f"wait-{span}", span=span)


def a_plan(*ops: Op, **options: Any) -> Plan:
    return Plan(playbook="tour", ops=(*ops, END), **options)


def a_member(*ops: Op, plan: Plan | None = None, **options: Any) -> Member:
    """A member at the first op, which came to it now."""
    given: dict[str, Any] = {
        "id": "run", "record": "ann", "plan": plan or a_plan(*ops), "pc": 0, "seq": 0,
        "blocked_on": "", "until_at": None, "anchor_at": NOW, "listen_seq": 0, "memory": {},
        "scope": {"lead": {"score": 5}, "run": {}, "now": NOW}, "zone": UTC,
    }  # fmt: skip
    return Member(**(given | options))


def an_event(name: str = "order.placed", **options: Any) -> Awaited:
    given: dict[str, Any] = {
        "event": "e1", "name": name, "source": "", "properties": {}, "at": NOW, "at_seq": 0,
        "position": 1,
    }  # fmt: skip
    return Awaited(**(given | options))


@dataclass
class Hands:
    """Remembers what it was asked to do; the action `break` cannot be done."""

    done: list[str] = field(default_factory=list)

    def act(self, member: Member, op: Do) -> Acted:
        if op.action == "break":
            raise NeverWorksError("it is broken")
        self.done.append(op.step)
        lead = member.scope["lead"]
        assert isinstance(lead, dict)
        lead.setdefault("tags", []).append(op.params.get("tags"))
        return Acted("done")

    def emit(self, member: Member, op: Send) -> None:
        self.done.append(f"{op.step}@{member.seq}")

    def ask(self, member: Member, op: Ask, _until_at: datetime) -> None:
        self.done.append(f"{op.step}@{member.seq}")

    def rise(self, _member: Member, rise: Rise) -> None:
        self.done.append(f"level {rise.level}")

    def draw(self, _member: Member, op: Split) -> Drawn | Later:
        return Drawn(op.arms[0].name, "the first one")


def calendars(_name: str, _scope: Scope) -> BusinessCalendar:
    return BusinessCalendar(zone=UTC, week={}, country="")


def walked(member: Member, now: datetime = NOW) -> Hands:
    hands = Hands()
    walk(member, hands, calendars, now)
    return hands


def again(member: Member, now: datetime, **changes: Any) -> Hands:
    """The next walk of a member, from its row: what a walk collects begins anew."""
    member.log, member.consumed, member.look_at = [], [], None
    for name, value in changes.items():
        setattr(member, name, value)
    return walked(member, now)


def outcomes(member: Member) -> list[str]:
    return [line.outcome for line in member.log]


def test_cheap_steps_are_passed_in_one_walk_each_under_its_own_seq() -> None:
    """Actions and branches cost no time, and each is a line of the record."""
    member = a_member(tag("a"), Branch(step="if", cond="lead.score > 3", else_to=3), tag("b"))
    hands = walked(member)
    assert hands.done == ["tag-a", "tag-b"]
    assert [line.seq for line in member.log] == [0, 1, 2, 3]
    assert member.ended == Finish("completed")
    assert member.seq == 4


@pytest.mark.parametrize(
    ("cond", "done"),
    [("lead.score > 3", ["tag-yes", "tag-after"]), ("lead.score > 9", ["tag-after"])],
    ids=["holds", "does not"],
)
def test_a_branch_goes_on_or_elsewhere(cond: str, done: list[str]) -> None:
    """When its condition holds the next op follows, else the other one."""
    member = a_member(Branch(step="if", cond=cond, else_to=2), tag("yes"), tag("after"))
    assert walked(member).done == done


def test_a_jump_leaves_no_line() -> None:
    """Going elsewhere is no step."""
    member = a_member(Jump(step="go", to=2), tag("left-out"), tag("b"))
    assert walked(member).done == ["tag-b"]
    assert [line.step for line in member.log] == ["tag-b", "end"]


def test_a_wait_counts_from_the_end_of_the_step_before() -> None:
    """Not from the moment a late worker comes by."""
    member = a_member(waiting("2 days"), anchor_at=NOW - HOUR)
    walked(member)
    assert (member.blocked_on, member.until_at, member.look_at) == ("wait",) + (
        NOW + 2 * DAY - HOUR,
    ) * 2


def test_a_wait_after_a_wait_counts_from_when_the_first_was_over() -> None:
    """A worker that was away for a day does not make two waits longer than they are."""
    member = a_member(waiting("1 day"), waiting("1 day"))
    walked(member)
    again(member, NOW + 36 * HOUR)
    assert member.until_at == NOW + 2 * DAY


def test_a_wait_after_a_message_counts_from_when_it_was_accepted() -> None:
    """Not from when it was queued, and not from when the worker saw it."""
    member = a_member(MAIL, waiting("1 day"))
    assert walked(member).done == ["mail@0"]
    assert (member.blocked_on, member.look_at) == ("job", None)
    again(member, NOW + 3 * HOUR, job=JobEnd("accepted", "", NOW + HOUR))
    assert member.until_at == NOW + HOUR + DAY


def test_a_wait_that_is_looked_at_early_goes_on_as_it_was() -> None:
    """A nudge changes no time."""
    member = a_member(waiting("2 days"))
    walked(member)
    until = member.until_at
    again(member, NOW + HOUR)
    assert (member.until_at, member.log, member.seq) == (until, [], 0)


@pytest.mark.parametrize(
    ("job", "ended"),
    [
        (JobEnd("accepted", "", NOW), Finish("completed")),
        (JobEnd("skipped", "no address", NOW), Finish("completed")),
        (JobEnd("in_doubt", "lost", NOW), Finish("completed")),
        (JobEnd("rejected", "spam", NOW), Stop("spam")),
        (JobEnd("bounced", "unknown", NOW, hard_bounce=True), Finish("bounced", "unknown")),
    ],
    ids=lambda value: value.state if isinstance(value, JobEnd) else "",
)
def test_how_a_message_ended_says_how_it_goes_on(job: JobEnd, ended: Finish | Stop) -> None:
    """Accepted, skipped and doubtful go on; refused stops; a dead address ends the nurture."""
    member = a_member(MAIL)
    walked(member)
    again(member, NOW, job=job)
    assert member.ended == ended


def test_a_message_that_is_still_out_is_waited_for() -> None:
    """Woken for something else, the enrollment queues nothing twice."""
    member = a_member(MAIL)
    walked(member)
    assert again(member, NOW + DAY).done == []
    assert (member.blocked_on, member.seq) == ("job", 0)


def test_a_dead_address_does_not_end_what_is_no_advertisement() -> None:
    """With `exit_on_unsubscribe: false` the tasks behind the mail are still done."""
    member = a_member(plan=a_plan(MAIL, tag("after"), exit_on_unsubscribe=False))
    walked(member)
    hands = again(member, NOW, job=JobEnd("bounced", "unknown", NOW, hard_bounce=True))
    assert hands.done == ["tag-after"]


ORDER = Await(step="await", events=("order.placed",), up_to="2 days", else_to=2)


def test_an_awaited_event_leads_to_then_and_is_used_up() -> None:
    """It goes on with the next op, and the event is named as consumed."""
    member = a_member(ORDER, tag("then"), tag("after"), awaited=[an_event()])
    assert walked(member).done == ["tag-then", "tag-after"]
    assert member.consumed == [("e1", 0)]


def test_a_time_out_leads_to_else_and_counts_from_the_time_out() -> None:
    """Late as the worker may be, the next wait counts from when the time was over."""
    member = a_member(ORDER, tag("then"), waiting("1 day"))
    walked(member)
    assert member.until_at == NOW + 2 * DAY
    assert again(member, NOW + 5 * HOUR + 2 * DAY).done == []
    assert member.until_at == NOW + 3 * DAY


def test_an_event_beats_the_time_out_when_it_is_there_when_looked_at() -> None:
    """I9: committed before the time-out is acted upon, the event wins."""
    member = a_member(ORDER, tag("then"), tag("after"))
    walked(member)
    hands = again(member, NOW + 9 * DAY, awaited=[an_event()])
    assert hands.done == ["tag-then", "tag-after"]


def test_a_wait_for_ever_has_no_next_time() -> None:
    """Only an event moves it."""
    forever = Await(step="await", events=("order.placed",), up_to="forever", else_to=1)
    member = a_member(forever)
    walked(member)
    assert (member.blocked_on, member.until_at, member.look_at) == ("await", None, None)


LISTENED = [
    pytest.param(an_event(at_seq=0), True, id="since the last step"),
    pytest.param(an_event(name="page.viewed"), False, id="another event"),
]


@pytest.mark.parametrize(("event", "seen"), LISTENED)
def test_what_a_wait_sees(event: Awaited, seen: bool) -> None:
    """Only events of its names."""
    member = a_member(ORDER, tag("then"), awaited=[event])
    walked(member)
    assert bool(member.consumed) == seen


def test_an_event_before_the_last_step_is_not_seen() -> None:
    """What came before a step that was no wait is past for a wait without `from`."""
    plan = a_plan(tag("a"), tag("b"), ORDER.model_copy(update={"else_to": 3}))
    member = a_member(plan=plan, awaited=[an_event(at_seq=0)])
    walked(member)
    assert (member.blocked_on, member.listen_seq) == ("await", 1)


def test_an_event_during_an_earlier_wait_is_seen() -> None:
    """Waits do not forget."""
    member = a_member(tag("a"), waiting("1 day"), ORDER.model_copy(update={"else_to": 3}))
    walked(member)
    again(member, NOW + 2 * DAY, awaited=[an_event(at_seq=1)])
    assert member.consumed == [("e1", 2)]


def test_the_guard_of_a_wait_does_not_make_it_forget() -> None:
    """The step's own `if` is no step of its own."""
    guard = Branch(step="await", cond="lead.score > 3", else_to=3)
    member = a_member(waiting("1 day"), guard, ORDER.model_copy(update={"else_to": 3}))
    walked(member)
    again(member, NOW + 2 * DAY, awaited=[an_event(at_seq=0)])
    assert [event for event, _ in member.consumed] == ["e1"]


@pytest.mark.parametrize(
    ("source", "seen"), [("hello", True), ("other", False), ("", False)], ids=str
)
def test_with_a_source_any_event_on_that_mail_is_seen(source: str, seen: bool) -> None:
    """Since the run sent it, whatever came between; on another mail it is not seen."""
    clicked = Await(
        step="await", events=("email.clicked",), sources=("hello",), up_to="2 days", else_to=2
    )
    event = an_event("email.clicked", source=source, at_seq=0)
    member = a_member(tag("a"), tag("b"), plan=a_plan(clicked), listen_seq=9, awaited=[event])
    walked(member)
    assert bool(member.consumed) == seen


def test_an_event_ends_one_wait_only() -> None:
    """The second of two waits for the same event needs a new one."""
    second = ORDER.model_copy(update={"step": "second", "else_to": 2})
    member = a_member(ORDER.model_copy(update={"else_to": 1}), second, awaited=[an_event()])
    walked(member)
    assert (member.pc, member.blocked_on) == (1, "await")


def test_the_first_of_two_events_is_taken() -> None:
    """In the order they were committed."""
    events = [an_event(event="first", position=1), an_event(event="second", position=2)]
    member = a_member(ORDER, tag("then"), awaited=events)
    walked(member)
    assert member.consumed == [("first", 0)]


@pytest.mark.parametrize(("amount", "seen"), [(500, True), (5, False), (None, False)], ids=str)
def test_where_filters_the_event(amount: int | None, seen: bool) -> None:
    """A missing property satisfies no comparison."""
    filtered = ORDER.model_copy(update={"where": "event.amount >= 100"})
    event = an_event(properties={"amount": amount} if amount else {})
    member = a_member(filtered, tag("then"), awaited=[event])
    walked(member)
    assert bool(member.consumed) == seen


def test_what_is_saved_is_there_for_the_steps_behind() -> None:
    """`run.saved.NAME` holds the event's properties, in this walk and in the memory."""
    saving = ORDER.model_copy(update={"save": "order", "else_to": 1})
    branch = Branch(step="if", cond="run.saved.order.amount == 7", else_to=3)
    member = a_member(saving, branch, tag("seven"), awaited=[an_event(properties={"amount": 7})])
    assert walked(member).done == ["tag-seven"]
    assert member.memory["saved"] == {"order": {"amount": 7}}


def test_a_condition_that_comes_true_ends_the_wait() -> None:
    """Looked at whenever the enrollment is, and time alone is looked at every hour."""
    hot = Await(step="await", cond="lead.score >= 40", up_to="2 days", else_to=2)
    member = a_member(hot, tag("then"), tag("after"))
    walked(member)
    assert member.look_at == NOW + 2 * DAY
    lead = member.scope["lead"]
    assert isinstance(lead, dict)
    lead["score"] = 50
    assert again(member, NOW + HOUR).done == ["tag-then", "tag-after"]


def test_a_condition_that_time_alone_can_change_is_looked_at_every_hour() -> None:
    """Nothing nudges it, so it looks for itself; never later than its own end."""
    late = Await(
        step="await", cond="(lead.seen_at | hours_since) > 5", up_to="90 minutes", else_to=1
    )
    member = a_member(late)
    member.scope["lead"] = {"seen_at": NOW}
    walked(member)
    assert member.look_at == NOW + TIME_LOOK
    again(member, NOW + HOUR)
    assert member.look_at == NOW + timedelta(minutes=90)


def test_repeat_goes_round_as_often_as_it_says() -> None:
    """And counts anew when it is come to again."""
    loop = (Repeat(step="loop", times=3, exit_to=3), tag("in"), Jump(step="loop", to=0))
    member = a_member(*loop, tag("after"))
    assert walked(member).done == ["tag-in"] * 3 + ["tag-after"]
    assert member.memory["counts"] == {"loop": 0}


def test_while_is_asked_before_and_until_after() -> None:
    """A loop whose condition does not hold at all is not entered; `until` is done once."""
    before = (Branch(step="loop", cond="lead.score > 9", else_to=3), tag("in"))
    assert walked(a_member(*before, Jump(step="loop", to=0))).done == []
    after = (tag("in"), Branch(step="loop", cond="lead.score > 3", else_to=0))
    assert walked(a_member(*after)).done == ["tag-in"]


def test_a_walk_that_is_long_goes_on_at_once_in_the_next() -> None:
    """However many steps there are, a slice stays short."""
    member = a_member(*[tag(str(n)) for n in range(MOST_OPS + 50)])
    assert len(walked(member).done) == MOST_OPS
    assert (member.ended, member.look_at) == (None, NOW)
    again(member, NOW)
    assert member.ended == Finish("completed")


def test_an_exit_is_looked_at_before_every_step() -> None:
    """What an action changed may end the run before the next step."""
    done = Exit(cond="'a' in lead.tags", goal="tagged", value="lead.score * 2")
    member = a_member(plan=a_plan(tag("a"), tag("b"), exits=(done,)))
    assert walked(member).done == ["tag-a"]
    assert isinstance(member.ended, Finish)
    assert (member.ended.outcome, member.ended.goal, member.ended.value) == ("tagged", True, 10.0)


def test_an_exit_by_event_is_nothing_to_the_walk() -> None:
    """It is acted upon when the event is taken in."""
    leaving = Exit(event="order.placed")
    member = a_member(plan=a_plan(tag("a"), exits=(leaving,)))
    walked(member)
    assert member.ended == Finish("completed")


def test_an_exit_without_a_goal_is_plainly_exited() -> None:
    """Its outcome is `exited`, it is no success, and the reason is kept."""
    member = a_member(plan=a_plan(tag("a"), exits=(Exit(cond="lead.score > 1"),)))
    assert walked(member).done == []
    assert isinstance(member.ended, Finish)
    assert (member.ended.outcome, member.ended.goal, member.ended.value) == ("exited", False, None)
    assert "lead.score" in member.ended.why


@pytest.mark.parametrize(
    ("on_error", "ended", "done"),
    [("stop", Stop("it is broken"), []), ("continue", Finish("completed"), ["tag-after"])],
)
def test_a_step_that_fails_stops_or_goes_on(
    on_error: str, ended: Finish | Stop, done: list[str]
) -> None:
    """As the step says; that it failed is in the record either way."""
    broken = Do.model_validate({"step": "broken", "action": "break", "on_error": on_error})
    member = a_member(broken, tag("after"))
    assert walked(member).done == done
    assert member.ended == ended
    assert outcomes(member)[0] in {"stopped", "failed"}
    assert member.log[0].why == "it is broken"


UNTIL: list[Any] = [
    pytest.param({}, {"date": NOW + DAY}, "wait", [], id="to come"),
    pytest.param({}, {"date": NOW - DAY}, "", ["then", "after"], id="past goes on by default"),
    pytest.param({"on_past": "skip"}, {"date": NOW - DAY}, "", ["after"], id="past is skipped"),
    pytest.param({"on_missing": "continue"}, {}, "", ["then", "after"], id="missing goes on"),
    pytest.param({"on_missing": "skip"}, {}, "", ["after"], id="missing is skipped"),
]


def until(**options: Any) -> Wait:
    return Wait(step="until", until="lead.date", **({"skip_to": 2} | options))


@pytest.mark.parametrize(("options", "lead", "blocked", "done"), UNTIL)
def test_a_wait_until_a_field(
    options: Mapping[str, Any], lead: Mapping[str, Any], blocked: str, done: list[str]
) -> None:
    """Missing and past moments do what the step says."""
    member = a_member(until(**options), tag("then"), tag("after"))
    member.scope["lead"] = dict(lead)
    assert walked(member).done == [f"tag-{name}" for name in done]
    assert member.blocked_on == blocked


@pytest.mark.parametrize(
    ("options", "lead", "outcome"),
    [({}, {}, "date-missing"), ({"on_past": "end"}, {"date": NOW - DAY}, "date-passed")],
    ids=["missing", "past"],
)
def test_a_wait_until_a_field_may_end_the_run(
    options: Mapping[str, Any], lead: Mapping[str, Any], outcome: str
) -> None:
    """A date that is not there ends the run by default."""
    member = a_member(until(**options))
    member.scope["lead"] = dict(lead)
    walked(member)
    assert isinstance(member.ended, Finish)
    assert member.ended.outcome == outcome


@pytest.mark.parametrize(
    ("moved", "next_until"),
    [(NOW + 5 * DAY, NOW + 5 * DAY), (NOW - 400 * DAY, NOW + HOUR + DAY)],
    ids=["later", "into the past"],
)
def test_a_wait_on_a_field_follows_the_field(moved: datetime, next_until: datetime) -> None:
    """Moved, it waits for the new moment; moved into the past it is over now, not then."""
    member = a_member(until(skip_to=1), waiting("1 day"))
    member.scope["lead"] = {"date": NOW + DAY}
    walked(member)
    member.scope["lead"] = {"date": moved}
    again(member, NOW + HOUR)
    assert member.until_at == next_until


def test_a_plan_that_jumps_in_a_circle_stops() -> None:
    """Validate refuses it; should one come all the same, it is stopped and not followed."""
    member = a_member(Jump(step="a", to=1), Jump(step="b", to=0))
    walked(member)
    assert isinstance(member.ended, Stop)


def test_a_click_during_an_earlier_wait_does_not_move_the_next_wait_back() -> None:
    """A step ends no sooner than the step before it."""
    clicked = Await(
        step="await", events=("email.clicked",), sources=("hello",), up_to="2 days", else_to=1
    )
    early = an_event("email.clicked", source="hello", at=NOW - DAY)
    member = a_member(clicked, waiting("1 day"), awaited=[early])
    walked(member)
    assert member.until_at == NOW + DAY
