"""The command line: the tree of commands, and the boundary at which every fault becomes a message.

Exit status: 0 done · 1 the input is wrong · 2 the environment or the usage is wrong · 130 Ctrl-C.
A fault goes to standard error; with `--json` it is `{"error": {"message", "help"}}` on standard
output. Nobody ever sees a traceback: what was not foreseen is written to a file, and the file is
named.
"""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from commands import (
    analyzing,
    authoring,
    bulk,
    companies,
    consents,
    counting,
    deals,
    enrolling,
    enrollments,
    events,
    explaining,
    inbox,
    keeping,
    keys,
    leads,
    lifecycle,
    mail,
    messages,
    notices,
    operating,
    owners,
    persons,
    place,
    pool,
    publishing,
    rehearsing,
    rendering,
    reporting,
    retaining,
    scoring,
    segments,
    shadowing,
    simulating,
    suppressions,
    tidying,
    watching,
)
from commands.reading import is_text
from engine import tracing
from engine.errors import EnvironmentFault, LongplayError

INTERRUPTED = 130

app = typer.Typer(
    name="longplay",
    help="Marketing playbooks in YAML that run for months and lose nothing.",
    epilog="Every command explains itself: longplay COMMAND --help",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for group in (
    *(
        authoring,
        tidying,
        rehearsing,
        simulating,
        publishing,
        shadowing,
        operating,
        keeping,
        keys,
        watching,
        retaining,
        enrolling,
        events,
    ),
    explaining,
    *(
        leads,
        persons,
        lifecycle,
        segments,
        companies,
        deals,
        enrollments,
        bulk,
        inbox,
        notices,
        messages,
        mail,
    ),
    *(scoring, suppressions, consents, owners, pool, counting, analyzing),
):
    group.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("longplay")
        except PackageNotFoundError:
            number = "(not installed, run from its folder)"
        rendering.say(f"longplay {number}")
        raise typer.Exit


@app.callback()
def _root(
    folder: Annotated[
        Path | None,
        typer.Option(
            "-C", metavar="DIR", help="The workspace; else LONGPLAY_WORKSPACE, else here."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which one.")
    ] = False,
) -> None:
    place.choose(folder)


def run(arguments: list[str]) -> int:
    """Runs one command line and answers its exit status; every fault has been told by then."""
    as_json = "--json" in arguments
    try:
        _refuse_broken_text(arguments)
        command = typer.main.get_command(app)
        status = command.main(arguments, prog_name="longplay", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except LongplayError as error:
        rendering.fault(error.message, error.help, as_json=as_json)
        return error.exit_status
    except TyperException as error:
        return _misused(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # `longplay leads list | head` is no fault of anybody's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        path = reporting.keep(error, arguments, place.home())
        message = f"something went wrong that should not: {type(error).__name__}"
        rendering.fault(message, f"the details are in '{path}'", as_json=as_json)
        return EnvironmentFault.exit_status


def main() -> None:
    """The `longplay` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding cannot show must not end the command.
            stream.reconfigure(errors="backslashreplace")
    status = run(sys.argv[1:])
    tracing.end()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    if "temporalio" in sys.modules:
        # Its core aborts now and then while the interpreter shuts down (exit 134).
        os._exit(status)
    sys.exit(status)


def _misused(error: TyperException, *, as_json: bool) -> int:
    """A command line that means nothing; without a message, the help has been shown instead."""
    message = error.format_message().strip()
    if message:
        about = getattr(getattr(error, "ctx", None), "command_path", "longplay")
        words = message[:1].lower() + message[1:].rstrip(".")
        rendering.fault(words, f"see: {about} --help", as_json=as_json)
    return EnvironmentFault.exit_status


def _refuse_broken_text(arguments: list[str]) -> None:
    """Bytes that are no text may name a file, and mean nothing else."""
    for argument in arguments:
        if not is_text(argument) and not os.path.lexists(argument):
            raise EnvironmentFault(
                f"'{rendering.clean(argument)[:60]}' is not {sys.getfilesystemencoding()} text",
                help="check the encoding of the terminal, or of the script",
            )


if __name__ == "__main__":
    main()
