"""Verdicts as JUnit XML, which every CI server can show."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Tree

from rehearsal.suite import Verdict

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict]) -> str:
    """One suite a playbook, one case a scenario."""
    root = Tree.Element("testsuites", name="longplay")
    for playbook in dict.fromkeys(one.playbook for one in verdicts):
        mine = [one for one in verdicts if one.playbook == playbook]
        suite = Tree.SubElement(
            root,
            "testsuite",
            name=playbook,
            tests=str(len(mine)),
            failures=str(sum(not one.ok for one in mine)),
            errors="0",
            time=f"{sum(one.seconds for one in mine):.3f}",
        )
        for one in mine:
            _case(suite, one)
    Tree.indent(root)
    text: bytes = Tree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode() + "\n"


def _case(suite: Tree.Element, one: Verdict) -> None:
    case = Tree.SubElement(
        suite,
        "testcase",
        name=_clean(one.name),
        classname=one.playbook,
        file=one.file,
        line=str(one.line),
        time=f"{one.seconds:.3f}",
    )
    if not one.ok:
        said = _clean(one.diff)
        failure = Tree.SubElement(case, "failure", message=said.partition("\n")[0])
        failure.text = said


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
