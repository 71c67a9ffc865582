"""Bad input: mutations of good playbooks, workspaces and templates through the whole of validate.

    python -m bench.fuzz_playbooks [--documents 10000] [--seed 1] [--json]

Every document must come back as findings or as a plan. Anything that is raised is a fault, and its
input is printed so that it can become a case.
"""

import argparse
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.arena import ROOT
from bench.grown_playbooks import PLAYBOOKS, WORKSPACES
from engine.operations import editions
from engine.operations.editions import Folder
from engine.playbook.formatting import Untidy, formatted
from engine.playbook.validate import Checked, validate_workspace
from engine.playbook.workspace import FILE

SPICE = (
    "\t", "\x00", "\ufeff", "：", "“", "\u00a0", "&a", "*a", "<<: *a", "---", "!!python/object:x",
    "- ", "  ", "{", "}", "[", "]", "'", '"', "#", "|", ">", "@", "`", "%", "\n", "\r\n", "é",
    "{{", "}}", "{% for x in", "null", "~", "1e999", "0x7f", "010", "2026-13-45", "lead.", "==",
    "99999999999999999999 days", "4 m", "if:", "steps:", "enroll:", "goto: ", "wait: ", "\ud83d",
)  # fmt: skip


def mutated(text: str, chance: random.Random) -> bytes:
    """The text with one to six small wounds; sometimes bytes that are no UTF-8."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice((0, 1, 2, 5, 20, 200)))
        lines = text.split("\n")
        match chance.randrange(5):
            case 0:
                text = text[:at] + chance.choice(SPICE) + text[at:]
            case 1:
                text = text[:at] + text[end:]
            case 2:
                text = text[:at] + text[at:end] * chance.randint(2, 4) + text[end:]
            case 3:
                chance.shuffle(lines)
                text = "\n".join(lines) if chance.random() < 0.2 else text
            case _:
                one = chance.randrange(len(lines))
                lines[one] = chance.choice((" ", "  ", "- ", "\t")) + lines[one]
                text = "\n".join(lines)
    found = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        at = chance.randrange(len(found) + 1)
        found = found[:at] + bytes(chance.randrange(256) for _ in range(3)) + found[at:]
    return found


class Workspace:
    """The starter workspace, and one document of it mutated at a time."""

    def __init__(self) -> None:
        self.good = editions.read_folder(ROOT)
        self.facts = editions.template_facts(self.good.templates)

    def wounded(self, chance: random.Random) -> tuple[str, bytes, Callable[[], Checked]]:
        """A document's name, its bytes, and how the workspace is checked with it."""
        files, templates = self.good.files, self.good.templates
        if chance.random() < 0.3:
            return self._grown(chance)
        name = chance.choice([*files, *files, *templates])
        if name in templates:
            content = mutated(templates[name], chance)
            texts = {**templates, name: content.decode("utf-8", "replace")}
            alone = {path: files[path] for path in files if path == FILE}
            return name, content, lambda: editions.check(Folder(alone, texts))
        content = mutated(files[name].decode(), chance)
        two = {FILE: files[FILE], name: content}
        return name, content, lambda: _tidied(name, content, validate_workspace(two, self.facts))

    def _grown(self, chance: random.Random) -> tuple[str, bytes, Callable[[], Checked]]:
        """A document that is well formed, from the schemas."""
        if chance.random() < 0.3:
            content = WORKSPACES.text(chance).encode("utf-8", "surrogatepass")
            files = {**self.good.files, FILE: content}
            return FILE, content, lambda: validate_workspace(files, self.facts)
        content = PLAYBOOKS.text(chance).encode("utf-8", "surrogatepass")
        two = {FILE: self.good.files[FILE], "playbooks/case.yaml": content}
        return (
            "case.yaml",
            content,
            lambda: _tidied("case", content, validate_workspace(two, self.facts)),
        )


def _tidied(name: str, content: bytes, checked: Checked) -> Checked:
    """The findings; whatever can be tidied is tidy then, and keeps its plan."""
    try:
        once = formatted(content, name)
    except Untidy as fault:
        assert fault.diagnostics, "good YAML that cannot be tidied"
        return checked
    assert formatted(once, name) == once, "tidied twice"
    return checked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    chance, workspace = random.Random(args.seed), Workspace()
    seen: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    began = time.monotonic()
    for number in range(args.documents):
        name, content, check = workspace.wounded(chance)
        try:
            checked = check()
        except Exception:
            seen["raised"] += 1
            Path(f"fuzz-{number}.bad").write_bytes(content)
            print(f"{name}: see fuzz-{number}.bad", file=sys.stderr)
            traceback.print_exc()
            continue
        seen["clean" if checked.ok else "found wrong"] += 1
        rules.update({found.rule for found in checked.diagnostics})
    found = {
        "documents": args.documents,
        "raised": seen["raised"],
        "found_wrong": seen["found wrong"],
        "still_good": seen["clean"],
        "rules_seen": len(rules),
        "seconds": round(time.monotonic() - began, 1),
    }
    if args.json:
        print(json.dumps(found))
    else:
        for key, value in found.items():
            print(f"{key:>12}  {value}")
    sys.exit(1 if seen["raised"] else 0)


if __name__ == "__main__":
    main()
