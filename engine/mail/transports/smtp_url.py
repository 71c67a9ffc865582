"""The spelling of `LONGPLAY_SMTP_URL`, taken apart and checked; it opens nothing."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from engine.errors import EnvironmentFault

_EXAMPLE = "write LONGPLAY_SMTP_URL=smtp://user:password@mail.example:587?starttls=required"
_OPTIONS = ("starttls", "verify", "helo")


class StartTls(StrEnum):
    """Whether a plain connection is made a secret one."""

    AUTO = "auto"
    REQUIRED = "required"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where messages are handed over, and how to get in."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    """TLS from the first byte (`smtps:`)."""
    starttls: StartTls = StartTls.AUTO
    verify: bool = True
    """Whether the server's certificate is checked."""
    helo: str | None = None
    """The name to greet with; the machine's own when None."""

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port})"  # never the password


def parse_smtp_url(url: str) -> SmtpServer:
    """The server that `smtp://user:pass@host:587?starttls=required` or `smtps://…` names."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise _fault("the SMTP address cannot be read") from error
    if parts.scheme not in ("smtp", "smtps"):
        raise _fault(f"the SMTP address begins with '{parts.scheme}', not smtp: or smtps:")
    if not parts.hostname:
        raise _fault("the SMTP address names no host")
    if parts.path not in ("", "/") or parts.fragment:
        raise _fault(
            "the SMTP address has something after the host "
            "(a '/', '?' or '#' in a password is written %2F, %3F or %23)"
        )
    return _server(parts, port, parts.hostname)


def _server(parts: SplitResult, port: int | None, host: str) -> SmtpServer:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise _fault(f"the SMTP address has an unknown option '{name}'")
    tls = parts.scheme == "smtps"
    starttls = _starttls(options.get("starttls", "auto"))
    if tls and starttls is StartTls.REQUIRED:
        raise _fault("smtps: is secret from the first byte; leave 'starttls' out")
    return SmtpServer(
        host=host,
        port=port or (465 if tls else 587 if parts.username else 25),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
        starttls=starttls,
        verify=options.get("verify", "yes") not in ("no", "off", "false", "0"),
        helo=options.get("helo") or None,
    )


def _starttls(text: str) -> StartTls:
    try:
        return StartTls(text)
    except ValueError:
        raise _fault(f"starttls is '{text}', not auto, required or never") from None


def _fault(message: str) -> EnvironmentFault:
    return EnvironmentFault(message, help=_EXAMPLE)
