"""Tokens of a condition, before Python's parser sees it: it refuses what is not the language's.

Strings are masked by letters of the same length, so that columns hold, no escape is interpreted,
and everything left is ASCII. What marketers type by habit (`=`, `&&`, full-width quotes, `AND`)
is refused here with the mended text.
"""

import keyword
import re
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from engine.playbook.conditions.flaws import Findings
from engine.playbook.conditions.tree import Span

LONGEST = 2_000
DEEPEST = 24

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<braces>\{\{|\}\}|\{%|%\})
    | (?P<operator>===|==|!=|<=|>=|<>|&&|\|\||\*\*|//|:=|[-+*/%<>=|().,\[\]!])
    | (?P<word>[^\W\d_]+)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_INSTEAD = {
    "=": "==",
    "===": "==",
    "<>": "!=",
    "&&": " and ",
    "||": " or ",
    "!": "not ",
}
_QUOTES = dict.fromkeys("“”„‟「」『』＂", '"') | dict.fromkeys("‘’‚‛＇`´", "'")
_WORDS = {
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "IN": "in",
    "IS": "is",
    "IF": "if",
    "ELSE": "else",
}
_SHOUTED = frozenset(_WORDS)
_PHRASES = {
    "contains": "is containing(…)",
    "includes": "is containing(…)",
    "has": "is containing(…)",
    "matches": "is matching(…)",
    "like": "is matching(…)",
    "equals": "==",
    "exists": "is defined",
}
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})
_OPENING = {"(": ")", "[": "]"}

TokenKind = Literal["string", "number", "name", "operator"]


@dataclass(frozen=True)
class Token:
    """One token and its place."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The column after it."""
        return self.start + len(self.text)

    @property
    def is_operand(self) -> bool:
        """A value can begin or end with it."""
        return self.kind != "operator" and self.text not in _KEYWORDS


@dataclass
class Scan:
    """A condition's tokens, its masked text, its strings by column, and what parentheses hold."""

    masked: str = ""
    tokens: list[Token] = field(default_factory=list)
    strings: dict[int, str] = field(default_factory=dict)
    grouped: set[Span] = field(default_factory=set)


def scan(text: str, findings: Findings) -> Scan:
    """The tokens of `text`; what is wrong with them goes to `findings`."""
    if not text.strip():
        findings.add("empty-condition", "the condition is empty", span=(0, 1))
        return Scan()
    if len(text) > LONGEST:
        findings.add(
            "condition-too-long",
            f"the condition has {len(text)} characters",
            span=(LONGEST, len(text)),
            help=f"no more than {LONGEST}; make a segment of a part of it",
        )
        return Scan()
    found = Scan()
    masked = list(text)
    for match in _TOKEN.finditer(text):
        _take(match, found, masked, findings)
    found.masked = "".join(masked)
    _check_brackets(found, findings)
    _check_neighbors(found.tokens, findings)
    return found


def _take(match: re.Match[str], found: Scan, masked: list[str], findings: Findings) -> None:
    kind, word, start = match.lastgroup, match.group(), match.start()
    span = match.span()
    if kind == "space":
        masked[start : match.end()] = " " * len(word)
        if set(word) - set(" \t\r\n"):
            findings.add(
                "odd-space",
                "a space here is no plain one",
                span=span,
                help=f"write '{findings.mended(span, ' ')}'",
            )
    elif kind == "string":
        found.strings[start] = _ESCAPE.sub(lambda each: _ESCAPES.get(each[1], each[0]), word[1:-1])
        masked[start : match.end()] = f'"{"s" * (len(word) - 2)}"'
        found.tokens.append(Token("string", word, start))
    elif kind == "number":
        found.tokens.append(Token("number", word, start))
        thousands = start and findings.text[start - 1] == "," and len(word) == 3
        _check_number(word, span, findings, is_thousands=bool(thousands))
    elif kind == "name":
        found.tokens.append(Token("name", word, start))
        after_dot = len(found.tokens) > 1 and found.tokens[-2].text == "."
        if after_dot and keyword.iskeyword(word):
            masked[start : match.end()] = "k" * len(word)  # `event.from` is a name like any other
        elif word in _WORDS and not after_dot:
            mended = findings.mended(span, _WORDS[word])
            findings.add(
                "unknown-operator", f"'{word}' is no operator", span=span, help=f"write '{mended}'"
            )
    elif kind == "operator":
        found.tokens.append(Token("operator", word, start))
        _check_operator(word, span, findings)
    else:
        _refuse(kind or "other", word, span, findings)


def _check_number(word: str, span: Span, findings: Findings, *, is_thousands: bool) -> None:
    whole = word.partition(".")[0]
    if len(word) > 15:
        findings.add("number-too-long", f"'{word}' has too many digits", span=span,
                     help="fifteen digits at most; in quotes it is text")  # fmt: skip
    elif len(whole) > 1 and whole.startswith("0") and is_thousands:
        help = "write numbers without commas: 10000"
        findings.add("thousands-comma", f"',{word}' is no part of a number", span=span, help=help)
    elif len(whole) > 1 and whole.startswith("0"):
        findings.add(
            "leading-zero",
            f"'{word}' begins with a zero",
            span=span,
            help=f'write {word.lstrip("0") or 0}, or "{word}" for text',
        )


