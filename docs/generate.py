"""Writes the reference pages and pictures from the code, so that they cannot go stale.

python -m docs.generate            # writes them
python -m docs.generate --check    # says which are stale, and exits 1 if any is
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from commands import in_chinese
from engine.metrics import METRICS, Counter, Gauge
from engine.operations.editions import check, read_folder
from engine.playbook import catalog
from engine.playbook.actions import ACTIONS
from engine.playbook.diagram import diagram
from engine.playbook.diagram_svg import svg
from engine.playbook.jsonschema import playbook_schema, workspace_schema
from engine.playbook.jurisdictions import JURISDICTIONS, STRICTEST
from engine.playbook.rules import RULES
from engine.playbook.steps import CONTROL_STEPS
from engine.setting_files import SUFFIX
from engine.settings import setting_pages
from rehearsal.assumptions import assumptions_schema

HERE = Path(__file__).parent
_NOTE = "<!-- Made by `make docs` from the code; edit that instead. -->\n"


def pages() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    reference = HERE / "reference"
    return {
        reference / "steps.md": _NOTE + "\n".join(_steps()),
        reference / "diagnostics.md": _NOTE + "\n".join(_diagnostics()),
        reference / "diagnostics.zh-CN.md": _NOTE + "\n".join(_diagnostics_in_chinese()),
        reference / "settings.md": _NOTE + "\n".join(_settings()),
        reference / "metrics.md": _NOTE + "\n".join(_metrics()),
        reference / "names.md": _NOTE + "\n".join(_names()),
        reference / "law.md": _NOTE + "\n".join(_laws()),
        reference / "cli.md": _NOTE + "\n".join(_commands()),
        reference / "playbook.schema.json": _json(playbook_schema()),
        reference / "workspace.schema.json": _json(workspace_schema()),
        reference / "assumptions.schema.json": _json(assumptions_schema()),
        HERE / "images" / "trial-nurture.svg": _picture("trial-nurture"),
    }


def _json(schema: object) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _picture(playbook: str) -> str:
    """The flow of a starter playbook, as `longplay diagram PLAYBOOK --svg FILE` draws it."""
    checked = check(read_folder(HERE.parent))
    return svg(diagram(checked.plans[playbook]))


def _steps() -> Iterator[str]:
    yield "# Steps\n"
    yield "Every step may also carry `id`, `note`, `if` and `on_error: stop | continue`.\n"
    yield "A key that is written `verb:` is what stands behind the verb itself.\n"
    for name, control in sorted(CONTROL_STEPS.items()):
        main = "" if "{" in control.EXAMPLE.partition(f"{name}:")[2][:3] else _first(control)
        yield from _step(name, control.SUMMARY, control.EXAMPLE, control, main)
    for name, spec in sorted(ACTIONS.items()):
        yield from _step(name, spec.summary, spec.example, spec.params, spec.main)


def _first(model: type[BaseModel]) -> str:
    return next(iter(model.model_fields))


def _step(
    name: str, summary: str, example: str, model: type[BaseModel], main: str
) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{summary[:1].upper()}{summary[1:]}.\n"
    yield f"```yaml\n{example.rstrip()}\n```\n"
    rows = [
        (
            f"`{name}:`" if key == main else f"`{field.alias or key}`",
            field.description or "",
            _default(field.get_default()),
        )
        for key, field in model.model_fields.items()
    ]
    if rows:
        yield from _table(("key", "meaning", "left out"), rows)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = "" if value in (None, "", (), {}) or "Undefined" in repr(value) else f"`{value}`"
    return "" if len(text) > 60 else text


def _diagnostics() -> Iterator[str]:
    yield "# Findings of `longplay validate` and `longplay mail check`\n"
    told = {name: rule.meaning for name, rule in RULES.items()}
    yield from _rules(told, "Wrong", "Right")


def _diagnostics_in_chinese() -> Iterator[str]:
    yield "# `longplay validate` 和 `longplay mail check` 会指出的问题\n"
    yield "终端语言是中文时（`LANG=zh_CN.UTF-8`），每条问题下面会加上这里的说明。\n"
    yield from _rules(in_chinese.meanings(), "错误", "正确")


def _rules(meanings: Mapping[str, str], wrong: str, right: str) -> Iterator[str]:
    for name, rule in sorted(RULES.items()):
        yield f"## {name}\n"
        yield f"{meanings[name]}\n"
        for title, example in ((wrong, rule.wrong), (right, rule.right)):
            if example:
                fence = "html" if rule.place == "mail" else "yaml"
                yield f"{title}:\n\n```{fence}\n{example.rstrip()}\n```\n"


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Environment variables, or lines of `.env` in the workspace. All are optional.\n"
    yield (
        "A secret may be given as a file, too, whose content is the value: the variable is then "
        f"called `…{SUFFIX}`, such as `LONGPLAY_SECRET_KEY{SUFFIX}=/run/secrets/secret_key`. So "
        f"may whatever `longplay.yaml` and playbooks name as `${{NAME}}`: as `NAME{SUFFIX}`.\n"
    )
    rows = [
        (
            f"`{page.variable}`" + (f" (or `…{SUFFIX}`)" if page.secret else ""),
            page.description,
            page.default,
            f"`{page.example}`",
        )
        for page in setting_pages()
    ]
    yield from _table(("variable", "meaning", "default", "example"), rows)


def _metrics() -> Iterator[str]:
    yield "# Metrics\n"
    yield (
        "`GET /metrics` of the web server, and of a worker on `LONGPLAY_METRICS_PORT`: its "
        "senders' numbers are in it, and what Temporal's SDK says (`temporal_…`). What to look at, "
        "and what to do about it: [See what it does](../how-to/see-what-it-does.md).\n"
    )
    yield (
        "A gauge is read from the database, so that every process gives the same one: take the "
        "`max` of several, never their sum. Counters and histograms are each process's own: sum "
        "them. No label holds anything of a person.\n"
    )
    rows = [
        (
            f"`{one.name}`",
            "gauge" if isinstance(one, Gauge) else _kind_of(one),
            one.help,
            "; ".join(f"`{name}`: {about}" for name, about in one.labels.items()),
        )
        for one in METRICS
    ]
    yield from _table(("name", "kind", "meaning", "labels"), rows)


def _kind_of(metric: object) -> str:
    return "counter" if isinstance(metric, Counter) else "histogram"


def _names() -> Iterator[str]:
    yield "# Names that conditions and templates know\n"
    for root, fields in (
        ("lead", catalog.LEAD_FIELDS),
        ("deal", catalog.DEAL_FIELDS),
        ("owner", catalog.OWNER_FIELDS),
    ):
        yield f"## {root}\n"
        rows = [(f"`{root}.{one.name}`", str(one.type), one.description) for one in fields]
        yield from _table(("name", "type", "meaning"), rows)
    yield "## Events\n"
    rows = [
        (
            f"`{event.name}`",
            event.description,
            ", ".join(f"`{one.name}`" for one in event.properties),
        )
        for event in catalog.EVENTS
    ]
    yield from _table(("event", "meaning", "properties"), rows)


def _laws() -> Iterator[str]:
    yield "# What the laws of countries ask of marketing mail\n"
    yield (
        "What Longplay checks, and its source; no legal advice. What to do about it: "
        "[Consent, unsubscribing and the law](../how-to/ask-for-consent.md). Every mail can be "
        "refused by one click, and a refusal holds at once, which is sooner than any law wants.\n"
    )
    rows = [
        (
            one.name + (f" ({', '.join(one.countries)})" if len(one.countries) < 2 else ""),
            f"until they refuse (`{one.consent}`)" if one.consent == "opt-out"
            else f"who agreed (`{one.consent}`)" + (", and customers" if one.customers else ""),
            "a consent of its own" if one.opens else "",
            "yes" if one.postal_address else "",
            f"`{one.subject_prefix.strip()}`" if one.subject_prefix else "",
            f"{one.records_days} days" if one.records_days else "",
            one.source,
            one.remark,
        )
        for one in (*JURISDICTIONS, STRICTEST)
    ]  # fmt: skip
    yield from _table(
        ("country", "may be written to", "openings", "postal address", "subject begins with",
         "records kept", "source", "not checked"),
        rows,
    )  # fmt: skip


def _commands() -> Iterator[str]:
    from cli import app

    yield "# Commands\n"
    yield "Exit status: 0 done · 1 the input is wrong · 2 the environment or the usage is wrong.\n"
    yield from _command(typer.main.get_command(app), "longplay")


def _command(command: Any, path: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if not inner or path == "longplay" or command.invoke_without_command:
        yield f"## {path}\n" if path != "longplay" else "## Options of every command\n"
        if path != "longplay":
            yield f"{(command.help or '').strip()}\n"
        rows = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
        if rows:
            yield from _table(("parameter", "meaning"), rows)
    for name in sorted(inner):
        if not inner[name].hidden:
            yield from _command(inner[name], f"{path} {name}")


def _parameter(one: Any) -> tuple[str, str]:
    meaning = str(getattr(one, "help", "") or "")
    if one.param_type_name == "argument":
        return f"`{one.metavar or one.name.upper()}`", meaning
    takes = f" {one.metavar}" if one.metavar else ""
    return ", ".join(f"`{each}{takes}`" for each in one.opts), meaning


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    yield "\n".join(lines) + "\n"


def main() -> int:
    """Writes the pages, or with `--check` names the stale ones."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in pages().items():
        wanted = text.rstrip() + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
    for path in stale:
        shown = path.relative_to(HERE.parent)
        print(f"{shown} is stale; run: make docs" if check else f"wrote {shown}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
