"""Commands of those who write playbooks: begin, check, look at what comes out."""

import gc
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.editions import Folder
    from engine.playbook.diagnostics import Diagnostic
    from engine.playbook.plan import Plan
    from engine.playbook.validate import Checked

_PANEL = "Write playbooks"
Name = Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name, or its file.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (init, validate, diagram, schema):
        app.command(rich_help_panel=_PANEL)(command)
    app.command("compile", rich_help_panel=_PANEL)(compile_)


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to.")] = Path(),
    trade: Annotated[
        str | None,
        typer.Option(
            "--starter", metavar="TRADE", help="commerce, education, finance, saas, sales."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files there are.")] = False,
) -> None:
    """Writes a starter workspace: playbooks, templates, and schemas for editors.

    Without --starter it is the general one; with it, one for a trade: its scoring, nurture,
    lifecycle, and the scenarios that show what they do.
    """
    from engine.operations import starter
    from engine.playbook.jsonschema import playbook_schema, workspace_schema

    schemas = {"playbook": playbook_schema(), "workspace": workspace_schema()}
    written = starter.write(folder, schemas, trade=trade, force=force)
    rendering.say(f"{len(written)} files written to '{folder.resolve()}'")
    where = "" if folder.resolve() == Path.cwd() else f" -C {folder}"
    rendering.say(f"next: longplay{where} validate, then longplay{where} up --demo", style="dim")


def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Only what is said of these.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Checks all playbooks, the templates and the workspace."""
    from engine.playbook.diagnostics import as_json as problem

    folder, checked = _checked()
    found = _about(checked.diagnostics, paths or ())
    ok = not any(one.is_error for one in found)
    if as_json:
        rendering.document({"ok": ok, "problems": [dict(problem(one)) for one in found]})
    else:
        _tell(folder, checked, found)
    if not ok:
        raise typer.Exit(1)


def compile_(playbook: Name, as_json: AsJson = False) -> None:
    """Shows the plan that a playbook becomes."""
    from engine.playbook.sizes import estimate

    plan = _plan(playbook)
    size = estimate(plan)
    ops = [{"op": op.op, "step": op.step, **op.model_dump(mode="json")} for op in plan.ops]
    if as_json:
        head = {"playbook": plan.playbook, "kind": plan.kind, "digest": plan.digest}
        rendering.document({**head, "format": plan.format, "ops": ops})
        return
    more = "; more in its loops" if size.loops else ""
    leaves_text = f"{size.rows} rows of the step log, woken {size.looks} times{more}"
    head = {"playbook": plan.playbook, "kind": plan.kind, "digest": plan.digest}
    rendering.card({**head, "at most": leaves_text})
    rendering.say()
    rows = [
        {
            "at": at,
            "op": op.op,
            "step": op.step,
            "says": _said(op.model_dump(exclude_defaults=True)),
        }
        for at, op in enumerate(plan.ops)
    ]
    rendering.table(("at", "op", "step", "says"), rows)


def diagram(
    playbook: Name,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file.")
    ] = None,
) -> None:
    """Shows the flow of a playbook: Mermaid text, or a picture."""
    from engine.playbook.diagram import diagram as drawn
    from engine.playbook.diagram import mermaid

    picture = drawn(_plan(playbook))
    if svg is None:
        rendering.raw(mermaid(picture))
        return
    from engine.playbook.diagram_svg import svg as painted

    rendering.to_file(svg, painted(picture))
    rendering.say(f"drawn into '{svg}'")


def schema(
    which: Annotated[
        str, typer.Argument(metavar="[playbook|workspace|assumptions]", help="Only this one.")
    ] = "",
    write: Annotated[
        bool, typer.Option("--write", help="Write them into the workspace, where editors look.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prints the JSON Schemas of playbooks and of longplay.yaml, for editors."""
    from engine.errors import InputError
    from engine.playbook.jsonschema import playbook_schema, workspace_schema
    from engine.playbook.spelling import did_you_mean

    both = {"playbook": playbook_schema(), "workspace": workspace_schema()}
    if which == "assumptions":
        from rehearsal.assumptions import assumptions_schema

        rendering.document(assumptions_schema())
        return
    if which and which not in both:
        known = (*both, "assumptions")
        raise InputError(f"no schema is named '{which}'", help=did_you_mean(which, known))
    if write:
        from engine.operations.starter import write_schemas

        written = write_schemas(place.settings().workspace, both)
        if as_json:
            rendering.document({"written": written})
        else:
            rendering.say("\n".join(f"wrote {name}" for name in written) or "nothing has changed")
        return
    rendering.document(both[which] if which else both)


def _checked() -> "tuple[Folder, Checked]":
    from engine.operations.editions import check, read_folder

    settings = place.settings()
    folder = read_folder(settings.workspace)
    # Nothing that is read here goes before the end: looking for it takes a sixth of the time.
    gc.disable()
    try:
        return folder, check(folder, settings.environment())
    finally:
        gc.freeze()
        gc.enable()


def _plan(name: str) -> "Plan":
    return checked_plan(name)[2]


def checked_plan(name: str) -> "tuple[Folder, Checked, Plan]":
    """The plan of a playbook of the workspace, by its name or file, and what was checked.

    Raises:
        NotFoundError: there is no such playbook.
        InputError: it has errors.
    """
    from engine.errors import InputError, NotFoundError
    from engine.playbook.diagnostics import human
    from engine.playbook.spelling import did_you_mean

    folder, checked = _checked()
    wanted = Path(name).stem if name.endswith((".yaml", ".yml")) else name
    if wanted in checked.plans:
        return folder, checked, checked.plans[wanted]
    stems = {Path(file).stem for file in checked.documents} - {"longplay"}
    if wanted not in stems:
        raise NotFoundError(f"there is no playbook '{name}'", help=did_you_mean(wanted, stems))
    errors = [one for one in checked.diagnostics if one.is_error]
    mine = [one for one in errors if Path(one.file).stem == wanted] or errors
    raise InputError(f"'{wanted}' has errors:\n" + "\n".join(map(human, mine[:10])))


def _about(found: "Sequence[Diagnostic]", paths: Sequence[Path]) -> "list[Diagnostic]":
    """What is said of some files and folders; of everything when none is named."""
    root = place.settings().workspace
    wanted = files_of(root, [one.file for one in found], paths)
    return [one for one in found if wanted is None or one.file in wanted]


def files_of(root: Path, files: Iterable[str], paths: Sequence[Path]) -> frozenset[str] | None:
    """Those of `files` (below `root`) that the paths name; None when none is named.

    Raises:
        InputError: a path is not in the workspace.
    """
    from engine.errors import InputError

    if not paths:
        return None
    wanted = []
    for path in paths:
        there = [one.resolve() for one in (path, root / path) if one.exists()]
        mine = [one for one in there if one.is_relative_to(root)]
        if not mine:
            where = f", only outside of '{root}'" if there else ""
            raise InputError(f"there is no file '{path}' in the workspace{where}")
        wanted.append(mine[0])
    return frozenset(
        one for one in files if any((root / one).resolve().is_relative_to(it) for it in wanted)
    )


def _tell(folder: "Folder", checked: "Checked", found: "Sequence[Diagnostic]") -> None:
    from commands.in_chinese import explained
    from engine.playbook.diagnostics import human
    from engine.playbook.workspace import FILE

    for one in found:
        text = explained(human(one, _source(folder, one.file)), one.rule)
        rendering.say(text, style="red" if one.is_error else "yellow")
    errors = sum(one.is_error for one in found)
    warnings = len(found) - errors
    if errors or warnings:
        rendering.say(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")
        return
    number = sum(not file.endswith(FILE) for file in checked.documents)
    rendering.say(f"nothing is wrong: {_counted(number, 'playbook')}", style="green")


def _source(folder: "Folder", file: str) -> str | None:
    """The text that a finding is about."""
    from engine.operations.editions import TEMPLATES

    content = folder.files.get(file)
    if content is not None:
        return content.decode("utf-8", "replace")
    return folder.templates.get(file.removeprefix(f"{TEMPLATES.as_posix()}/"))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _said(value: object) -> str:
    """What an op says beyond its name, as far as it says anything."""
    if isinstance(value, Mapping):
        told = {name: _said(one) for name, one in value.items() if name not in {"op", "step"}}
        return ", ".join(f"{name}: {one}" for name, one in told.items() if one)
    return "" if value in (None, False) else rendering.clean(value)
