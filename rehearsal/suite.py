"""All scenarios of a workspace: each played by itself, with a verdict."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.errors import LongplayError
from engine.operations.editions import Folder
from engine.playbook.diagnostics import Diagnostic, human
from engine.playbook.plan import Plan
from engine.playbook.scenarios import Scenario
from engine.playbook.source import Document
from engine.playbook.validate import Checked, is_playbook
from rehearsal.coverage import Coverage, coverage
from rehearsal.house import House, edition_of
from rehearsal.judging import Difference, Judge
from rehearsal.play import part_of, play


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario: whether it holds, and if not, why.

    Attributes:
        line: where it stands in its file.
        diff: the difference, for people; empty when it holds.
    """

    playbook: str
    name: str
    file: str
    line: int
    diff: str = ""
    seconds: float = 0

    @property
    def ok(self) -> bool:
        """Whether everything expected happened."""
        return not self.diff

    def as_json(self) -> dict[str, object]:
        """The contract's form."""
        return {"playbook": self.playbook, "name": self.name, "ok": self.ok, "diff": self.diff}


@dataclass(slots=True)
class Outcome:
    """What testing gave."""

    verdicts: list[Verdict] = field(default_factory=list)
    coverages: list[Coverage] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many scenarios do not hold."""
        return sum(not one.ok for one in self.verdicts)


@dataclass(frozen=True, slots=True)
class Suite:
    """The scenarios of a checked workspace.

    Args:
        folder: the workspace's files.
        checked: what checking them gave.
        files: only of these files; None: of all.
        word: only those in whose playbook or name this stands.
    """

    folder: Folder
    checked: Checked
    files: Collection[str] | None = None
    word: str = ""

    def __len__(self) -> int:
        return sum(len(self._of(file)) for file in self._files())

    def run(self, progress: Callable[[int], None] = lambda done: None) -> Outcome:
        """Plays all of them."""
        outcome = Outcome()
        for file in self._files():
            errors = self._errors(file)
            if errors:
                outcome.verdicts.append(_unplayable(file, errors, self.folder))
                continue
            for verdict in self._play(file, outcome):
                outcome.verdicts.append(verdict)
                progress(len(outcome.verdicts))
        return outcome

    def _files(self) -> list[str]:
        known = sorted(filter(is_playbook, self.folder.files))
        return [one for one in known if self.files is None or one in self.files]

    def _errors(self, file: str) -> Sequence[Diagnostic]:
        """What keeps a playbook from being played: its own errors, else the workspace's."""
        if file in self.checked.documents and _stem(file) in self.checked.plans:
            return ()
        errors = [one for one in self.checked.diagnostics if one.is_error]
        return [one for one in errors if one.file == file] or errors

    def _of(self, file: str) -> list[tuple[int, Scenario]]:
        is_read = file in self.checked.documents
        name = _stem(file)
        known = self.checked.scorings.get(name) or self.checked.playbooks.get(name)
        playbook = known if is_read else None
        word = self.word.casefold()
        every = enumerate(playbook.scenarios) if playbook is not None else ()
        return [(n, one) for n, one in every if word in f"{_stem(file)} {one.name}".casefold()]

    def _play(self, file: str, outcome: Outcome) -> Iterator[Verdict]:
        name = _stem(file)
        plan, document = self.checked.plans[name], self.checked.documents[file]
        parts = parts_of(plan, self.checked.plans)
        scenarios = self._of(file)
        reached: set[tuple[str, str]] = set()
        if scenarios:
            with House(edition_of(self.folder, self.checked, parts)) as house:
                kept = house.keep()
                for number, scenario in scenarios:
                    house.take_up(kept)
                    yield _verdict(house, name, document, number, scenario, reached)
        if not self.word:
            for part in parts.keys() & self.checked.playbooks.keys():
                playbook = self.checked.playbooks[part]
                outcome.coverages.append(coverage(playbook, parts[part], reached))


def parts_of(plan: Plan, plans: Mapping[str, Plan]) -> dict[str, Plan]:
    """A playbook with what runs in its scenarios: of a scoring playbook its thresholds, too."""
    levels = plan.scoring.thresholds if plan.scoring is not None else ()
    return {plan.playbook: plan} | {one.playbook: plans[one.playbook] for one in levels}


def _verdict(
    house: House,
    playbook: str,
    document: Document,
    number: int,
    scenario: Scenario,
    reached: set[tuple[str, str]],
) -> Verdict:
    begun = time.perf_counter()
    line = document.node(("scenarios", number)).span.line
    diff = ""
    try:
        played = play(house, playbook, part_of(house, scenario))
        reached |= played.reached
        judge = Judge(played, house.current.zone, house.current.calendar("", {}))
        for one in judge.differences(scenario.expect):
            at = document.node(("scenarios", number, "expect", one.line)).span.line
            diff += _told(one, f"{document.file}:{at}", judge)
    except LongplayError as error:
        diff = f"it cannot be played: {error.message}\n"
        diff += f"  help: {error.help}\n" if error.help else ""
    seconds = time.perf_counter() - begun
    return Verdict(playbook, scenario.name, document.file, line, diff, seconds)


def _told(one: Difference, place: str, judge: Judge) -> str:
    lines = [f"expected  {one.expected}   ({place})", f"but       {one.found}"]
    if judge.played.rows:
        lines += ["", *(f"  {each}" for each in judge.around(one.row))]
    return "\n".join(lines) + "\n"


def _unplayable(file: str, errors: Sequence[Diagnostic], folder: Folder) -> Verdict:
    texts: Mapping[str, bytes] = folder.files
    said = [human(one, texts.get(one.file, b"").decode("utf-8", "replace")) for one in errors[:5]]
    diff = "\n".join(said) + "\n"
    return Verdict(_stem(file), "(its file has errors)", file, errors[0].line, diff)


def _stem(file: str) -> str:
    return PurePosixPath(file).stem
