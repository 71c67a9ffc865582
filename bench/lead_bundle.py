"""A public data set of lead scoring, taken into a store as leads, events and outcomes.

It is a folder of Parquet tables (`bench.suggesting` says which, and where it is from). Its events
are of a lead's first thirty days; whether it converted within ninety is all that is told of later,
so an outcome is put ninety days after the lead came.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.ids import derived_id
from engine.operations import editions, publish
from engine.operations.editions import Folder
from engine.operations.fitting import quiet
from engine.store import events, leads
from engine.store.database import Store
from engine.store.inserting import insert_many
from engine.store.lead_writing import change_table

if TYPE_CHECKING:
    from engine.operations.fitting import Numbers, Places

FIELDS = ("industry", "region", "employee_band", "estimated_revenue_band", "process_maturity_band",
          "role_function", "seniority", "buyer_role")  # fmt: skip
TYPES = {
    "touch.in": "{type: text, channel: text}", "touch.out": "{type: text, channel: text}",
    "session.held": "{type: text}", "session.priced": "{}", "session.demo": "{}",
    "sales.done": "{type: text, outcome: text}", "opportunity.opened": "{stage: text}",
}  # fmt: skip
WORKSPACE = (
    "workspace: veridian\ntimezone: America/Chicago\nfields:\n  lead:\n"
    + "".join(f"    {name}: text\n" for name in FIELDS)
    + "events:\n"
    + "".join(f"  {name}: {said}\n" for name, said in TYPES.items())
)
READ = """
import json, sys, pandas
from pathlib import Path
root = Path(sys.argv[1])
def rows(path): return json.loads(pandas.read_parquet(root / path).to_json(orient="records"))
names = ("leads", "contacts", "accounts", "touches", "sessions", "sales_activities",
         "opportunities")
found = {name: rows(f"tables/{name}.parquet") for name in names}
for part in ("train", "valid", "test"):
    found[part] = rows(f"tasks/converted_within_90_days/{part}.parquet")
json.dump(found, sys.stdout)
"""
TARGET = "converted_within_90_days"
LEFT_OUT = {TARGET, "total_touches_all", "lead_id", "account_id", "contact_id", "lead_created_at"}
"""What a plain model must not see: the answer, a leak that its makers flag, and mere names."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Bundle:
    """The data set's tables, as rows."""

    tables: Mapping[str, Sequence[Row]]
    names = frozenset(TYPES)

    @classmethod
    def read(cls, folder: Path, python: str) -> "Bundle":
        """Reads it by a Python that knows Parquet."""
        done = subprocess.run(
            [python, "-c", READ, str(folder)], capture_output=True, check=True, text=True
        )
        return cls(json.loads(done.stdout))

    def folder(self, rules: str = "") -> Folder:
        """A workspace that knows its fields and events, with these rules if any."""
        files = {"longplay.yaml": WORKSPACE.encode()}
        files |= {"playbooks/lead-score.yaml": rules.encode()} if rules else {}
        return Folder(files, {})

    def part(self, *, test: bool) -> list[Row]:
        """The table of features of the test leads, or of all others, in the order of ids."""
        parts = ("test",) if test else ("train", "valid")
        return sorted((row for part in parts for row in self.tables[part]), key=_id)

    def plain(self, came: "Places") -> "Numbers":
        """What a plain model, fitted to the features of the other leads, says of the test leads."""
        from sklearn.feature_extraction import DictVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MaxAbsScaler

        known, asked = self.part(test=False), self.part(test=True)
        assert [bool(row[TARGET]) for row in asked] == [bool(one) for one in came]
        model = make_pipeline(DictVectorizer(), MaxAbsScaler(), LogisticRegression(max_iter=5_000))
        with quiet():
            model.fit([_features(row) for row in known], [bool(row[TARGET]) for row in known])
            found: Numbers = model.predict_proba([_features(row) for row in asked])[:, 1]
        return np.asarray(found)


