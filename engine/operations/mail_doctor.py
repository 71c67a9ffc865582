"""The mail doctor: everything that decides whether the configured sender's mail arrives.

It looks from outside, at DNS, servers and the web address; it reads no store and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.errors import LongplayError
from engine.mail.addresses import parse_address
from engine.mail.deliverability.finding import Finding
from engine.mail.deliverability.identity import Identity, identity_findings
from engine.mail.deliverability.one_click import one_click_findings
from engine.mail.deliverability.resolver import Resolver
from engine.mail.deliverability.servers import server_findings
from engine.mail.dkim import SigningKey
from engine.mail.transports.smtp_url import SmtpServer, parse_smtp_url
from engine.operations.exits import key_of
from engine.operations.fillings import filled_text
from engine.playbook.mail_accounts import DEFAULT_ACCOUNT
from engine.playbook.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Setup:
    """What is configured.

    Attributes:
        workspace: who mail comes from, by which accounts, and what it is signed with.
        environment: what `${NAME}` is read from.
        smtp_url: the server of the settings; empty: all mail is caught.
        public_url: the beginning of links in mail.
    """

    workspace: Workspace
    environment: Mapping[str, str]
    smtp_url: str
    public_url: str


def examine_mail(
    setup: Setup, resolver: Resolver, now: datetime, *, reach: Callable[[str], str] | None = None
) -> list[Finding]:
    """Every finding, in the order in which people set things up.

    Args:
        setup: what is configured.
        resolver: whom to ask.
        now: the moment of the look.
        reach: says why the public address does not answer; left out: it is really asked.
    """
    sender = setup.workspace.sender
    if not sender.from_:
        return [_nobody("the workspace does not say who mail comes from")]
    try:
        author = parse_address(sender.from_).email.rpartition("@")[2].lower()
    except LongplayError as fault:
        return [_nobody(fault.message)]
    found = [Finding("sender", "ok", sender.from_)]
    servers, faults = _servers(setup)
    keys, unread = _keys(setup, author)
    returns = (sender.bounces or sender.from_).rpartition("@")[2].rstrip("> ").lower()
    hosts = tuple((name, server.host) for name, server in servers.items())
    who = Identity(author, _ascii(returns), bool(sender.bounces), hosts, tuple(keys))
    found += [*faults, *unread]
    found += [
        one for one in identity_findings(resolver, who) if not (unread and one.name == "dkim")
    ]
    for name, server in servers.items():
        found += server_findings(resolver, name, server, author, now)
    return [*found, *one_click_findings(resolver, setup.public_url, reach=reach)]


def _nobody(why: str) -> Finding:
    change = 'write `sender: {from: "Acme <hello@acme.example>"}` into longplay.yaml'
    return Finding("sender", "error", why, change)


def _ascii(domain: str) -> str:
    return parse_address(f"a@{domain}").email.rpartition("@")[2]


def _servers(setup: Setup) -> tuple[dict[str, SmtpServer], list[Finding]]:
    """The server of each account, and what is wrong with addresses."""
    servers: dict[str, SmtpServer] = {}
    faults = []
    if setup.smtp_url:
        servers[DEFAULT_ACCOUNT] = parse_smtp_url(setup.smtp_url)
    else:
        faults.append(
            Finding(
                "server default", "error", "all mail is caught on this machine: nothing leaves",
                "set LONGPLAY_SMTP_URL=smtp://user:password@mail.example:587?starttls=required",
            )
        )  # fmt: skip
    for name, account in setup.workspace.sender.accounts.items():
        if name == DEFAULT_ACCOUNT:
            continue
        try:
            servers[name] = parse_smtp_url(filled_text(account.url, {}, setup.environment))
        except LongplayError as fault:
            faults.append(Finding(f"server {name}", "error", fault.message, fault.help))
    return servers, faults


def _keys(setup: Setup, author: str) -> tuple[list[SigningKey], list[Finding]]:
    """The keys that sign, and those that cannot be read."""
    keys, faults = [], []
    for wanted in setup.workspace.sender.dkim:
        try:
            keys.append(key_of(wanted, author, setup.environment))
        except LongplayError as fault:
            change = f"{fault.help}; until then mail waits" if fault.help else "mail waits"
            faults.append(Finding(f"dkim {wanted.selector}", "error", fault.message, change))
    return keys, faults
