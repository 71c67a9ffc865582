"""Who may own what, for one transaction: owners with their loads and turns, and who got which lead.

Loaded when the first lead of a transaction is assigned; kept in step as more are, so that a slice
of 500 is shared out as fairly as 500 single leads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from engine.errors import NeverWorksError
from engine.operations.published import Current
from engine.playbook.conditions import condition
from engine.runtime.assignment import (
    Assigned,
    Decision,
    OwnerState,
    Turn,
    after,
    decide,
    members,
)
from engine.store import deals, owners, pools
from engine.store.company_placing import companies_of
from engine.store.database import Transaction
from engine.store.owners import Given
from engine.store.pools import Pooling

_CLOSED_STAGES = 2
"""The last stages of the lifecycle (customer, advocate) are no open leads: nobody works them."""


@dataclass(slots=True)
class OwnerDesk:
    """Assigns leads within one transaction.

    Args:
        tx: the open transaction; the leads are locked, assigning is locked here.
        current: what is published.
    """

    tx: Transaction
    current: Current
    actor: str = "playbook"
    _loads: dict[str, int] = field(default_factory=dict)
    _turns: dict[str, dict[str, Turn]] = field(default_factory=dict)
    _states: dict[str, Mapping[str, OwnerState]] = field(default_factory=dict)
    _given: list[Given] = field(default_factory=list)
    _pooled: list[Pooling] = field(default_factory=list)
    _companies: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        workspace = self.current.workspace
        owners.lock(self.tx)
        stages = workspace.lifecycle[: max(1, len(workspace.lifecycle) - _CLOSED_STAGES)]
        self._loads = owners.loads(self.tx, workspace.owners, stages)
        if workspace.pipelines:
            for name, count in deals.loads(self.tx, workspace.owners).items():
                self._loads[name] = self._loads.get(name, 0) + count
        self._turns = owners.turns(self.tx, [*workspace.assignment, ""])

    def choose(
        self,
        *,
        rule: str,
        to: str,
        scope: Mapping[str, object],
        excluded: Mapping[str, str] | None = None,
    ) -> Decision:
        """Who gets the lead of `scope`: by name, or by a rule of the workspace.

        Raises:
            NeverWorksError: the published workspace has no such rule or owner any more.
        """
        if to:
            name = self.person(to, scope)
            if name is None:
                raise NeverWorksError(f"no owner is named '{to}'")
            return Assigned(name, f"{name} was named")
        lines = self.current.workspace.assignment.get(rule)
        if lines is None:
            raise NeverWorksError(f"no assignment rule is named '{rule}'")
        return decide(
            lines,
            self._owners(rule),
            holds=lambda text: condition(text).truth(scope),
            is_open=self._is_open,
            now=self.tx.now,
            excluded=excluded,
        )

    def give(
        self,
        lead: str,
        decision: Assigned,
        *,
        rule: str,
        former: str | None,
        deal: str | None = None,
    ) -> None:
        """Records that the lead is that owner's now; with a deal, that the deal is."""
        turns = {rule} if rule else self._rules_with(decision.owner)
        for name in {*turns, *self._states}:
            states = self._owners(name)
            if name in turns:
                self._states[name] = after(states, decision.owner, self.tx.now, former=former)
            else:
                self._states[name] = _shifted(states, decision.owner, former)
        self._take_out(Pooling("", lead, deal))
        self._given.append(
            Given(lead, rule, decision.owner, decision.why, self.actor, former=former, deal=deal)
        )

    def release(
        self,
        lead: str,
        pool: str,
        *,
        former: str | None,
        until: datetime | None,
        deal: str | None = None,
    ) -> None:
        """Records that the lead is nobody's, and lies in a pool; `former` waits until then.

        With a deal, that the deal is and does; `lead` is its contact.
        """
        record = Pooling(pool, lead, deal, former, until)
        self._take_out(record)
        self._pooled.append(record)
        if former is None:
            return
        for name, states in self._states.items():
            self._states[name] = _shifted(states, "", former)
        why = f"released to {pool}"
        self._given.append(Given(lead, "", "", why, self.actor, former=former, deal=deal))

    def _take_out(self, record: Pooling) -> None:
        self._pooled = [one for one in self._pooled if one.record != record.record]

    def _rules_with(self, owner: str) -> set[str]:
        """The rules that an assignment by hand counts under: those that might have chosen him."""
        return {
            rule
            for rule, lines in self.current.workspace.assignment.items()
            if any(owner in members(line.among, self._owners(rule)) for line in lines)
        }

    def person(self, who: str, scope: Mapping[str, object]) -> str | None:
        """The owner that `owner`, `manager`, or a name means; None: there is none."""
        known = self.current.workspace.owners
        owner = scope.get("owner")
        if who == "owner":
            found = owner.get("id") if isinstance(owner, Mapping) else None
        elif who == "manager":
            found = owner.get("manager") if isinstance(owner, Mapping) else None
        else:
            found = who
        return found if isinstance(found, str) and found in known else None

    def account_owner(self, lead: str, excluded: Mapping[str, str]) -> Assigned | None:
        """Who has the account already: the lead's open deal first, then whoever the company is
        given to, then who has most leads of it.

        An account stays with its owner even if he is full or away; not if he may not get it.
        """
        known = self.current.workspace.owners
        found = [(name, "an open deal of it") for name in owners.of_open_deals(self.tx, lead)]
        company = self._companies_of([lead]).get(lead)
        if company is not None:
            name, owner = owners.account(self.tx, company)
            others = owners.of_company(self.tx, company, but=lead)
            found += [(owner, f"the company {name}")] if owner else []
            found += [(one, f"leads of {name}") for one in (*self._given_of(company), *others)]
        for name, what in found:
            if name in known and name not in excluded:
                return Assigned(name, f"{name} keeps the account: owns {what}")
        return None

    def _given_of(self, company: str) -> list[str]:
        """Who got leads of the company in this transaction; earlier ones are in rows."""
        given = [one for one in self._given if one.owner and one.deal is None]
        theirs = self._companies_of([one.lead for one in given])
        return [one.owner for one in given if theirs[one.lead] == company]

    def _companies_of(self, leads: Sequence[str]) -> Mapping[str, str | None]:
        new = [lead for lead in leads if lead not in self._companies]
        if new:
            self._companies |= {**dict.fromkeys(new), **companies_of(self.tx, new)}
        return self._companies

    def recently_lost(self, leads: Sequence[str], since: datetime) -> dict[str, frozenset[str]]:
        """Who lost each of these leads to somebody else since then."""
        found = owners.former_owners(self.tx, leads, since)
        return {str(lead): names for lead, names in found.items()}

    def recently_lost_deal(self, deal: str, since: datetime) -> frozenset[str]:
        """Who lost this deal to somebody else since then."""
        return owners.former_of_deal(self.tx, deal, since)

    def flush(self) -> None:
        """Writes turns and the log of assignments."""
        owners.record(self.tx, self._given)
        if self.current.workspace.pools:
            taken = [one for one in self._given if one.owner]
            pools.leave(
                self.tx,
                [one.lead for one in taken if one.deal is None],
                [one.deal for one in taken if one.deal is not None],
            )
        pools.put(self.tx, self._pooled)
        changed = {
            rule: {
                name: state.turn
                for name, state in states.items()
                if state.turn is not None and state.turn != self._turns.get(rule, {}).get(name)
            }
            for rule, states in self._states.items()
            if rule
        }
        owners.save_turns(self.tx, {rule: turns for rule, turns in changed.items() if turns})

    def _owners(self, rule: str) -> Mapping[str, OwnerState]:
        if rule not in self._states:
            turns = self._turns.get(rule, {})
            given = _net(self._given)
            self._states[rule] = {
                name: OwnerState(
                    name,
                    owner,
                    zone=self._zone(owner.calendar),
                    load=max(0, self._loads.get(name, 0) + given.get(name, 0)),
                    turn=turns.get(name),
                )
                for name, owner in self.current.workspace.owners.items()
            }
        return self._states[rule]

    def _zone(self, calendar: str) -> tzinfo:
        declared = self.current.workspace.calendars.get(calendar)
        return self.current.zone_or(declared.timezone if declared else "")

    def _is_open(self, calendar: str, at: datetime) -> bool:
        return self.current.calendar(calendar, {}).is_open(at)


def _net(given: Sequence[Given]) -> dict[str, int]:
    change: dict[str, int] = {}
    for one in given:
        change[one.owner] = change.get(one.owner, 0) + 1
        if one.former:
            change[one.former] = change.get(one.former, 0) - 1
    return change


def _shifted(
    states: Mapping[str, OwnerState], owner: str, former: str | None
) -> Mapping[str, OwnerState]:
    """The same owners under another rule: their loads change, their turns do not."""
    turns = {name: state.turn for name, state in states.items()}
    moved = after(states, owner, datetime.min.replace(tzinfo=UTC), former=former)
    return {
        name: OwnerState(name, state.owner, state.zone, state.load, turns[name])
        for name, state in moved.items()
    }
