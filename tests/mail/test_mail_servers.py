"""Servers that mail leaves by, met over real connections: TLS, certificates, logins, names."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.mail.deliverability.finding import Finding
from engine.mail.deliverability.one_click import one_click_findings, reached
from engine.mail.deliverability.resolver import Resolver
from engine.mail.deliverability.servers import meet, server_findings
from engine.mail.transports.smtp_url import parse_smtp_url
from tests.mail.dns_server import a_dns

NOW = datetime.now(UTC)
MUCH_LATER = NOW + timedelta(days=360)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    places: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("authority") / "both.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + made.public_bytes(encoding))
    return file


@pytest.fixture
def trusted(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@pytest.fixture(scope="module")
def resolver() -> Iterator[Resolver]:
    zone = {
        "localhost A": ["127.0.0.1"],
        "mail.acme.example A": ["8.8.8.8"], "8.8.8.8.in-addr.arpa PTR": ["mail.acme.example."],
        "odd.acme.example A": ["8.8.4.4"], "4.4.8.8.in-addr.arpa PTR": ["other.example."],
        "bare.acme.example A": ["9.9.9.9"],
    }  # fmt: skip
    with a_dns(zone) as server:
        yield Resolver([server], patience=20)


def context_of(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    return context


def knows(server: object, session: object, envelope: object, kind: str, data: object) -> AuthResult:
    return AuthResult(success=getattr(data, "password", b"") == b"right", handled=False)


@asynccontextmanager
async def a_server(tls: ssl.SSLContext | None, *, first: bool = False) -> AsyncIterator[int]:
    """With STARTTLS, or `first` TLS from the first byte; it knows one password: right."""
    loop = asyncio.get_running_loop()
    options = {"authenticator": knows, "auth_require_tls": False}

    def session() -> SMTP:
        return SMTP(
            object(), hostname="mx", loop=loop, tls_context=None if first else tls, **options
        )

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls if first else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=1)


async def looked(resolver: Resolver, url: str, now: datetime = NOW) -> Finding:
    server = parse_smtp_url(url)
    (found,) = await asyncio.to_thread(
        server_findings, resolver, "default", server, "acme.example", now
    )
    assert found.name == "server default"
    return found


@pytest.mark.parametrize(
    ("url", "level", "detail"),
    [
        ("smtp://ann:right@localhost:{port}", "ok", "lets us in over TLSv1."),
        ("smtp://localhost:{port}?starttls=required", "ok", "lets us in over TLSv1."),
        ("smtp://ann:wrong@localhost:{port}", "error", "refuses the user 'ann': 535"),
        ("smtp://localhost:{port}?starttls=never", "ok", "in plain text, on this machine"),
    ],
)
async def test_a_server_is_entered_as_senders_enter_it(
    resolver: Resolver, authority: Path, trusted: None, url: str, level: str, detail: str
) -> None:
    """TLS by a real handshake, the certificate looked at, logged in."""
    async with a_server(context_of(authority)) as port:
        found = await looked(resolver, url.format(port=port))
    assert (found.level, detail in found.detail) == (level, True), found
    assert "wrong" not in f"{found.detail}{found.change}".replace("set user and password right", "")


async def test_tls_from_the_first_byte_is_met_too(
    resolver: Resolver, authority: Path, trusted: None
) -> None:
    async with a_server(context_of(authority), first=True) as port:
        found = await looked(resolver, f"smtps://localhost:{port}")
        soon = await looked(resolver, f"smtps://localhost:{port}", MUCH_LATER)
    assert (found.level, "TLSv1." in found.detail) == ("ok", True)
    assert (soon.level, "its certificate ends on" in soon.detail) == ("warning", True)


@pytest.mark.parametrize(("verify", "level"), [("yes", "error"), ("no", "warning")])
async def test_a_certificate_that_nobody_vouches_for_is_told_of(
    resolver: Resolver, authority: Path, verify: str, level: str
) -> None:
    """Asked not to look at it, we still say so."""
    async with a_server(context_of(authority)) as port:
        found = await looked(resolver, f"smtp://localhost:{port}?verify={verify}")
    assert (found.level, "not to be trusted" in found.detail) == (level, True)


async def test_a_server_without_tls_does_not_do_where_it_is_asked_for(resolver: Resolver) -> None:
    async with a_server(None) as port:
        found = await looked(resolver, f"smtp://localhost:{port}?starttls=required")
    assert (found.level, "does not offer STARTTLS" in found.detail) == ("error", True)


@pytest.mark.parametrize(
    "said", [b"", b"554 5.7.1 you are listed\r\n", b"\xff\x00 what\r\n"], ids=ascii
)
async def test_a_server_that_does_not_let_us_in_is_told_of(resolver: Resolver, said: bytes) -> None:
    """Whatever it says, and also when it says nothing and hangs up."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await looked(resolver, f"smtp://localhost:{port}")
    server.close()
    gone = await looked(resolver, f"smtp://localhost:{port}")
    assert (found.level, gone.level) == ("error", "error")
    assert found.change and gone.change
    assert "refused" in gone.detail.lower()


async def test_a_server_that_the_dns_does_not_know_is_told_of(resolver: Resolver) -> None:
    found = await looked(resolver, "smtp://nowhere.relay.example")
    assert (found.level, "no address of 'nowhere.relay.example'" in found.detail) == ("error", True)


@pytest.mark.parametrize(
    ("host", "level", "detail"),
    [
        ("mail.acme.example", "ok", "8.8.8.8 is 'mail.acme.example'"),
        ("odd.acme.example", "error", "'other.example', which does not lead back"),
        ("bare.acme.example", "error", "9.9.9.9 has no name"),
    ],
)
def test_a_server_of_our_own_is_called_by_its_name(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch, host: str, level: str, detail: str
) -> None:
    """And the name leads back; what others run is theirs to name."""
    monkeypatch.setattr("engine.mail.deliverability.servers.meet", lambda *_: meet_nobody())
    server = parse_smtp_url(f"smtp://{host}")
    _, found = server_findings(resolver, "default", server, "acme.example", NOW)
    assert (found.level, detail in found.detail) == (level, True), found
    assert (found.record is None) == (level == "ok")
    assert len(server_findings(resolver, "default", server, "other.example", NOW)) == 1


def meet_nobody() -> object:
    """Nobody is gone to: these addresses are other people's."""
    return meet(parse_smtp_url("smtp://localhost:1"), "127.0.0.1")


async def test_the_public_address_is_really_asked(
    resolver: Resolver, authority: Path, trusted: None
) -> None:
    """Over HTTPS with a good certificate, and the answer is that of our web server."""
    answers = iter([b"200 OK", b"404 Not Found"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + next(answers) + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context_of(authority))
    url = f"https://go.acme.example:{server.sockets[0].getsockname()[1]}"
    local = url.replace("go.acme.example", "localhost")
    zone = {"go.acme.example A": ["8.8.8.8"]}
    with a_dns(zone) as dns:
        asked = Resolver([dns], patience=20)

        def look() -> list[Finding]:
            return one_click_findings(asked, url, reach=lambda _: reached(local))

        found = [(await asyncio.to_thread(look))[0] for _ in range(2)]
    server.close()
    assert [one.level for one in found] == ["ok", "error"]
    assert "/healthz answers 404" in found[1].detail
