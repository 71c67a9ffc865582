"""The flow as a picture: every box and line of the plan, as Mermaid text and as SVG."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from engine.playbook.diagnostics import width
from engine.playbook.diagram import START, diagram, mermaid
from engine.playbook.diagram_svg import svg, wrapped
from engine.playbook.plan import Jump, Plan
from tests.cases.casefiles import Case, cases
from tests.cases.casework import compiled, with_steps

SVG = "{http://www.w3.org/2000/svg}"


def plan_of(text: str) -> Plan:
    plan = compiled(text).plan
    assert plan is not None
    return plan


def plans() -> list[Plan]:
    found = []
    for case in cases():
        if "findings" not in case.says:
            found.append(plan_of(_text(case)))
    return found


def _text(case: Case) -> str:
    return with_steps(case.says["steps"]) if "steps" in case.says else str(case.says["playbook"])


PLANS = plans()
BRANCHING = with_steps(
    '- if: lead.city == "杭州"\n  then:\n    - tag: 本地\n  else:\n    - end: far\n'
)
LOOP = with_steps("- repeat: {times: 3}\n  steps:\n    - wait: 1 day\n- tag: after\n")


def test_mermaid_of_a_branch() -> None:
    """A branch has a line for yes and one for no, and text keeps its signs."""
    assert mermaid(diagram(plan_of(BRANCHING))) == (
        "flowchart TD\n"
        '  start(["by hand"])\n'
        '  n0{"lead.city == #quot;杭州#quot;<br/><small>if-lead-city-杭州</small>"}\n'
        '  n1["tag 本地"]\n'
        '  n3(["far"])\n'
        '  n4(["completed"])\n'
        "  start --> n0\n"
        '  n0 -- "yes" --> n1\n'
        '  n0 -- "no" --> n3\n'
        "  n1 --> n4\n"
    )


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_every_op_is_drawn(plan: Plan) -> None:
    """Each op but jumps is a box, and each line goes from a box to a box."""
    drawn = diagram(plan)
    boxes = {node.number for node in drawn.nodes}
    assert boxes == {START} | {n for n, op in enumerate(plan.ops) if not isinstance(op, Jump)}
    assert all(edge.source in boxes and edge.target in boxes for edge in drawn.edges)
    assert boxes - {START} <= {edge.target for edge in drawn.edges}


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_svg_is_well_formed_and_boxes_are_apart(plan: Plan) -> None:
    """The picture is XML, holds every box within its frame, and no two boxes overlap."""
    root = ElementTree.fromstring(svg(diagram(plan)))
    frame = [float(each) for each in root.attrib["viewBox"].split()]
    boxes = [_extent(group) for group in root.iter(f"{SVG}g")]
    assert len(boxes) == len(diagram(plan).nodes)
    for x, y, right, bottom in boxes:
        assert 0 <= x < right <= frame[2]
        assert 0 <= y < bottom <= frame[3]
    for one, two in combinations(boxes, 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, (one, two)


def _extent(group: ElementTree.Element) -> tuple[float, float, float, float]:
    shape = group[0].attrib
    if "points" in shape:
        spots = [tuple(map(float, spot.split(","))) for spot in shape["points"].split()]
        xs, ys = [x for x, _ in spots], [y for _, y in spots]
        return min(xs), min(ys), max(xs), max(ys)
    x, y = float(shape["x"]), float(shape["y"])
    return x, y, x + float(shape["width"]), y + float(shape["height"])


def test_a_loop_goes_back_up() -> None:
    """A loop is one line from its last step to its head."""
    lines = {(edge.source, edge.target, edge.label) for edge in diagram(plan_of(LOOP)).edges}
    assert lines == {(-1, 0, ""), (0, 1, "again"), (1, 0, ""), (0, 3, "enough"), (3, 4, "")}


def test_text_is_no_markup() -> None:
    """Text with the signs of XML stays text."""
    picture = svg(diagram(plan_of(with_steps('- tag: "<b>&"'))))
    assert "tag &lt;b&gt;&amp;" in picture
    assert not re.search(r"<b>", picture)


@pytest.mark.parametrize(
    "label",
    ["a" * 200, "请在四个工作小时内联系这位客户并把结果写进系统里面去" * 3, "one two " * 20, ""],
    ids=["one-word", "chinese", "words", "empty"],
)
def test_labels_are_wrapped(label: str) -> None:
    """No line of a box is wider than the box may be, and nothing is lost."""
    lines = wrapped(label)
    assert all(width(line) <= 31 for line in lines)
    assert "".join(lines).replace(" ", "") == label.replace(" ", "")


def test_svg_fetches_nothing() -> None:
    """The picture needs nothing from elsewhere and runs nothing."""
    picture = svg(diagram(PLANS[0])).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"http|url\((?!#)|@import|<script|href", picture)


def test_the_file_is_the_same_every_time() -> None:
    """The same plan is drawn the same."""
    assert svg(diagram(PLANS[0])) == svg(diagram(PLANS[0]))


def test_step_ids_are_shown() -> None:
    """The id of a step stands in its box, unless the label says the same."""
    drawn = diagram(plan_of(with_steps("- tag: a\n  id: first\n- tag: b\n")))
    assert [(node.label, node.caption) for node in drawn.nodes[1:]] == [
        ("tag a", "first"), ("tag b", ""), ("completed", ""),
    ]  # fmt: skip
    assert ">first</text>" in svg(drawn)


WIDE = "- choose:\n" + "".join(
    f"    - if: lead.score > {90 - at * 8}\n      steps: [{{tag: very-long-tag-{at}}}]\n"
    for at in range(9)
)
HARD = {
    "goto": """\