def load(store: Store, bundle: Bundle, *, test: bool) -> None:
    """Puts the test leads, or all others, into a store, with a workspace published."""
    folder = bundle.folder()
    publish.publish(store, editions.edition_of(folder, editions.check(folder)))
    came = {row["lead_id"]: bool(row[TARGET]) for row in bundle.part(test=test)}
    contacts = {row["contact_id"]: row for row in bundle.tables["contacts"]}
    accounts = {row["account_id"]: row for row in bundle.tables["accounts"]}
    people, moves = [], []
    for row in bundle.tables["leads"]:
        if row["lead_id"] in came:
            about = {**accounts[row["account_id"]], **contacts[row["contact_id"]]}
            people.append(_lead(row, about, came=came[row["lead_id"]]))
            moves += _move(row) if came[row["lead_id"]] else []
    told = [one for one in _events(bundle) if one["lead"] in came]
    store.write(lambda tx: insert_many(tx, leads.table, people), alone=True)
    store.write(lambda tx: insert_many(tx, events.table, told), alone=True)
    store.write(lambda tx: insert_many(tx, change_table, moves), alone=True)


def _id(row: Row) -> str:
    return str(row["lead_id"])


def _features(row: Row) -> dict[str, Any]:
    """What a row says; of a number that is missing, that it is."""
    kept = {name: value for name, value in row.items() if name not in LEFT_OUT}
    return {name: "missing" if value is None else value for name, value in kept.items()}


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _lead(row: Row, about: Row, *, came: bool) -> dict[str, Any]:
    empty: dict[str, Any] = {column.name: None for column in leads.table.c}
    known, id = _day(row["lead_created_at"]), row["lead_id"]
    return empty | {
        "id": id, "email": f"{id}@example.com", "email_key": f"{id}@example.com", "tags": [],
        "scores": {}, "score": 0, "orders": 0, "revenue": 0, "version": 0, "title":
        about["job_title"], "company": about["company_name"], "source": row["lead_source"],
        "fields": {name: about[name] for name in FIELDS if about[name] is not None},
        "created_at": known, "stage_entered_at": known, "stage": "customer" if came else "lead",
    }  # fmt: skip


def _move(row: Row) -> list[dict[str, Any]]:
    at = _day(row["lead_created_at"]) + timedelta(days=90)
    return [{
        "id": derived_id("moved", row["lead_id"]), "lead": row["lead_id"], "at": at,
        "field": "stage", "before": "lead", "after": "customer", "actor": "bundle", "reason": "",
    }]  # fmt: skip


def _events(bundle: Bundle) -> list[dict[str, Any]]:
    found = []
    for row in bundle.tables["touches"]:
        name = "touch.in" if row["touch_direction"] == "inbound" else "touch.out"
        said = {"type": row["touch_type"], "channel": row["touch_channel"]}
        found.append(_event(row, name, row["touch_timestamp"], said))
    for row in bundle.tables["sessions"]:
        at = row["session_timestamp"]
        found.append(_event(row, "session.held", at, {"type": row["session_type"]}))
        for name, views in (("priced", "pricing_page_views"), ("demo", "demo_page_views")):
            if row[views]:
                found.append(_event(row, f"session.{name}", at, {}))
    for row in bundle.tables["sales_activities"]:
        said = {"type": row["activity_type"], "outcome": row["activity_outcome"]}
        found.append(_event(row, "sales.done", row["activity_timestamp"], said))
    for row in bundle.tables["opportunities"]:
        found.append(_event(row, "opportunity.opened", row["created_at"], {}))
    return found


def _event(row: Row, name: str, at: str, said: dict[str, Any]) -> dict[str, Any]:
    id = derived_id("event", name, *row.values())
    known = {key: value for key, value in said.items() if value is not None}
    when = _day(at)
    return {
        "id": id, "name": name, "lead": row["lead_id"], "deal": None, "at": when,
        "accepted_at": when, "properties": known,
    }  # fmt: skip
