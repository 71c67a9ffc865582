"""`longplay doctor --mail`: what keeps mail from arriving, and what to change."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from commands import place, rendering
from engine.addresses import Address, read_address
from engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.mail.deliverability.finding import Finding
    from engine.operations.mail_doctor import Setup

_STYLES = {"ok": "green", "warning": "yellow", "error": "red", "unknown": "yellow"}
_DNS_PORT = 53


def tell(dns: str, *, as_json: bool) -> None:
    """Looks, and tells what was found; exits with status 2 when something keeps mail back."""
    from engine.mail.deliverability.resolver import Resolver
    from engine.operations.mail_doctor import examine_mail

    found = examine_mail(_setup(), Resolver(_servers(dns)), datetime.now(UTC))
    ok = all(one.ok for one in found)
    if as_json:
        rendering.document({"ok": ok, "checks": [one.as_json() for one in found]})
    else:
        _show(found)
    if not ok:
        raise typer.Exit(2)


def _show(found: "Sequence[Finding]") -> None:
    rows = [{"": one.level, "check": one.name, "found": one.detail} for one in found]
    rendering.table(("", "check", "found"), rows)
    moves = [one for one in found if one.change]
    for one in moves:
        rendering.say(f"\n{one.name}: {one.change}", style=_STYLES[one.level])
        if one.record is not None:
            rendering.raw(f"{one.record}\n")
    worst = {one.level for one in found}
    said = "mail is kept back" if "error" in worst else "mail can arrive"
    more = ", and something could be better" if worst & {"warning", "unknown"} else ""
    rendering.say(f"\n{said}{more if 'error' not in worst else ''}",
                  style="red" if "error" in worst else "green")  # fmt: skip


def _setup() -> "Setup":
    """The sender of the workspace's folder, which is what gets published."""
    from engine.operations.mail_doctor import Setup
    from engine.playbook.workspace import FILE, load_workspace

    settings = place.settings()
    path = settings.workspace / FILE
    if not path.is_file():
        raise InputError(
            f"there is no '{FILE}' in '{settings.workspace}'",
            help="name the workspace with -C DIR, or begin one: longplay init",
        )
    loaded = load_workspace(path.read_bytes())
    if loaded.workspace is None or any(one.severity == "error" for one in loaded.diagnostics):
        raise InputError(f"'{FILE}' has problems", help="see them with: longplay validate")
    return Setup(
        loaded.workspace,
        settings.environment(),
        "" if settings.catches_mail else settings.mail_url,
        settings.link_url,
    )


def _servers(dns: str) -> "list[Address]":
    """Whom `--dns` names; nobody: this machine's own servers are asked."""
    if not dns:
        return []
    from ipaddress import ip_address

    try:
        try:
            found = Address(str(ip_address(dns)), _DNS_PORT)
        except ValueError:
            found = read_address(dns)
            ip_address(found.host)
    except ValueError as error:
        raise InputError(
            f"'{dns}' is no DNS server: {error}", help="write it like 1.1.1.1, or 127.0.0.1:5353"
        ) from None
    return [found]
