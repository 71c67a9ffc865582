"""What each table holds of a person: the one place that merging, erasing and exporting go by.

A table that names a lead and is not listed here fails a test, so that nothing is forgotten when a
table is added. Columns that are neither emptied nor renamed hold no word of a person: ids that we
make, closed words, names of playbooks and owners, numbers and times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import SQLModel

OnMerge = Literal["moves", "goes", "own"]
OnErase = Literal["emptied", "removed", "own"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What one table holds of a person.

    Attributes:
        names: the columns that name a lead; a `record` is a lead or a deal.
        through: the table whose rows are the person's, where these name no lead: by that column.
        merge: the rows move to the survivor, go away, or have a rule of their own.
        erase: the rows are emptied and stay, are removed, or have a rule of their own.
        empties: columns that are emptied, and with what.
        words: text columns that hold no word of a person and stay as they are.
    """

    table: str
    names: tuple[str, ...] = ("lead",)
    through: str = ""
    merge: OnMerge = "moves"
    erase: OnErase = "emptied"
    empties: Mapping[str, Any] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    @property
    def rows(self) -> sa.Table:
        """The table itself."""
        return SQLModel.metadata.tables[self.table]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


HOLDINGS: Mapping[str, Holding] = {
    one.table: one
    for one in (
        Holding("lead", ("id",), merge="own", erase="own"),
        Holding("gone_lead", ("id", "survivor"), merge="own", erase="own"),
        Holding("erasure", ("id", "former"), merge="own", erase="own",
                empties={"former": ""}, words=_words("stage actor reason rows")),
        Holding("lead_key", merge="goes", erase="removed"),
        Holding("duplicate", ("one", "other"), merge="goes", erase="removed"),
        Holding("change", erase="own", empties={"reason": ""},
                words=_words("id field actor before after")),
        Holding("event", erase="own", empties={"properties": {}},
                words=_words("id name deal")),
        Holding("awaited_event", (), through="enrollment", merge="own", erase="removed"),
        Holding("step_log", (), through="enrollment", merge="own", erase="own",
                empties={"why": ""}, words=_words("enrollment op step outcome")),
        Holding("enrollment", ("lead", "record"), merge="own", erase="own",
                empties={"key": "", "event": None, "memory": {}},
                words=_words("id playbook digest cohort deal cause state blocked_on outcome "
                             "reason")),
        Holding("job", erase="own",
                empties={"address": "", "subject": "", "links": [], "reason": "", "token": ""},
                words=_words("id enrollment cohort batch queue kind playbook step state "
                             "message_id params")),
        Holding("consent", erase="removed"),
        Holding("score_entry", empties={"reason": ""},
                words=_words("id name part rule event")),
        Holding("assignment", empties={"why": ""},
                words=_words("id deal rule owner former actor")),
        Holding("pooled", erase="removed"),
        Holding("task", erase="own", empties={"subject": "", "text": "", "result": ""},
                words=_words("id kind owner deal enrollment priority state ended_by")),
        Holding("escalation_act", empties={"reason": ""},
                words=_words("id enrollment playbook deal act by")),
        Holding("notice", empties={"text": ""},
                words=_words("id digest owner channel deal enrollment playbook step task")),
        Holding("split_draw", words=_words("enrollment split playbook arm event")),
        Holding("returned", empties={"detail": ""},
                words=_words("id kind job playbook status cause door")),
        Holding("deal", merge="own", erase="own",
                empties={"decision_maker": None},
                words=_words("id company_id name pipeline stage closed entry_ref currency owner "
                             "lost_reason tags fields")),
        Holding("deal_change", (), through="deal", merge="own", erase="own",
                words=_words("id deal field before after actor reason")),
        Holding("coming_moment", ("record",), merge="goes", erase="removed"),
        Holding("refusal", ("record",), merge="own", erase="removed"),
        Holding("suppression", ("email_key",), merge="own", erase="own"),
    )
}  # fmt: skip
"""By table, in the order in which erasing goes through them."""

STRANGERS: Mapping[str, str] = {
    "alembic_version": "the schema's version",
    "published": "longplay.yaml, which names owners and no lead",
    "playbook": "files of the workspace",
    "plan": "files of the workspace",
    "template": "files of the workspace",
    "publication": "who applied what",
    "published_version": "which version is current",
    "shadow": "which version is compared",
    "cohort": "a playbook, a version, a lane",
    "batch": "jobs by their ids",
    "brake": "which playbook is paused",
    "task_act": "who did what with which entry of the inbox",
    "pace": "when the next mail may leave",
    "throttle": "mailbox providers",
    "slow_destination": "mailbox providers",
    "mail_account": "accounts that mail leaves by",
    "mail_file": "files of the workspace",
    "rescoring": "how far a score has been worked out anew",
    "turn": "owners",
    "company": "companies, looked through when a lead of theirs is erased",
    "company_key": "what companies are known by; the same",
    "company_change": "what changed of companies; the same",
    "gone_company": "ids of companies",
    "distinct_companies": "ids of companies",
    "heartbeat": "processes",
    "bulk_enrollment": "conditions, looked through when a lead is erased",
    "segment_look": "how far a look has come",
    "trigger_clock": "how far a firing has come",
    "split_standing": "sums",
    "past_event": "ids of events",
    "retention_mark": "sums",
    "restoration": "since when the store is a copy",
    "restored_run": "ids of enrollments",
    "mailed_before": "ids of messages",
    "schema_bound": "the schema's version",
    "api_key": "hashes of keys, and what they open",
    "forgotten": "salted hashes of addresses",
    "salt": "the salt of those hashes",
}
"""Tables that hold nothing of a person, and what they hold instead."""
