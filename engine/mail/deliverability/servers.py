"""The servers that mail leaves by: whether they let us in, over what TLS, and what they are called.

Connections are real ones, made by the addresses that the resolver gives.
"""

import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.mail.deliverability.finding import DnsRecord, Finding, Level
from engine.mail.deliverability.identity import answered
from engine.mail.deliverability.resolver import IpAddress, Resolver
from engine.mail.transports.smtp_url import SmtpServer, StartTls

PATIENCE = 10.0
"""Seconds for each answer of a server."""

SOON = timedelta(days=14)
"""A certificate that ends within this time is spoken of."""

_OLD = ("SSLv3", "TLSv1", "TLSv1.1")


@dataclass(frozen=True, slots=True)
class Met:
    """How a server greeted us.

    Attributes:
        fault: what kept us from getting in; empty: we are in.
        tls: the version, or empty: it was no secret.
        untrusted: why its certificate is not to be trusted; empty: it is.
        ends_at: when the certificate ends, where it is to be trusted.
    """

    fault: str = ""
    tls: str = ""
    untrusted: str = ""
    ends_at: datetime | None = None


class _Client(smtplib.SMTP):
    """Connects to an address, and calls it by the name of the server."""

    def __init__(self, server: SmtpServer, address: str, context: ssl.SSLContext) -> None:
        super().__init__(timeout=PATIENCE, local_hostname=server.helo)
        self._server, self._address, self._context = server, address, context
        self._host = server.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._address, port), timeout)
        if not self._server.tls:
            return plain
        try:
            return self._context.wrap_socket(plain, server_hostname=self._server.host)
        except BaseException:
            plain.close()
            raise


def meet(server: SmtpServer, address: str, *, trusting: bool = False) -> Met:
    """Connects, makes it secret where that is offered, logs in, and says goodbye.

    Args:
        server: whom to meet.
        address: where it is.
        trusting: whether to go on with a certificate that is not to be trusted.
    """
    context = ssl.create_default_context()
    if trusting:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = _Client(server, address, context)
    try:
        client.connect(server.host, server.port)
        client.ehlo_or_helo_if_needed()
        if not server.tls and server.starttls is not StartTls.NEVER and client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
        met = _seen(client)
        if not met.tls and server.starttls is StartTls.REQUIRED and not server.tls:
            return Met("it does not offer STARTTLS, which its address asks for")
        if server.username:
            client.login(server.username, server.password or "")
        return met
    except ssl.SSLCertVerificationError as error:
        if trusting:
            return Met(_plain(error))
        met = meet(server, address, trusting=True)
        return Met(met.fault, met.tls, error.verify_message or _plain(error))
    except smtplib.SMTPAuthenticationError as error:
        return Met(f"it refuses the user '{server.username}': {error.smtp_code} {_said(error)}")
    except smtplib.SMTPResponseException as error:
        return Met(f"it does not let us in: {error.smtp_code} {_said(error)}")
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Met(_plain(error))
    finally:
        client.close()


def _seen(client: smtplib.SMTP) -> Met:
    line = client.sock
    if not isinstance(line, ssl.SSLSocket):
        return Met()
    certificate = line.getpeercert() or {}
    ends = str(certificate.get("notAfter") or "")
    at = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None
    return Met(tls=line.version() or "", ends_at=at)


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(told.split())[:200]


def _plain(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]


def server_findings(
    resolver: Resolver, name: str, server: SmtpServer, author: str, now: datetime
) -> list[Finding]:
    """Whether an account's server can be entered and is secret; of our own, what it is called.

    Args:
        resolver: answers for names.
        name: the account's.
        server: its server.
        author: the domain of From: a server below it is our own.
        now: the moment of the look, for certificates.
    """
    found = answered(f"server {name}", lambda: [_entered(resolver, name, server, now)])
    if server.host == author or server.host.endswith(f".{author}"):
        found += answered(f"reverse-dns {name}", lambda: _reverse(resolver, name, server.host))
    return found


def _entered(resolver: Resolver, name: str, server: SmtpServer, now: datetime) -> Finding:
    check, where = f"server {name}", f"'{server.host}:{server.port}'"
    addresses = resolver.addresses(server.host)
    if not addresses:
        return Finding(check, "error", f"the DNS knows no address of '{server.host}'",
                       "set the name of the server right in the account's address")  # fmt: skip
    met = meet(server, str(addresses[0]))
    if met.fault:
        change = (
            "set user and password right"
            if "refuses the user" in met.fault
            else (
                "look whether it runs, whether a firewall is between, and whether the port is right"
            )
        )
        return Finding(check, "error", f"{where}: {met.fault}", change)
    if not met.tls:
        if addresses[0].is_loopback:
            return Finding(check, "ok", f"{where}, in plain text, on this machine")
        level: Level = "warning" if addresses[0].is_private else "error"
        return Finding(check, level, f"{where} is talked to in plain text",
                       "switch TLS on there, and write ?starttls=required")  # fmt: skip
    if met.untrusted:
        return Finding(
            check, "warning" if not server.verify else "error",
            f"{where}: its certificate is not to be trusted: {met.untrusted}",
            f"give it a certificate for '{server.host}' that the machine's authorities vouch for",
        )  # fmt: skip
    if met.tls in _OLD:
        return Finding(check, "error", f"{where} speaks {met.tls} only",
                       "switch TLS 1.2 or newer on there")  # fmt: skip
    if met.ends_at is not None and met.ends_at - now < SOON:
        ends = met.ends_at.date().isoformat()
        return Finding(check, "warning", f"{where}: its certificate ends on {ends}", "renew it")
    return Finding(check, "ok", f"{where} lets us in over {met.tls}")


def _reverse(resolver: Resolver, name: str, host: str) -> list[Finding]:
    outside = [one for one in resolver.addresses(host) if one.is_global]
    return [_called(resolver, name, host, one) for one in outside]


def _called(resolver: Resolver, name: str, host: str, address: IpAddress) -> Finding:
    """RFC 1912, 2.1: the name of an address leads back to it."""
    check = f"reverse-dns {name}"
    names = resolver.names(address)
    if not names:
        wanted = DnsRecord(str(address), "PTR", f"{host}.")
        return Finding(check, "error", f"{address} has no name",
                       "ask whoever gave you the address to name it", wanted)  # fmt: skip
    if any(address in resolver.addresses(one) for one in names):
        return Finding(check, "ok", f"{address} is '{names[0]}', and that is {address}")
    kind = "A" if address.version == 4 else "AAAA"
    return Finding(check, "error", f"{address} is '{names[0]}', which does not lead back to it",
                   "publish the address of that name, or have it named otherwise",
                   DnsRecord(names[0], kind, str(address)))  # fmt: skip
