"""Commands that keep a copy of everything, bring it back, and settle what went in between."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, reading, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.after_restore import Standing
    from engine.operations.archives import Manifest
    from engine.operations.backups import House
    from engine.settings import Settings
    from engine.store.database import Store

_PANEL = "Operate"
_SHOWN = {"lead": "leads", "enrollment": "enrollments", "job": "messages", "event": "events"}

restored = typer.Typer(
    help="After a restore: what may have been mailed in between.", no_args_is_help=True
)

WithoutTemporal = Annotated[
    bool, typer.Option("--without-temporal", help="The store alone: Temporal begins anew from it.")
]
LostAt = Annotated[
    str,
    typer.Option(metavar="TIME", help="When the lost store mailed last at the latest; else now."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="Nothing else went: what is not named may go.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (backup, restore):
        app.command(rich_help_panel=_PANEL)(command)
    app.add_typer(restored, name="restored", rich_help_panel=_PANEL)


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The archive, or the folder for it.")
    ],
    without_temporal: WithoutTemporal = False,
    as_json: AsJson = False,
) -> None:
    """Writes everything but secrets into one archive, at one moment, while all goes on."""
    from engine.operations.backups import back_up

    settings = place.settings()
    house = _house(settings, makes_key=True)
    with (
        place.opened(settings, nudges=False) as store,
        rendering.progress("pages", quiet=as_json) as bar,
    ):
        path, manifest = back_up(
            store, house, target, temporal=not without_temporal,
            tell=bar,
        )  # fmt: skip
    if as_json:
        rendering.document({"archive": str(path), **_told(manifest)})
        return
    rendering.card({"archive": path, **_counted(manifest)})
    rendering.note("secrets are not in it: keep .env and the keys in LONGPLAY_HOME elsewhere, too")


def restore(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What `backup` has written.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only looks whether it is whole and fit.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Puts aside what is there; nothing is deleted.")
    ] = False,
    without_temporal: WithoutTemporal = False,
    lost_at: LostAt = "",
    sent_log: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What names the mails that went since: see `restored`."),
    ] = None,
    complete: Complete = False,
    as_json: AsJson = False,
) -> None:
    """Brings an archive back; no mail leaves until you have looked and say `longplay resume`."""
    from engine.operations import backups

    settings = place.settings()
    house = _house(settings, makes_key=False)
    if check:
        manifest = backups.check(archive, settings.home if settings.home.is_dir() else Path.cwd())
        _tell_archive(archive, manifest, as_json=as_json)
        return
    from engine.embedded.lock import hold

    with place.reaching_database(), hold(settings.home / "up.lock"):
        done = backups.bring_back(
            archive, house, replace=replace, temporal=not without_temporal,
            lost_at=_time(lost_at), actor=place.actor(),
        )  # fmt: skip
    with place.opened(settings, nudges=False) as store:
        if sent_log:
            _take_in(store, sent_log, complete=complete)
        standing = _standing(store)
    if as_json:
        told = {
            "put_aside": str(done.put_aside or ""), "workspace": done.workspace,
            "same_key": done.same_key, "restored": standing.as_json(),
        }  # fmt: skip
        rendering.document({**_told(done.manifest), **told})
        return
    rendering.card({"archive": archive, **_counted(done.manifest), "put aside": done.put_aside})
    if not done.same_key:
        rendering.note(
            "the signing key is not that of then: links in mails that were sent do not work; "
            f"bring '{settings.home / 'secret.key'}' or LONGPLAY_SECRET_KEY back"
        )
    if done.put_aside is not None and not sent_log:
        rendering.note(
            f"if its ledger can be read: longplay restored sent {done.put_aside / 'longplay.db'}"
        )
    _tell(standing)


@restored.command("show")
def show(as_json: AsJson = False) -> None:
    """Says what is unknown since the copy, and what has been settled."""
    with place.opened(nudges=False) as store:
        _tell(_standing(store), as_json=as_json)


@restored.command("begin")
def begin(
    copied_at: Annotated[str, typer.Option(metavar="TIME", help="The moment that the copy is of.")],
    lost_at: LostAt = "",
    as_json: AsJson = False,
) -> None:
    """After a restore by other means, such as pg_restore: takes the database for a copy."""
    from engine.operations import after_restore

    moment = reading.moment(copied_at)
    with place.opened(nudges=False) as store:
        store.write(
            lambda tx: after_restore.begin(
                tx, copied_at=moment, lost_at=_time(lost_at), actor=place.actor()
            )
        )
        _tell(_standing(store), as_json=as_json)


@restored.command("sent")
def sent(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Logs of the mail server, exports of a provider, folders of mails, or the lost "
            "longplay.db: whatever names Message-IDs.",
        ),
    ],
    complete: Complete = False,
    as_json: AsJson = False,
) -> None:
    """Takes in what was mailed between the copy and the loss; it is not mailed again."""
    with place.opened() as store:
        told = _take_in(store, files, complete=complete)
        standing = _standing(store)
    if as_json:
        rendering.document({**told, "restored": standing.as_json()})
        return
    rendering.say(f"{told['new']} messages are known to have gone, {told['settled']} were open")
    _tell(standing)


@restored.command("release")
def release(
    playbook: Annotated[
        str, typer.Argument(metavar="[PLAYBOOK]", help="Only its messages; left out: all.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Sends the messages that are held because they may have gone: you know that they did not."""
    from engine.operations.after_restore import release_held

    with place.opened() as store:
        count = release_held(store, playbook)
    if as_json:
        rendering.document({"released": count})
    else:
        rendering.say(f"{count} messages will be sent")