- task: Call the lead
  id: call
- wait_for: task.done
  up_to: 2 days
  then: [{end: worked}]
- email: welcome-again
  id: second
- wait_for: email.clicked
  from: second
  up_to: 3 days
  then: [{goto: call}]
- if: lead.score > 10
  then: [{wait: 1 day}, {goto: second}]
- tag: lost
""",
    "loops": """\
- repeat: {times: 3}
  steps:
    - email: welcome
    - repeat: {while: lead.score < 40}
      steps: [{wait: 1 day}, {if: lead.plan == "pro", then: [{end: upgraded}]}]
    - repeat: {until: lead.stage == 'sql'}
      steps: [{wait: 2 days}, {score: +5}]
- tag: done
""",
    "wide": WIDE,
    "forty": "".join(f"- tag: t{at}\n- wait: {at + 1} days\n" for at in range(20)),
}


@pytest.mark.parametrize("name", HARD)
def test_words_and_lines_keep_clear(name: str) -> None:
    """Words on lines do not touch each other, and no line goes through a box."""
    root = ElementTree.fromstring(svg(diagram(plan_of(with_steps(HARD[name])))))
    boxes = [_extent(group) for group in root.iter(f"{SVG}g")]
    words = [_word(each) for each in root.iter(f"{SVG}text") if each.get("class") == "name"]
    for one, two in combinations([*words, *boxes], 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart or (one in boxes and two in boxes), (one, two)
    for x, y in (spot for each in root.iter(f"{SVG}path") for spot in _corners(each)):
        assert not any(b[0] + 1 < x < b[2] - 1 and b[1] + 1 < y < b[3] - 1 for b in boxes)


def _word(text: ElementTree.Element) -> tuple[float, float, float, float]:
    half = width(text.text or "") * 6.2 / 2
    x, y = float(text.attrib["x"]), float(text.attrib["y"])
    return x - half, y - 9, x + half, y + 3


def _corners(path: ElementTree.Element) -> list[tuple[float, float]]:
    """The places at which a line turns, and those in the middle between them."""
    if path.get("class") != "line":
        return []
    x = y = 0.0
    found: list[tuple[float, float]] = []
    for sign, numbers in re.findall(r"([MVHCQ])([^MVHCQ]*)", path.attrib["d"]):
        values = [float(each) for each in numbers.split()]
        was = (x, y)
        x = values[0] if sign == "H" else x if sign == "V" else values[-2]
        y = y if sign == "H" else values[-1]
        found += [(x, y), ((x + was[0]) / 2, (y + was[1]) / 2)] if sign != "M" else []
    return found
