"""Commands of those who run Longplay: start it, look after it, stop its mail."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.settings import Settings

_PANEL = "Operate"
Playbook = Annotated[
    str, typer.Argument(metavar="[PLAYBOOK]", help="Only this one; left out: everything.")
]


Via = Annotated[
    str, typer.Option("--via", metavar="ACCOUNT", help="Only mail that goes by this account.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (up, worker, web, migrate, doctor, pause, resume):
        app.command(rich_help_panel=_PANEL)(command)


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="With the starter workspace and sample leads at work.")
    ] = False,
) -> None:
    """Starts everything on this machine and runs until Ctrl-C."""
    settings = place.settings()
    _require_workspace(settings, demo=demo)

    def prepare() -> None:
        prepare_all(settings, demo=demo)

    from engine.embedded.house import up as start

    start(settings, prepare=prepare, demo=demo)


def worker() -> None:
    """Runs one worker: it advances enrollments and sends mail."""
    settings = _serving()
    from worker import main

    main(settings)


def web() -> None:
    """Runs the web server: dashboard, API, unsubscribe pages, tracking."""
    settings = _serving()
    from web.server import serve
    from worker import connect

    serve(settings, lambda: connect(settings))


def migrate(as_json: AsJson = False) -> None:
    """Brings the database to this release's revision."""
    from engine.store.schema import migrate as bring

    with place.reaching_database():
        revision = bring(place.settings().store_url)
    if as_json:
        rendering.document({"revision": revision})
    else:
        rendering.say(f"the database is at revision {revision}")


def doctor(
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Replays the drivers that run, before this release is."),
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="With --replay: so many at most.")
    ] = 1_000,
    mail: Annotated[
        bool,
        typer.Option("--mail", help="Looks whether mail can arrive: DNS, TLS, one-click."),
    ] = False,
    dns: Annotated[
        str, typer.Option("--dns", metavar="ADDRESS", help="With --mail: the DNS server to ask.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Looks whether everything is well, and recounts every enrollment and message."""
    if mail:
        from commands.mail_doctoring import tell as tell_of_mail

        tell_of_mail(dns, as_json=as_json)
        return
    if replay:
        from commands.replaying import tell

        tell(limit=limit, as_json=as_json)
        return
    from commands.surroundings import checks

    with rendering.progress("checks", quiet=as_json) as bar:
        found = checks(place.settings(), bar)
    ok = all(check.ok for check in found)
    if as_json:
        rendering.document({"ok": ok, "checks": [check.as_json() for check in found]})
    else:
        rows = [
            {"": "ok" if one.ok else "error", "check": one.name, "found": one.detail}
            for one in found
        ]
        rendering.table(("", "check", "found"), rows)
        rendering.say("all is well" if ok else "not all is well", style="green" if ok else "red")
    if not ok:
        raise typer.Exit(2)


def pause(playbook: Playbook = "", via: Via = "", as_json: AsJson = False) -> None:
    """The emergency brake: no mail leaves until `longplay resume`; clocks and waits run on."""
    from engine.operations import braking

    with place.opened() as store:
        on = braking.pull(store, playbook, via=_one_of(playbook, via), actor=place.actor())
    _tell_brake(on, as_json=as_json)
    if not as_json:
        rendering.note("clocks and waits run on; mail that comes due waits for `longplay resume`")


def resume(playbook: Playbook = "", via: Via = "", as_json: AsJson = False) -> None:
    """Lets go of the emergency brake: what waited leaves by its windows and the sending rate."""
    from engine.operations import braking

    with place.opened() as store:
        was_on, on = braking.let_go(store, playbook, via=_one_of(playbook, via))
    if not was_on and not as_json:
        what = f"the mail account '{via}'" if via else playbook or "everything"
        rendering.note(f"the brake was not on for {what}")
    _tell_brake(on, as_json=as_json)


def _one_of(playbook: str, via: str) -> str:
    """The account, when no playbook is named besides."""
    from engine.errors import InputError

    if playbook and via:
        raise InputError(
            f"'{playbook}' and the mail account '{via}' are held one at a time",
            help="leave one of them out, and call the command twice",
        )
    return via


def _tell_brake(on: frozenset[str], *, as_json: bool) -> None:
    from engine.operations import brakes

    everything = "*" in on
    accounts = sorted(brakes.accounts(on))
    playbooks = sorted(one for one in on - {"*"} if not one.startswith(brakes.ACCOUNT))
    if as_json:
        rendering.document(
            {
                "paused": bool(on), "everything": everything, "playbooks": playbooks,
                "accounts": accounts,
            }
        )  # fmt: skip
    elif everything:
        rendering.say("the brake is on: no mail leaves", style="yellow")
    elif on:
        what = ", ".join(map(brakes.said, sorted(on)))
        rendering.say(f"no mail leaves of: {what}", style="yellow")
    else:
        rendering.say("mail leaves", style="green")


def _require_workspace(settings: "Settings", *, demo: bool) -> None:
    """The demo brings its workspace along; without it there must be one."""
    from engine.errors import InputError

    if (settings.workspace / "longplay.yaml").is_file():
        return
    if not demo:
        raise InputError(
            f"there is no 'longplay.yaml' in '{settings.workspace}'",
            help="begin a workspace with: longplay init, or look around with: longplay up --demo",
        )
    from engine.operations import starter
    from engine.playbook.jsonschema import playbook_schema, workspace_schema

    schemas = {"playbook": playbook_schema(), "workspace": workspace_schema()}
    starter.write(Path(settings.workspace), schemas)


def prepare_all(settings: "Settings", *, demo: bool = False) -> None:
    """What must be done before a worker starts: tables, the workspace, the sample leads."""
    from commands.publishing import publish_folder
    from engine.errors import InputError
    from engine.operations.published import is_published
    from engine.store.schema import migrate as bring

    with place.reaching_database():
        bring(settings.store_url)
    with place.opened(settings, nudges=False) as store:
        try:
            publish_folder(store, settings.workspace)
        except InputError as error:
            # Half an edit in the folder must not keep what runs from starting again.
            if not store.read(is_published):
                raise
            rendering.note(f"{error.message}\nwhat was published before goes on")
        if demo:
            from engine.operations.demo import plant

            plant(store)


def _serving() -> "Settings":
    """The settings of a process that runs for long, with its log set up."""
    from engine import tracing
    from engine.logs import set_up_logs
    from engine.operations.published import require_readable

    settings = place.settings()
    set_up_logs(settings.log, secrets=settings.secrets())
    tracing.switch_on(settings.environment())
    # A database or a plan of another release is told of before anything starts.
    with place.opened(settings, nudges=False) as store:
        store.read(require_readable)
    return settings
