"""What a look at deliverability comes to: how it stands, and what to change."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error", "unknown"]
"""`unknown`: it could not be looked at, so that nothing is said of it."""


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record to publish, as it is typed into the form of whoever keeps the domain."""

    name: str
    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}  {self.type}  {self.value}"

    def as_json(self) -> dict[str, str]:
        """What `--json` shows."""
        return {"name": self.name, "type": self.type, "value": self.value}


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: what at, how it stands, what was found, and the next move.

    Attributes:
        name: of the check, with what it looked at where there are several.
        change: what to do; empty when there is nothing to do.
        record: what to publish, where that is the change.
    """

    name: str
    level: Level
    detail: str
    change: str = ""
    record: DnsRecord | None = None

    @property
    def ok(self) -> bool:
        """Whether mail may go as it is: a warning does not keep it."""
        return self.level != "error"

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "name": self.name, "ok": self.ok, "level": self.level, "detail": self.detail,
            "change": self.change, "record": self.record.as_json() if self.record else None,
        }  # fmt: skip
