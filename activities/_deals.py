"""The deals of a slice while it is walked: changed and opened in memory, written by `flush`.

It stands beside the desk's leads. A new deal's id is made from (enrollment, seq), so that a step
repeated after a crash opens no second one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.ids import derived_id, new_id
from engine.operations.deal_drafts import decide, drafted, moved_values, typed
from engine.operations.published import Current
from engine.operations.scopes import owner_record
from engine.playbook.values import Value
from engine.runtime.deal_moves import MoveDecision, Moves
from engine.runtime.matching import Edge
from engine.runtime.position import Member
from engine.store import deals
from engine.store.database import Transaction
from engine.store.deals import DealChanged, Facts


@dataclass(slots=True)
class DealDesk:
    """Deals within one transaction.

    Args:
        tx: the open transaction; the primary contacts are locked.
        current: what is published.
        facts: deal id → its facts; shared with the members' scopes.
    """

    tx: Transaction
    current: Current
    facts: dict[str, Facts]
    _before: dict[str, Facts] = field(default_factory=dict)
    _changed: dict[str, dict[str, Value]] = field(default_factory=dict)
    _new: dict[str, str] = field(default_factory=dict)
    _why: dict[str, list[str]] = field(default_factory=dict)

    def change(self, member: Member, values: Mapping[str, Value]) -> list[str]:
        """Changes fields of the deal that the run knows; answers what really changed.

        Raises:
            InputError: a value does not fit its field.
        """
        return self._write(member, typed(self.current, values))

    def move(self, member: Member, wanted: str, *, pipeline: str, force: bool) -> MoveDecision:
        """Moves the deal that the run knows, when that is allowed."""
        assert member.deal is not None
        lead = member.scope["lead"]
        assert isinstance(lead, Mapping)
        deal, now = self.facts[member.deal], self.tx.now
        decision = decide(self.current, lead, deal, wanted, force=force, now=now, pipeline=pipeline)
        if isinstance(decision, Moves):
            self._write(member, moved_values(decision, now))
        return decision

    def open(self, member: Member, values: Mapping[str, Value]) -> Facts:
        """Opens a deal for the member's lead.

        Raises:
            InputError: a value does not fit, or the stage may not be entered so.
        """
        lead = member.scope["lead"]
        assert isinstance(lead, Mapping)
        id = derived_id("deal", member.id, str(member.seq))
        deal = drafted(self.current, lead, typed(self.current, values), id=id, now=self.tx.now)
        self.facts[id] = deal
        self._new[id] = _reason(member)
        if member.plan.record == "lead":
            member.deal = id
            member.scope["deal"] = deal
        return deal

    def flush(self) -> None:
        """Writes what was opened and changed."""
        by_reason: dict[str, list[str]] = {}
        for id, why in self._new.items():
            by_reason.setdefault(why, []).append(id)
        custom, zone = self.current.deal_fields, self.current.zone
        for why, ids in by_reason.items():
            new = [dict(self.facts[id]) for id in ids]
            deals.create_many(self.tx, new, actor="playbook", reason=why, custom=custom, zone=zone)
        groups: dict[str, dict[str, dict[str, Value]]] = {}
        for id, values in self._changed.items():
            groups.setdefault(", ".join(self._why[id]), {})[id] = values
        for why, changes in groups.items():
            deals.save_many(
                self.tx, changes, actor="playbook", reason=why, custom=custom, zone=zone
            )

    def changes(self) -> list[DealChanged]:
        """Every deal that was opened or changed, before and after."""
        opened = [DealChanged(id, None, self.facts[id]) for id in self._new]
        return opened + [
            DealChanged(id, before, self.facts[id]) for id, before in self._before.items()
        ]

    def _write(self, member: Member, values: Mapping[str, Value]) -> list[str]:
        id = member.deal
        assert id is not None
        facts = self.facts[id]
        differing = {name: value for name, value in values.items() if facts.get(name) != value}
        if not differing:
            return []
        if id not in self._new:
            self._before.setdefault(id, dict(facts))
            self._changed.setdefault(id, {}).update(differing)
            self._why.setdefault(id, []).append(_reason(member))
        facts.update(differing)
        if "owner" in differing and member.plan.record == "deal":
            member.scope["owner"] = owner_record(self.current, facts.get("owner"))
        return list(differing)


def edges_of(
    changes: list[DealChanged], contacts: Mapping[str, Mapping[str, Value]]
) -> dict[str, Edge]:
    """The changes as triggers look at them; `contacts` are leads that changed too, as they were."""
    return {
        one.id: Edge(one.before, one.after, new_id(), "deal", contacts.get(str(one.after["lead"])))
        for one in changes
    }


def _reason(member: Member) -> str:
    return f"{member.plan.playbook}/{member.plan.ops[member.pc].step}"
