"""Strict YAML: what stays as written, what is refused, and that nothing ever raises."""

import pytest

from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.nodes import MapNode, ScalarNode, resolve
from engine.playbook.source import MAX_BYTES, Document, parse


def read(content: bytes | str) -> tuple[Document | None, list[Diagnostic]]:
    findings = Findings()
    return parse(content, "f.yaml", findings), list(findings)


def data(text: str) -> object:
    document, found = read(text)
    assert document is not None, found
    return document.root.data()


@pytest.mark.parametrize(
    "written",
    ["010", "1.10", "013800138000", "09:30", "2026-11-01", "on", "no", "yes", "Off", "0x1F", "1e3",
     "0o17", "12:30:45", "1_000", "+10", "True", ".5", "NaN", "=", "<="],
)  # fmt: skip
def test_text_stays_as_written(written: str) -> None:
    """A plain scalar is the text that was written, whatever other YAMLs make of it."""
    assert data(f"a: {written}") == {"a": written}


@pytest.mark.parametrize("key", ["on", "no", "010", "2026-11-01", "true", "1.10"])
def test_keys_stay_text(key: str) -> None:
    """A key is the text that was written."""
    assert data(f"{key}: a") == {key: "a"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("false", False), ("True", "True"), ("yes", "yes"), ("10", 10),
        ("-3", -3), ("1.5", 1.5), ("010", "010"), ("1e3", "1e3"), ("0x1F", "0x1F"),
        ("null", None), ("~", None), ("", None), ("'10'", "10"), ("1_0", "1_0"),
    ],
)  # fmt: skip
def test_trees_are_typed_by_yaml_1_2(written: str, value: object) -> None:
    """Where a tree may hold any type, only true, false and decimal numbers leave text."""
    assert resolve(data(f"a: {written}")) == {"a": value}


def test_places_count_characters() -> None:
    """Every key and value knows its line and column, counted in characters from 1."""
    document, _ = read("标题: 你好\nb:\n  - c: d\n")
    assert document is not None
    assert isinstance(document.root, MapNode)
    assert (document.root.keys["标题"].span.column, document.root.values["标题"].span.column) == (
        1,
        5,
    )
    node = document.node(("b", 0, "c"))
    assert (node.span.line, node.span.column, node.span.end_column) == (3, 8, 9)


@pytest.mark.parametrize(
    ("text", "column", "place"),
    [
        ("a: lead.scor", 6, (1, 9)),
        ("a: 'lead.scor'", 6, (1, 10)),
        ('a: "lead.scor"', 1, (1, 5)),
        ("a: |\n  one\n  two", 5, (3, 3)),
        ('a: "x\\ty"', 3, (1, 4)),
    ],
    ids=["plain", "single", "double", "block", "escaped"],
)
def test_places_inside_a_text(text: str, column: int, place: tuple[int, int]) -> None:
    """A place inside a text is one in the file; with escapes it is the text's own."""
    document, _ = read(text)
    assert document is not None
    node = document.node(("a",))
    assert isinstance(node, ScalarNode)
    assert document.inside(node, column) == place


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"a: \xc4\xe3\xba\xc3", "not-utf8"),
        ("a: b".encode("utf-16"), "not-utf8"),
        (b"a: \x00", "control-character"),
        (b"a: 1\xe2\x80\xa8b: 2", "control-character"),
        (b"a: " + b"x" * MAX_BYTES, "file-too-big"),
        (b"[" * 2000, "too-deep"),
        (b"", "empty-file"),
        (b"a: &x [1]\nb: [*x, *x]", "yaml-anchor"),
        (b"a: {<<: {b: 1}}", "yaml-anchor"),
        (b"a: !!python/object:os.system x", "yaml-tag"),
        (b"a: 1\n---\nb: 2", "several-documents"),
        (b"a: 1\na: 2", "duplicate-key"),
        (b"? [a]\n: b", "key-not-text"),
        (b"%YAML 3.0\n---\na: b", "yaml-syntax"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(content: bytes, rule: str) -> None:
    """What playbooks do not have is refused, with the rule that says why."""
    document, found = read(content)
    assert document is None
    assert rule in {each.rule for each in found}


def test_gbk_is_recognized() -> None:
    """A file in GBK is told to be one, at the first byte that is not UTF-8."""
    _, found = read("a: b\n标题: x".encode("gbk"))
    assert (found[0].line, found[0].column, "GBK" in found[0].help) == (2, 1, True)


def test_byte_order_mark_is_a_warning() -> None:
    """A file with a byte order mark is read, and its owner is told."""
    document, found = read(b"\xef\xbb\xbfa: b")
    assert document is not None
    assert [(each.rule, each.severity) for each in found] == [("byte-order-mark", "warning")]


def test_windows_line_ends() -> None:
    """A file with carriage returns is the same file."""
    assert data("a: b\r\nc: |\r\n  d\r\n  e\r\n") == {"a": "b", "c": "d\ne\n"}


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("subject: 第1期 #3 新品", 'subject: "第1期 #3 新品"'),
        ("score: >= 40", 'score: ">= 40"'),
        ("cron: */5 * * * *", 'cron: "*/5 * * * *"'),
        ("to: @li.wei", "to: li.wei"),
        ("if: 'CN' == x", "if: \"'CN' == x\""),
        ('if: "CN" == x', "if: '\"CN\" == x'"),
        ("subject: 双11: 五折", 'subject: "双11: 五折"'),
        ("a: {points: 10,000}", "a: {points: 10000}"),
        ("a: {rate: 10,000 per hour}", "a: {rate: 10000 per hour}"),
        ("subject: “五折”", 'subject: "五折"'),
        ("subject:\u00a0五折", "subject: 五折"),
        ("tag: #vip", 'tag: "#vip"'),
        ("subject: 50% off: now", 'subject: "50% off: now"'),
        ("task: {{ lead.email }}", 'task: "{{ lead.email }}"'),
        ("task: {{ lead.email }} calls", 'task: "{{ lead.email }} calls"'),
        ("a: `x`", 'a: "`x`"'),
    ],
)
def test_mended_line_is_shown(line: str, mended: str) -> None:
    """A known trap shows the line as it was meant."""
    document, found = read(f"first: 1\n{line}\n")
    assert document is None
    assert [(each.line, each.help) for each in found] == [(2, f"write `{mended}`")]


@pytest.mark.parametrize(
    "line",
    [
        "a: b # a comment", "a: b  ## two", "a: 'x' #3", "steps: # all of them", "a: x#3",
        "a: '#3'", "a: http://acme.example/x", "a: 10:30", "a: “双”十一", "a: 注意：五折",
        "a: {b: 1, c: 2}", "a: [100, 200]", "a: [10,200]", "a: x\u00a0y", "a: >-\n  folded",
        "a: lead.score > 40", "a: -5", "a: b: c".replace(": c", ":c"),
    ],
)  # fmt: skip
def test_no_false_alarm(line: str) -> None:
    """Good YAML that looks a little like a trap is left alone."""
    document, found = read(line)
    assert document is not None, found
    assert found == []


def test_several_traps_are_found_at_once() -> None:
    """After a trap reading goes on with the mended line, so that all of them are shown."""
    _, found = read("score: >= 40\nto: @li.wei\nsubject: 双11: 五折\n")
    assert [each.rule for each in found] == ["comparison-unquoted", "at-sign", "colon-in-text"]