def _check_operator(word: str, span: Span, findings: Findings) -> None:
    if word in _INSTEAD:
        mended = " ".join(findings.mended(span, _INSTEAD[word]).split())
        findings.add(
            "unknown-operator", f"'{word}' is no operator", span=span, help=f"write '{mended}'"
        )
    elif word in ("**", "//", ":="):
        findings.add(
            "unknown-operator", f"'{word}' is no operator", span=span, help="there are + - * / %"
        )


def _refuse(kind: str, word: str, span: Span, findings: Findings) -> None:
    plain = _QUOTES.get(word) or unicodedata.normalize("NFKC", word)
    if kind == "braces":
        findings.add("braces", f"'{word}' in a condition", span=span, help="leave {{ }} out")
    elif word in "\"'":
        findings.add("unclosed-quote", f"the quote {word} is not closed", span=span,
                     help=f"write {word} behind the text as well")  # fmt: skip
    elif plain != word and plain.isascii():
        mended = "".join(
            _QUOTES.get(each) or unicodedata.normalize("NFKC", each) for each in findings.text
        )
        findings.add(
            "full-width", f"'{word}' is not the plain sign", span=span, help=f"write '{mended}'"
        )
    elif kind == "word":
        findings.add(
            "unquoted-text", f"'{word}' stands outside quotes", span=span, help=f'write "{word}"'
        )
    else:
        help = "leave it out; text stands in quotes"
        message = f"'{word}' has no meaning in a condition"
        findings.add("unknown-sign", message, span=span, help=help)


def _check_brackets(found: Scan, findings: Findings) -> None:
    """Find what is unbalanced or too deep, and note what each pair of parentheses holds."""
    open_: list[int] = []
    for index, token in enumerate(found.tokens):
        if token.kind != "operator":
            continue
        if token.text in _OPENING:
            open_.append(index)
            if len(open_) > DEEPEST:
                findings.add("too-deep", "parentheses are nested too deeply", span=_span(token),
                             help="make a segment of a part of it")  # fmt: skip
                return
        elif token.text in _OPENING.values():
            if not open_ or _OPENING[found.tokens[open_[-1]].text] != token.text:
                findings.add("unbalanced", f"'{token.text}' closes nothing", span=_span(token),
                             help=f"open it before, or leave '{token.text}' out")  # fmt: skip
                return
            start = open_.pop()
            if token.text == ")" and index > start + 1:
                inner = (found.tokens[start + 1].start, found.tokens[index - 1].end)
                found.grouped.add(inner)
    if open_:
        token = found.tokens[open_[-1]]
        findings.add("unbalanced", f"'{token.text}' is not closed", span=_span(token),
                     help=f"write '{_OPENING[token.text]}' where it ends")  # fmt: skip


def _check_neighbors(tokens: list[Token], findings: Findings) -> None:
    """Find two values side by side: a missing operator, or a word that is none."""
    for at, (token, after) in enumerate(pairwise(tokens)):
        span = (token.start, after.end)
        if not (token.is_operand and after.is_operand):
            _check_keywords(token, after, findings)
        elif {token.text, after.text} & _SHOUTED or token.text in _PHRASES:
            continue  # that word was blamed
        elif token.end == after.start:
            findings.add(
                "run-together",
                f"'{findings.at(span)}' is neither one thing nor two",
                span=span,
                help=f"put a space or an operator between '{token.text}' and '{after.text}'",
            )
        elif after.text in _PHRASES and after.kind == "name":
            help = f"write '{_PHRASES[after.text]}'"
            findings.add(
                "unknown-operator", f"'{after.text}' is no operator", span=_span(after), help=help
            )
        elif at and tokens[at - 1].text in ("is", "not") and token.kind == "name":
            mended = findings.mended(span, f"{token.text}({after.text})")
            findings.add(
                "test-without-parentheses",
                f"what '{token.text}' asks for stands in parentheses",
                span=span,
                help=f"write '{mended}'",
            )
        else:
            findings.add(
                "missing-operator",
                f"an operator is missing before '{after.text}'",
                span=_span(after),
                help="write one: == != < > in, and, or, + - * / %; text stands in quotes",
            )


def _check_keywords(token: Token, after: Token, findings: Findings) -> None:
    if (token.text, after.text) == ("is", "in"):
        findings.add(
            "is-in", "'is in' is no operator", span=(token.start, after.end), help="write 'in'"
        )
    if token.kind == "number" and token.end == after.start and after.text == ".":
        findings.add("run-together", f"'{token.text}.' is no number", span=(token.start, after.end),
                     help=f"write {token.text}")  # fmt: skip


def _span(token: Token) -> Span:
    return (token.start, token.end)
