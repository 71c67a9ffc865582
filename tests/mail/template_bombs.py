"""Templates made to run away: written after published escapes, and after how parsers fail.

Run as a program it renders each of them in this process, under limits of memory and time, and
prints a line of JSON for each: its name, what came of it, and the CPU seconds it took.
"""

import json
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.mail.errors import TemplateError
from engine.mail.facts import inspect_email
from engine.mail.render import Templates, Tracking

K = 190_000
MEMORY = 400_000_000
"""Bytes that the process may grow by."""


def _page(body: str) -> str:
    return "<title>S</title>" + body


def _doubling(kind: str, then: str) -> str:
    return _page("{% set t = " + kind + " %}" + "{% set t = [t, t] %}" * 60 + then)


BOMBS: dict[str, str] = {
    "comments before a page that is none": "{##}" * 40 + "x",
    "titles without end": "<title>" * (K // 7),
    "more titles without end": _page("<title>" * (K // 7)),
    "a closing tag with a long gap": _page("</title" + " " * K),
    "closing tags that close nothing": _page("</title " * (K // 8)),
    "an attribute without end": _page("<a " + "a" * K),
    "an attribute without end, and a value": _page("<a " + "a" * K + ">{{ x }}"),
    "many attributes": _page("<a " + " ".join(f"a{n}=1" for n in range(K // 8)) + ">"),
    "quotes without end": _page('<a href="' * (K // 9)),
    "spaces that do not break": _page("&nbsp;" * (K // 6)),
    "spaces": _page("x" + " " * K + "y"),
    "cells": _page("<table><tr>" + "<td></td>" * (K // 9)),
    "deep boxes": _page("<div>" * (K // 5)),
    "deep bold under a style": _page("<style>b{color:red}</style>" + "<b>" * (K // 4)),
    "deep lists": _page("<ul><li>" * (K // 8)),
    "deep tables": _page("<table><tr><td>" * (K // 15)),
    "deep drawings": _page("<svg>" * (K // 5)),
    "deep frames of text": _page("<template>" * (K // 10)),
    "formats that are never closed": _page("<a><b><i><u><s>" * (K // 15)),
    "bold paragraphs": _page("<p><b>" * (K // 6)),
    "paragraphs": _page("<p>" * (K // 3)),
    "comments without end": _page("<!--" * (K // 4)),
    "sections of data": _page("<![CDATA[" * (K // 9)),
    "styles for everything": _page(
        "<style>" + "* * * * i{color:red}" * (K // 40) + "</style>"
        + ("<u>" * 60 + "<i></i>" * 60 + "</u>" * 60) * (K // 1680)
    ),
    "styles for many": _page(
        "<style>" + "i{color:red}" * (K // 24) + "</style>" + "<i></i>" * (K // 14)
    ),
    "styles in braces": _page("<style>" + "{" * K + "</style>"),
    "media in media": _page("<style>" + "@media x{" * (K // 9) + "</style>"),
    "a color in parentheses": _page("<style>a{color:" + "(" * K + "</style>"),
    "links": _page("".join(f"<a href='http://x.example/{n}'>x</a>" for n in range(K // 40))),
    "marks of slots": _page("\ufdd0" * K),
    "an expression in parentheses": _page("{{ " + "(" * 900 + "1" + ")" * 900 + " }}"),
    "a sum": _page("{{ " + "+".join(["1"] * 20_000) + " }}"),
    "not not": _page("{{ " + "not " * 20_000 + "1 }}"),
    "minus minus": _page("{{ " + "-" * 50_000 + "1 }}"),
    "filters of filters": _page("{{ 1" + "|upper" * 20_000 + " }}"),
    "fields of fields": _page("{{ lead" + ".b" * 50_000 + " }}"),
    "tests of tests": _page("{{ lead" + " is defined" * 5_000 + " }}"),
    "choices of choices": _page("{{ " + "1 if lead else " * 5_000 + "1 }}"),
    "backslashes": _page("{{ '" + "\\\\" * 90_000 + "' }}"),
    "ifs in ifs": _page("{% if 1 %}" * 5_000 + "{% endif %}" * 5_000),
    "loops in loops": _page("{% for a in lead.b %}" * 60 + "{% endfor %}" * 60),
    "loops over all pairs": _page(
        "{% for a in lead.b %}{% for c in lead.b %}{% for d in lead.b %}x"
        + "{% endfor %}" * 3
    ),
    "blocks": _page("".join(f"{{% block b{n} %}}{{% endblock %}}" for n in range(K // 34))),
    "sets": _page("{% set x = lead.text %}" * (K // 24)),
    "remarks without end": _page("{#" * (K // 2)),
    "raw without end": _page("{% raw %}" * (K // 9)),
    "tags without end": _page("{{" * (K // 2)),
    "a text that doubles": _page("{% set t = 'ab' %}" + "{% set t = t + t %}" * 60 + "{{ t }}"),
    "a number that doubles": _page("{% set n = 3 %}" + "{% set n = n * n %}" * 60 + "{{ n }}"),
    "a list that doubles": _doubling("[1, 1]", "{{ t }}"),
    "a list that doubles, compared": _doubling("[1, 1]", "{{ t == t }}{{ t < t }}"),
    "a list that doubles, searched": _doubling("[1, 1]", "{{ 1 in t }}{{ t is containing(1) }}"),
    "a pair that doubles": _page(
        "{% set t = (1, 1) %}" + "{% set t = (t, t) %}" * 60 + "{{ t | length }}{{ t }}"
    ),
    "a pattern": _page("{{ lead.text is matching('(a|aa)+$') }}"),
    "a pattern from a field": _page("{{ lead.text is matching(lead.pattern) }}"),
    "a pattern that counts": _page("{{ lead.text is matching('(.{1,99}){1,99}b') }}"),
    "a layout of itself": "{% extends 'a.html' %}",
    "a page within itself": _page("{% include 'a.html' %}{% include 'a.html' %}"),
    "a wide number": _page("{{ '%1000000000d' % 1 }}"),
    "a wide format": _page("{{ '{:1000000000}'.format(1) }}"),
    "a long text": _page("{{ 'a' * 10000000000 }}"),
    "a long list": _page("{{ [0] * 10000000000 }}"),
    "a long range": _page("{% for n in range(10000000000) %}x{% endfor %}"),
    "a high power": _page("{{ 10 ** 10 ** 10 }}{{ 9 ** 9 ** 9 }}"),
    "a far shift": _page("{{ 1 << 10000000000 }}"),
    "words of lorem": _page("{{ lipsum(n=1000000, min=1000000) }}"),
    "a text in the middle": _page("{{ 'x' | center(1000000000) }}"),
    "a text set in": _page("{{ 'x' | indent(1000000000) }}"),
    "a text wrapped": _page("{{ lead.text | wordwrap(1) }}"),
    "a text joined": _page("{{ lead.b | join(lead.text) }}"),
    "a text replaced": _page("{{ lead.text | replace('', lead.text) }}"),
    "a deep document": _page("{{ lead | tojson(1000000000) }}{{ lead | pprint }}"),
    "a list in batches": _page("{{ lead.b | batch(1000000000, 'x') | list }}"),
    "a macro of itself": _page("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
    "a call of itself": _page("{% call(x) lead.b() %}{% endcall %}"),
    "a loop of itself": _page("{% for a in lead.b recursive %}{{ loop(lead.b) }}{% endfor %}"),
    "digits": _page("{{ " + "9" * 100_000 + " }}"),
    "digits after a point": _page("{{ 1e999999999 }}{{ 1e308 * 1e308 }}"),
    "a length of ages": _page("{{ now | plus('999999999999999 years') }}"),
    "preheaders without end": _page("<preheader>" * (K // 11)),
}  # fmt: skip
SCOPE = {
    "lead": {"text": "a" * 9_000, "pattern": "(a+)+$", "b": ["x"] * 1_000},
    "x": "v",
}


_COLUMN = "<mj-section><mj-column>"
MJML_BOMBS = {
    "MJML in MJML": _page("<mj-wrapper>" * (K // 12)),
    "deep bold in MJML": _page(f"{_COLUMN}<mj-text>" + "<b>" * (K // 3)),
    "MJML without end": _page(f"{_COLUMN}</mj-column></mj-section>" * (K // 50)),
    "MJML that is never closed": _page("<mj-section " * (K // 12)),
    "an attribute of MJML without end": _page('<mj-section a="' + "\\" * (K // 2)),
    "quotes of MJML": _page("<mj-section" + " a=''" * (K // 5) + "/>"),
    "styles of MJML": _page(
        '<mj-style inline="inline">' + "i{color:red}" * (K // 24) + "</mj-style>"
        + f"{_COLUMN}<mj-text>" + "<i></i>" * (K // 14)
    ),
    "MJML in loops": _page(
        "{% for a in lead.b %}" + _COLUMN + "</mj-column></mj-section>{% endfor %}"
    ),
    "MJML that draws in": _page("<mj-include path='/dev/zero'/>"),
}  # fmt: skip


def files_of(name: str) -> dict[str, str]:
    if name in MJML_BOMBS:
        return {"a.mjml": MJML_BOMBS[name]}
    return {"a.html": BOMBS[name]}


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Stops what takes more CPU time; code of C or Rust only once it comes back."""

    def late(_signal: int, _frame: object) -> None:
        raise TimeoutError("it ran too long")

    signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _tried(name: str) -> str:
    try:
        with _deadline(5):
            inspect_email(files_of(name), "a")
            tracking = Tracking(lambda at: f"http://t.example/{at}", "http://t.example/p.gif")
            page = Templates(files_of(name)).render("a", SCOPE, tracking=tracking)
    except TemplateError:
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "rendered" if len(page.html) + len(page.text) < 1_500_000 else "too large"


def main() -> None:
    inspect_email({"a.html": _page("x")}, "a")
    sizes = Path("/proc/self/statm")
    if sizes.exists():  # elsewhere, such as on macOS, a process's memory cannot be limited
        used = int(sizes.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for name in (*BOMBS, *MJML_BOMBS):
        began = time.process_time()
        came = _tried(name)
        line = {"name": name, "came": came, "took": time.process_time() - began}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
