"""Templates that would break out of their pen, or break it: none succeeds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.mail.errors import TemplateError
from engine.mail.render import Templates, render_text, render_value
from tests.mail.template_bombs import BOMBS, MJML_BOMBS

ROOT = Path(__file__).parents[2]
SECRET = "the-secret"


class Kept:
    """An object of ours that a template should never get at."""

    secret = SECRET

    def tell(self) -> str:
        return SECRET

    def __str__(self) -> str:
        return SECRET


SCOPE = {
    "lead": {"name": "Ann", "tags": ["a", "b"], "_secret": SECRET, "__class__": SECRET},
    "it": Kept(),
    "tell": Kept().tell,
    "x": {"config": SECRET},
}

ESCAPES = [
    # By attributes, as written, as items, and by the filters that fetch them.
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__']['__mro__'][1]['__subclasses__']() }}",
    "{{ ''|attr('__class__')|attr('__mro__') }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''['\\u005f\\u005fclass\\u005f\\u005f'] }}",
    "{{ ()|attr('__class__')|attr('__base__')|attr('__subclasses__')() }}",
    "{{ lead['__cla' + 'ss__'] }}",
    "{{ lead.tags['__class__'] }}",
    "{{ lead.tags.__class__ }}",
    "{{ lead|map(attribute='__class__')|list }}",
    "{{ [lead]|map(attribute='_secret')|first }}",
    "{{ [lead]|groupby('__class__') }}",
    "{{ [lead]|sort(attribute='__class__.__mro__') }}",
    "{{ [lead]|selectattr('__class__') }}",
    "{{ [lead]|sum(attribute='__class__') }}",
    "{{ it.secret }}{{ it['secret'] }}{{ it.tell }}",
    "{{ it.tell() }}",
    "{{ tell() }}",
    "{{ it }}",
    "{{ tell }}",
    # By what Jinja hands every template.
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ namespace(a=1).a }}",
    "{% set ns = namespace(found=false) %}{% set ns.found = true %}{{ ns.found }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ dict(a=1) }}",
    "{{ range(3) }}",
    "{{ config }}{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ url_for.__globals__ }}{{ get_flashed_messages.__globals__ }}",
    "{{ caller.__globals__ }}",
    "{{ loop.__class__ }}",
    "{% for a in lead.tags %}{{ loop._iterable }}{{ loop.changed.__globals__ }}{% endfor %}",
    "{% for a in lead.tags %}{{ loop.cycle('x', 'y') }}{% endfor %}",
    "{% for a in lead.tags %}{{ loop['__class__'] }}{{ loop|attr('__class__') }}{% endfor %}",
    # By the formats of texts.
    "{{ '{0.__class__.__init__.__globals__}'.format(it) }}",
    "{{ '{a.secret}'.format_map({'a': it}) }}",
    "{{ '%s' % it }}",
    "{{ '%(a)s' % x }}",
    "{{ '%s'|format(it) }}",
    "{{ ('{0.secret}'|string).format(it) }}",
    "{{ f'{it.secret}' }}",
    # By statements that load, define, or reach out.
    "{% import 'os' as os %}{{ os.popen('id') }}",
    "{% from 'a.html' import x %}",
    "{% include '/etc/passwd' %}",
    "{% include '../../longplay.yaml' %}",
    "{% include ['/etc/passwd', 'a.html'] %}",
    "{% include x.config %}",
    "{% include 'gone.html' ignore missing %}",
    "{% extends '/etc/passwd' %}",
    "{% extends it %}",
    "{% do lead.update({'name': 'x'}) %}",
    "{% set _secret = 1 %}{{ _secret }}",
    "{% set lead.name = 'Eve' %}{{ lead.name }}",
    "{% autoescape false %}{{ '<script>' }}{% endautoescape %}",
    "{% debug %}",
    "{% trans %}{{ it }}{% endtrans %}",
    "{% break %}",
    "{% macro m() %}{{ varargs }}{% endmacro %}{{ m.__globals__ }}",
    "{% call it.tell() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{{ lead.name|safe }}",
    "{{ '<script>'|safe }}",
    "{{ '<script>'|forceescape|safe }}",
    "{{ lead|tojson }}",
    "{{ lead|xmlattr }}",
    "{{ lead|pprint }}",
    "{{ it|string }}",
    "{{ it|upper }}{{ it|lower }}{{ it|trim }}{{ it|length }}{{ it|domain }}",
    "{{ it|default(it) }}",
    "{{ missing|default(it) }}",
    "{{ [it]|first }}",
    "{{ it ~ '' }}",
    "{{ it + '' }}",
    "{{ it == it }}{{ it in [it] }}",
    "{{ lead.name is it }}",
    "{{ lead.name is callable }}",
    "{{ lead.name is matching(it) }}",
    "{{ it is matching('secret') }}",
    "{{ lead._secret }}{{ lead['_secret'] }}",
    "{{ lead.tags|map('upper')|list }}",
    "{{ lead.tags[lead] }}{{ lead[lead.tags] }}{{ lead.name[it] }}",
    "{{ lead.tags[0:1:__import__('os')] }}",
    "{{ (lambda: it)() }}",
    "{{ lead.name.__add__(it) }}",
    "{{ lead.name.encode('idna') }}",
]  # fmt: skip
"""After the collections that are published for testers of web applications, in our own words."""


@pytest.mark.parametrize("source", ESCAPES)
def test_no_template_gets_out_of_its_pen(source: str) -> None:
    """It is refused, or it prints nothing of what it reached for."""
    for render in (_mail, _text, _value):
        try:
            came = render(source)
        except TemplateError as error:
            assert error.fault
            assert SECRET not in error.message
            continue
        for sign in (SECRET, "<class", "object at", "function", "<script>", "root:", "module"):
            assert sign not in came, came


def test_what_a_value_says_is_never_read_as_a_template_or_as_html() -> None:
    """A lead may call itself what it likes."""
    names = ("{{ it.secret }}", "{% include 'a.html' %}", "<script>x</script>", "\ufdd00\ufdd1")
    for name in names:
        page = Templates({"a.html": "<title>S</title><p>{{ lead.name }}</p>"})
        html = page.render("a", {"lead": {"name": name}}).html
        assert SECRET not in html
        assert "<script>" not in html
        assert "\ufdd0" not in html


def test_no_template_takes_the_machine_down() -> None:
    """Each bomb is refused, or comes to an end of ordinary size, in little memory and time.

    They run in a process of their own: some once ended it, in the parsers below us.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.mail.template_bombs"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    last = rows[-1]["name"] if rows else ""
    assert done.returncode == 0, f"it ended after '{last}': {done.stderr[-2000:]}"
    assert [row["name"] for row in rows] == [*BOMBS, *MJML_BOMBS]
    assert [row for row in rows if row["came"] not in ("refused", "rendered")] == []


def _mail(source: str) -> str:
    page = Templates({"a.html": "<title>S</title>" + source}).render("a", SCOPE)
    return page.html + page.text + page.subject


def _text(source: str) -> str:
    return render_text(source, SCOPE)


def _value(source: str) -> str:
    value = render_value(source, SCOPE)
    return value if isinstance(value, str) else ""
