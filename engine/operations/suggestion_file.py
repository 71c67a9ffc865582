"""Suggested rules as a playbook's file: each with its reason in a comment, tidy, and checked.

What a playbook of today says besides its rules (title, thresholds with their steps) is taken over;
levels move so that as many leads reach them as do today. Its scenarios are not: they count points.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from engine.operations.editions import Folder
from engine.operations.fitting import Ranked
from engine.operations.proposal_words import words
from engine.operations.proposals import edition_with_text
from engine.operations.suggestion import DAY, Rule, Suggested, chance_of
from engine.playbook.formatting import formatted
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.validate import is_playbook
from engine.runtime.foretelling import Share

if TYPE_CHECKING:
    from engine.operations.fitting import Numbers

_GRADES: Mapping[str, float] = {"A": 0.05, "B": 0.2, "C": 0.5}
"""The share of leads that has a grade, or a better one, where no playbook names grades."""
_TOP = 0.01
_AT = re.compile(r"^(  - |    )at: *[^\s#]+", re.MULTILINE)
_NAME = re.compile(r"^  - ", re.MULTILINE)
_SHOWN = (0, 25, 50, 75)
_PLAIN = re.compile(r"[A-Za-z(][\w .()<>=|/+*-]*")


def written(found: Suggested, folder: Folder, language: str) -> str:
    """The file's text, which validates in the workspace and is tidy.

    Raises:
        InputError: something else is wrong with the workspace.
    """
    text = "\n".join(_File(found, folder, words(language)).lines()) + "\n"
    name = f"{found.playbook}.yaml"
    tidy = formatted(text, name)
    edition_with_text(folder, tidy.encode(), name)
    return tidy


@dataclass
class _File:
    found: Suggested
    folder: Folder
    said: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        found = self.found
        old = self._old()
        yield from (f"# {line}" for line in self._head())
        yield f"playbook: {found.playbook}"
        yield "kind: scoring"
        yield from _block(old, "title")
        if found.wanted.score != PRIMARY:
            yield f"score: {found.wanted.score}"
        yield f"range: {found.low:g}..100"
        for kind in ("fit", "behavior"):
            rules = sorted(
                (one for one in found.rules if one.sign.kind == kind),
                key=lambda one: (one.is_kept, -abs(one.points)),
            )
            yield from ([f"{kind}:"] if rules else ())
            for rule in rules:
                yield from self._rule(rule)
        yield f"decay: {{half_life: {found.half_life}}}"
        yield from self._grades()
        yield from self._thresholds(_block(old, "thresholds"))

    def _old(self) -> str:
        """The text of the playbook that there is, tidy; empty: there is none."""
        for file, content in self.folder.files.items():
            if is_playbook(file) and PurePosixPath(file).stem == self.found.playbook:
                return formatted(content, file)
        return ""

    def _head(self) -> Iterator[str]:
        one, said = self.found, self.said
        came = (one.stages[0], *one.wanted.ends, said["won"])
        yield said["drawn"].format(
            leads=one.leads, came=one.outcomes, outcome=said["or"].join(came),
            within=one.wanted.within / DAY, rate=one.outcomes / one.leads,
        )  # fmt: skip
        yield said["judged"].format(after=one.wanted.after / DAY)
        yield said["left"].format(sooner=one.sooner, young=one.young)
        yield from self._check()
        shares = ", ".join(
            said["share"].format(total=total, chance=chance_of(one, total)) for total in _SHOWN
        )
        yield said["odds"].format(points=math.log(2) * one.per_logit, shares=shares)
        if one.slight:
            yield said["none"].format(names=", ".join(one.slight))
        if one.crowded:
            yield said["crowded"].format(names=", ".join(one.crowded))
        yield said["next"]

    def _check(self) -> Iterator[str]:
        check, said = self.found.check, self.said
        if check is None:
            yield said["unchecked"]
            return
        area = _area(check.points)
        yield said["check"].format(leads=check.leads, came=check.outcomes, area=area)
        if check.is_chance:
            yield said["luck"]
        yield said["fitted"].format(area=_area(check.model))
        if check.present is not None:
            yield said["present"].format(area=_area(check.present))
        truth = check.truth
        yield said["true"].format(forecast=truth.forecast, came=truth.came, slope=truth.slope)

    def _rule(self, rule: Rule) -> Iterator[str]:
        sign = rule.sign
        yield f"  # {self._reason(rule)}"
        yield f"  - event: {sign.event}" if sign.event else f"  - if: {_quoted(sign.cond)}"
        if sign.event and sign.cond:
            yield f"    if: {_quoted(sign.cond)}"
        yield f"    points: {rule.points:g}"
        if sign.event and sign.times is not None:
            yield f"    at_most: {sign.times * abs(rule.points):.6g} per {sign.per}"
        if sign.note:
            yield f"    note: {_quoted(sign.note)}"

    def _reason(self, rule: Rule) -> str:
        having, others, said = rule.having, rule.others, self.said
        if rule.is_kept:
            return said["kept"].format(leads=having.of)
        times = (having.value or 0) / others.value if others.value else None
        lift = said["lift"].format(times=times) if times is not None else said["alone"]
        told = said["rule"].format(
            leads=having.of, having=having.value or 0, others=others.value or 0, lift=lift,
            low=rule.low, high=rule.high,
        )  # fmt: skip
        return told + (said["unsure"] if rule.low <= 0 <= rule.high else "")

    def _grades(self) -> Iterator[str]:
        present = self.found.present
        old = {one.name: one.least for one in present.grades} if present is not None else {}
        shares = {name: self._share(least) for name, least in old.items()} or dict(_GRADES)
        grades: dict[str, int] = {}
        for name, share in shares.items():
            level = self._level(share)
            if share < 1 and level > self.found.low and level < min(grades.values(), default=101):
                grades[name] = level
        if not grades:
            return
        names = [name for name in (old or {"D": 0}) if name not in grades]
        every = {**grades, **({names[-1]: int(self.found.low)} if names else {})}
        yield from self._counted(every)
        told = ", ".join(f"{_quoted(name)}: {level}" for name, level in every.items())
        yield f"grades: {{{told}}}"

    def _counted(self, grades: Mapping[str, int]) -> Iterator[str]:
        above = float("inf")
        for name, level in grades.items():
            has = (self.found.totals >= level) & (self.found.totals < above)
            share = Share(int(self.found.came[has].sum()), int(has.sum()))
            low, high = share.interval
            told = {"name": name, "leads": share.of, "share": share.value or 0}
            yield "# " + self.said["grade"].format(**told, low=low, high=high)
            above = level

    def _thresholds(self, block: Sequence[str]) -> Iterator[str]:
        """The thresholds as they are, each at the level that as many leads reach."""
        present = self.found.present
        if present is None or not present.thresholds or not block:
            return
        text = "\n".join(block)
        starts = [at.start() for at in _NAME.finditer(text)]
        yield text[: starts[0]].rstrip("\n") if starts else text
        for level, start, end in zip(
            present.thresholds, starts, [*starts[1:], len(text)], strict=False
        ):
            share = self._share(level.at)
            at = max(self._level(share or _TOP), int(self.found.low) + 1)
            about = "level" if share else "top"
            yield "  # " + self.said[about].format(
                name=level.name, after=self.found.wanted.after / DAY, was=level.at,
                share=share or _TOP,
            )  # fmt: skip
            yield _AT.sub(rf"\g<1>at: {at}", text[start:end].rstrip("\n"), count=1)

    def _share(self, level: float) -> float:
        """The share of leads that reach a level by the rules of today."""
        return float((self.found.before >= level).mean())

    def _level(self, share: float) -> int:
        """The level that this share of leads reaches by the rules suggested."""
        import numpy as np

        totals: Numbers = self.found.totals
        return int(np.ceil(np.quantile(totals, 1 - min(1.0, share), method="higher")))


def _block(text: str, key: str) -> list[str]:
    """The lines of a key at the top of a tidy file, its own comments left where they were."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if start is None:
        return []
    ends = (at for at in range(start + 1, len(lines)) if lines[at][:1].strip())
    return lines[start : next(ends, len(lines))]


def _quoted(text: str) -> str:
    """A scalar of YAML; what need not be quoted is not."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and ": " not in text
    return text if plain else "'" + text.replace("'", "''") + "'"


def _area(one: Ranked) -> str:
    return f"{one.area:.2f} ({one.low:.2f}–{one.high:.2f})"
