"""The mail accounts of the workspace in operation: which one a mail goes by, which ones are down.

A workspace that names no accounts costs nothing here: all mail goes by the one of the settings.
Whether an account is down is seen by all workers alike, and is known again after a restart.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.mail.transports.port import Accepted, Deferred, NotSent, Outcome, Rejected
from engine.operations import brakes, published
from engine.operations.alarms import raise_alarm
from engine.operations.published import Current
from engine.playbook.mail_accounts import DEFAULT_ACCOUNT, MailAccount
from engine.playbook.plan import Send
from engine.runtime.mail_routes import Trouble, Way, chain, failed, way
from engine.runtime.sending import Defer, Go
from engine.store import quick
from engine.store.account_tables import MailAccountState
from engine.store.database import Transaction
from engine.store.inserting import upsert

table: sa.Table = MailAccountState.__table__  # type: ignore[attr-defined]

SOON = timedelta(seconds=20)
"""When a mail is tried again whose account could not be entered and has a fallback."""

AT_ONCE = timedelta()
"""The same, when it counts as down: the mail goes by the fallback now."""

_all = sa.select(*table.c)


@dataclass(slots=True)
class Routes:
    """The way of each mail of a window.

    Args:
        current: what is published.
        troubles: the accounts that could not be entered.
        braked: accounts whose mail is held.
    """

    current: Current
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    braked: frozenset[str] = frozenset()
    _tried: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, tx: Transaction, current: Current, braked: Iterable[str]) -> "Routes":
        """How the accounts stand; where none is named, nothing is read."""
        if not current.workspace.sender.accounts:
            return cls(current)
        return cls(current, standing(tx), brakes.accounts(braked))

    def wanted(self, op: Send) -> str:
        """The account that a message is to go by: the step's, else its topic's, else the default.

        Empty: the workspace names none, or it is no mail. What a step names that the workspace
        does not know any more is no mail of the default's: it waits.
        """
        accounts = self.current.workspace.sender.accounts
        if op.action != "email":
            return DEFAULT_ACCOUNT if accounts and op.action == "notify" else ""
        named = op.params.get("via")
        if named:
            return str(named)
        if not accounts:
            return ""
        topic = op.params.get("topic")
        about = (name for name, one in accounts.items() if topic and topic in one.topics)
        return next(about, DEFAULT_ACCOUNT)

    def decide(self, wanted: str, row: Mapping[Any, Any], now: datetime) -> tuple[str, Go | Defer]:
        """The account that a mail goes by now, or until when it waits for one that is up."""
        found = self._way(wanted, row, now)
        if found.until is not None:
            return wanted, Defer(found.until, found.why)
        return found.account, Go()

    def _way(self, wanted: str, row: Mapping[Any, Any], now: datetime) -> Way:
        every = list(chain(wanted, lambda name: fallback_of(self.current, name)))
        names = [name for name in every if name not in self.braked] or [wanted]
        before = row["via"]
        if before in names and str(row["reason"]).startswith("greylisted"):
            # Greylisting goes by where a mail comes from: it comes from there again.
            names = [before, *(name for name in names if name != before)]
        return way(names, self.troubles, now, tried=self._tried)


def account_of(current: Current, name: str) -> MailAccount | None:
    """What `longplay.yaml` says of an account; None: nothing."""
    return current.workspace.sender.accounts.get(name)


def fallback_of(current: Current, name: str) -> str:
    """The account that stands in for one, or empty."""
    account = account_of(current, name)
    return account.fallback if account else ""


def standing(tx: Transaction) -> dict[str, Trouble]:
    """Every account that could not be entered when it was last tried: few."""
    return {
        row["name"]: Trouble(row["failures"], row["until"], row["since"], row["reason"])
        for row in quick.fetch(tx, _all)
    }


def told_of_all(tx: Transaction) -> tuple[bool, str]:
    """Whether every account of the workspace is up; of one that is not, since when and why."""
    accounts = published.current(tx).workspace.sender.accounts
    if not accounts:
        return True, "the one of the settings"
    names = [DEFAULT_ACCOUNT, *(name for name in accounts if name != DEFAULT_ACCOUNT)]
    down = {name: one for name, one in standing(tx).items() if one.is_down and name in names}
    if not down:
        return True, f"{', '.join(names)}: all are up"
    found = []
    for name, trouble in sorted(down.items()):
        since = trouble.since.isoformat(timespec="seconds")
        instead = accounts[name].fallback if name in accounts else ""
        goes = f"mail goes by '{instead}'" if instead else "its mail waits"
        found.append(f"'{name}' is down: {trouble.reason} (since {since}; {goes})")
    return False, "; ".join(found)


def was_refused_entry(outcome: Outcome | str) -> bool:
    """Whether the server did not let us in: nothing of the message was said."""
    return isinstance(outcome, NotSent | Deferred | Rejected) and outcome.entry


def detour(
    current: Current, via: str, outcome: Outcome | str, down: Collection[str] = ()
) -> timedelta | None:
    """How soon a mail is tried again that another account may take; None: as any other."""
    if via and was_refused_entry(outcome) and fallback_of(current, via):
        return AT_ONCE if via in down else SOON
    return None


def learn(
    tx: Transaction, current: Current, results: Iterable[tuple[str, Outcome | str]]
) -> frozenset[str]:
    """Takes in what became of a window of mail: (account, outcome).

    A window is one try: its mails that were not let in failed for one reason, at one time.

    Returns:
        of the accounts that failed in it, those that are down now.
    """
    if not current.workspace.sender.accounts:
        return frozenset()
    refused: dict[str, str] = {}
    well: set[str] = set()
    for via, outcome in results:
        if not via:
            continue
        if was_refused_entry(outcome):
            refused.setdefault(via, told(outcome))
        elif isinstance(outcome, Accepted | Deferred | Rejected):
            well.add(via)
    if not refused and not well:
        return frozenset()
    down = set()
    known = standing(tx)
    for name in sorted(well & known.keys()):
        tx.conn.execute(sa.delete(table).where(table.c.name == name))
    for name in sorted(refused.keys() - well):
        after = failed(known.get(name), refused[name], tx.now)
        _write(tx, name, after)
        if after.is_down:
            down.add(name)
            _tell(tx, current, name, after)
    return frozenset(down)


def _write(tx: Transaction, name: str, after: Trouble) -> None:
    row = {
        "name": name, "failures": after.failures, "until": after.until, "since": after.since,
        "reason": after.reason,
    }  # fmt: skip
    upsert(tx, table, [row], keys=["name"], update=["failures", "until", "since", "reason"])


def _tell(tx: Transaction, current: Current, name: str, trouble: Trouble) -> None:
    """Once for each time that an account goes down."""
    instead = fallback_of(current, name)
    goes = f"goes by '{instead}' meanwhile" if instead else "waits"
    raise_alarm(
        tx,
        ("mail_account", name, trouble.since.isoformat()),
        f"the mail account '{name}' is down",
        f"{trouble.reason}. Its mail {goes}, and it is tried again. Look with: "
        "longplay doctor --mail",
    )


def told(outcome: Outcome | str) -> str:
    """What became of a mail, in the server's words or in ours."""
    match outcome:
        case NotSent(detail=detail):
            return detail[:200]
        case Deferred(reply=reply) | Rejected(reply=reply):
            return str(reply)[:200]
        case _:
            return str(outcome)[:200]