@restored.command("end")
def end(as_json: AsJson = False) -> None:
    """Ends the doubts of a restore before their time; what is held stays held."""
    from engine.operations import after_restore

    with place.opened(nudges=False) as store:
        after_restore.end(store)
    if as_json:
        rendering.document({"ended": True})
    else:
        rendering.say("settled: the database is like any other")


def _house(settings: "Settings", *, makes_key: bool) -> "House":
    from importlib.metadata import PackageNotFoundError, version

    from engine.errors import EnvironmentFault
    from engine.operations.backups import House

    url = settings.store_url
    if not url.startswith("sqlite:///"):
        raise EnvironmentFault(
            "the database is PostgreSQL, which has better means of its own",
            help="see docs/how-to/back-up.md: pg_dump, pg_restore, longplay restored begin",
        )
    try:
        release = version("longplay")
    except PackageNotFoundError:
        release = "unknown"
    has_key = settings.secret_key is not None or (settings.home / "secret.key").exists()
    key = settings.signing_key() if makes_key or has_key else ""
    store = Path(url.removeprefix("sqlite:///"))
    return House(settings.home, settings.workspace, store, settings.temporal_file, key, release)


def _take_in(store: "Store", files: Iterable[Path], *, complete: bool) -> dict[str, int]:
    from engine.operations import after_restore, published
    from engine.operations.sent_logs import mailed_in

    domain = store.read(lambda tx: published.current(tx).domain)
    return after_restore.tell_mailed(store, mailed_in(files, domain), complete=complete)


def _standing(store: "Store") -> "Standing":
    from engine.errors import InputError
    from engine.operations import after_restore

    found = store.read(after_restore.standing)
    if found is None:
        raise InputError("the database was not restored from a copy, or that is settled")
    return found


def _tell(standing: "Standing", *, as_json: bool = False) -> None:
    if as_json:
        rendering.document(standing.as_json())
        return
    rendering.card(
        {
            "copy of": standing.copied_at, "mail unknown until": standing.lost_at,
            "enrollments that may have gone on": f"{standing.enrollments:,}",
            "messages known to have gone": f"{standing.mailed:,}",
            "all of them known": standing.is_told,
            "messages held in doubt": f"{standing.held:,}",
            "doubts end": standing.until,
        }
    )  # fmt: skip
    if standing.released_at is None:
        rendering.note(
            "no mail leaves: bring what is known of mails, unsubscriptions and erasures since, "
            "then: longplay resume"
        )


def _tell_archive(archive: Path, manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        rendering.document({"archive": str(archive), **_told(manifest)})
    else:
        rendering.card({"archive": archive, **_counted(manifest)})
        rendering.say("it is whole, and fit for this release", style="green")


def _told(manifest: "Manifest") -> dict[str, object]:
    return {
        "copied_at": manifest.copied_at, "release": manifest.release,
        "revision": manifest.revision, "counts": manifest.counts,
    }  # fmt: skip


def _counted(manifest: "Manifest") -> dict[str, object]:
    counts = manifest.counts["longplay.db"]
    shown = {told: f"{counts[name]:,}" for name, told in _SHOWN.items() if name in counts}
    return {"copy of": manifest.copied_at, "release": manifest.release, **shown}


def _time(text: str) -> datetime | None:
    return reading.moment(text) if text else None
