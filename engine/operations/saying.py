"""What a notice says: one or many texts, with what may be answered to each. Pure.

Texts are in the workspace's language. A room takes so many bytes: whole notices are left out rather
than cut, and how many there are is said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

LASTS = timedelta(days=14)
"""How long a button in a message works."""

MOST_IN_A_MAIL = 100
_SPARE = 100
"""Bytes for how many more there are."""

_OLD = timedelta(minutes=10)
"""What is told later than this says of when it is."""

CHOICES = ("", "done", "snooze", "acknowledge", "approve", "reject")
"""What a button does, by its number in a link; numbers are never used again."""

OFFERED: Mapping[str, tuple[str, ...]] = {
    "task": ("done", "snooze"),
    "notice": ("done", "snooze"),
    "approval": ("approve", "reject"),
    "escalation": ("acknowledge", "snooze", "done"),
}
"""What may be answered to an entry of the inbox, by its kind."""

_EN = {
    "done": "Done", "snooze": "Later", "acknowledge": "I am on it", "approve": "Approve",
    "reject": "Reject", "answer": "Answer", "many": "{count} notices: {first}",
    "more": "… and {count} more: {url}",
}  # fmt: skip
_ZH = {
    "done": "完成", "snooze": "稍后", "acknowledge": "我来处理", "approve": "批准",
    "reject": "拒绝", "answer": "处理", "many": "{count} 条提醒：{first}",
    "more": "…… 还有 {count} 条：{url}",
}  # fmt: skip

Link = Callable[[str, str], str]
"""The address of a button: of which entry, and which choice."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that is told.

    Attributes:
        text: what it says; empty: the step's own text, which the writer fills in.
        at: when its step was reached.
        task: the entry of the inbox that it may be answered by; empty: there is none.
        kind: of that entry.
    """

    text: str
    at: datetime
    task: str = ""
    kind: str = ""

    @property
    def offers(self) -> tuple[str, ...]:
        """What may be answered."""
        return OFFERED.get(self.kind, ()) if self.task else ()


@dataclass(frozen=True, slots=True)
class Telling:
    """How things are told to one person, or in one room.

    Attributes:
        language: of the workspace.
        zone: of whoever is told.
        now: the moment of telling.
        link: makes the addresses of buttons; None: there are no buttons.
        more: where everything is listed.
    """

    language: str
    zone: tzinfo
    now: datetime
    link: Link | None = None
    more: str = ""

    @property
    def words(self) -> Mapping[str, str]:
        """What buttons and headings are called."""
        return _ZH if self.language.lower().startswith("zh") else _EN

    def subject(self, said: Sequence[Said]) -> str:
        """The first line of one; of several how many there are, and the first."""
        first = said[0].text.partition("\n")[0] if said else ""
        if len(said) > 1:
            first = self.words["many"].format(count=len(said), first=first)
        return first[:120]

    def text(self, said: Sequence[Said], most: int) -> str:
        """All of it as text of at most `most` bytes, as far as whole notices go."""
        parts, left = list[str](), most
        for number, one in enumerate(said):
            part = self._part(one, alone=len(said) == 1, most=most)
            last = number == len(said) - 1
            rest = "" if last else self._more(len(said) - number - 1)
            size = len(part.encode()) + 2
            if parts and size + len(rest.encode()) > left:
                return "\n\n".join([*parts, self._more(len(said) - number)])
            parts.append(part)
            left -= size
        return "\n\n".join(parts)

    def html(self, said: Sequence[Said]) -> str:
        """All of it as the inside of a page."""
        shown = said[:MOST_IN_A_MAIL]
        blocks = [
            f'<p style="margin:0 0 4px">{self._when(one)}{escaped(one.text)}</p>{self.buttons(one)}'
            for one in shown
        ]
        if len(said) > len(shown):
            blocks.append(f"<p>{escaped(self._more(len(said) - len(shown)))}</p>")
        rule = '<hr style="border:0;border-top:1px solid #ddd;margin:16px 0">'
        return rule.join(blocks)

    def buttons(self, one: Said) -> str:
        """What may be answered to one, as links that a thumb can hit."""
        if self.link is None or not one.offers:
            return ""
        style = (
            "display:inline-block;margin:4px 8px 4px 0;padding:10px 16px;border:1px solid #b4481e;"
            "border-radius:6px;color:#b4481e;text-decoration:none"
        )
        links = [
            f'<a href="{escaped(self.link(one.task, name))}" style="{style}">'
            f"{escaped(self.words[name])}</a>"
            for name in one.offers
        ]
        return f'<p style="margin:8px 0">{"".join(links)}</p>'

    def answers(self, one: Said, *, alone: bool = True) -> list[tuple[str, str]]:
        """What may be answered, as label and address; beside others only the first."""
        if self.link is None or not one.offers:
            return []
        if alone:
            return [(self.words[name], self.link(one.task, name)) for name in one.offers]
        return [(self.words["answer"], self.link(one.task, one.offers[0]))]

    def _part(self, one: Said, *, alone: bool, most: int) -> str:
        """One notice; rather than its buttons a part of its text is left out."""
        answers = "".join(f"\n{label}: {url}" for label, url in self.answers(one, alone=alone))
        room = most - len(answers.encode()) - _SPARE
        return shortened(f"{self._when(one)}{one.text}", room) + answers

    def _when(self, one: Said) -> str:
        if self.now - one.at < _OLD:
            return ""
        at, now = one.at.astimezone(self.zone), self.now.astimezone(self.zone)
        return f"[{at:%H:%M}] " if at.date() == now.date() else f"[{at:%Y-%m-%d %H:%M}] "

    def _more(self, count: int) -> str:
        return self.words["more"].format(count=count, url=self.more)


def shortened(text: str, most: int) -> str:
    """Text of at most `most` bytes, cut between characters and marked as cut."""
    written = text.encode("utf-8", "replace")
    if len(written) <= most:
        return text
    return written[: max(0, most - 3)].decode("utf-8", "ignore").rstrip() + "…"


def escaped(text: str) -> str:
    """Text as it stands in HTML."""
    for sign, entity in (
        ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\n", "<br>"),
    ):  # fmt: skip
        text = text.replace(sign, entity)
    return text
