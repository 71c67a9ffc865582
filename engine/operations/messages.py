"""What a message was, as far as the links in it need to know: found by its job alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.operations import published
from engine.operations.scopes import load_facts
from engine.playbook.plan import Send
from engine.playbook.values import Value
from engine.runtime.consenting import may_see_opens
from engine.store import jobs
from engine.store.database import Transaction
from engine.store.leads import ERASED


@dataclass(frozen=True, slots=True)
class Mailed:
    """One email to one lead.

    Attributes:
        address: where it went; empty while it has not gone.
        template: the template's name.
        topic: what it was about, or empty.
        links: where its links lead, by index.
        accepted_at: when the mail server took it; None: it has not yet, or that is in doubt.
        counts_opens: whether the step asks for openings to be counted, and the lead's consent and
            country let us, now: taken back, it holds for mails that have gone, too.
        lead_facts: the lead as it is now; empty when it has been erased.
    """

    job: str
    lead: str
    enrollment: str
    playbook: str
    step: str
    address: str
    template: str
    topic: str
    links: tuple[str, ...]
    accepted_at: datetime | None
    counts_opens: bool
    lead_facts: Mapping[str, Value]


def mailed(tx: Transaction, job: str) -> Mailed | None:
    """The email of this job; None when there is none (any more)."""
    row = jobs.by_id(tx, job)
    if row is None or row["kind"] != "email":
        return None
    current = published.current(tx)
    op = published.plan(tx, row["params"]["digest"]).ops[row["params"]["pc"]]
    params = op.params if isinstance(op, Send) else {}
    track = params.get("track")
    opens = track.get("opens", "consent") if isinstance(track, Mapping) else "consent"
    facts = load_facts(tx, current, [row["lead"]]).get(row["lead"], {})
    if facts.get("stage") == ERASED:
        facts = {}
    return Mailed(
        job=job,
        lead=row["lead"],
        enrollment=row["enrollment"],
        playbook=row["playbook"],
        step=row["step"],
        address=row["address"],
        template=str(params.get("template") or ""),
        topic=str(params.get("topic") or ""),
        links=tuple(row["links"]),
        accepted_at=row["accepted_at"],
        counts_opens=may_see_opens(opens, facts),
        lead_facts=facts,
    )
