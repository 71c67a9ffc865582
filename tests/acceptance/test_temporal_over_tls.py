"""Temporal behind TLS, as Temporal Cloud is: real certificates, a real server behind them."""

import datetime
import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.arena import Arena, wait_until
from engine.errors import EnvironmentFault
from engine.settings import load_settings
from worker import connect

pytestmark = pytest.mark.xdist_group("house")
DOOR = Path(__file__).with_name("tls_door.py")


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with Arena() as made:
        made.start_temporal()
        yield made


class Authority:
    """Signs certificates, and writes them with their keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key, is_authority=True)
        self._write("ca.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def give(self, name: str) -> None:
        """Writes `name.pem` and `name.key`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key)
        self._write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._write(f"{name}.key", text)

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if is_authority else self.certificate.subject
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    authority = Authority(tmp_path)
    for name in ("server", "client"):
        authority.give(name)
    return tmp_path


@contextmanager
def behind_tls(port: int, folder: Path, *, mutual: bool) -> Iterator[tuple[int, Path]]:
    """A door with TLS before a port; yields where it is, and the file of who came in."""
    came = folder / "came"
    with came.open("wb") as told:
        door = subprocess.Popen(
            [sys.executable, DOOR, str(port), folder, "mutual" if mutual else "open"],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.DEVNULL,
        )
    try:
        assert wait_until(lambda: came.read_text().endswith("\n"), 30, 0.05)
        yield int(came.read_text().split()[0]), came
    finally:
        door.kill()
        door.wait()


def set_up(monkeypatch: pytest.MonkeyPatch, port: int, **settings: str) -> None:
    for name, value in {"ADDRESS": f"127.0.0.1:{port}", **settings}.items():
        monkeypatch.setenv(f"LONGPLAY_TEMPORAL_{name}", value)


@pytest.mark.parametrize(
    ("mutual", "settings", "shown"),
    [
        (True, {"TLS_CERT": "client.pem", "TLS_KEY": "client.key"}, "client"),
        (False, {"API_KEY": "key-of-the-cloud"}, "nobody"),
        (False, {}, "nobody"),
    ],
    ids=["mutual", "api-key", "only-the-authority"],
)
async def test_temporal_is_reached(
    arena: Arena,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
    mutual: bool,
    settings: dict[str, str],
    shown: str,
) -> None:
    """By a client's certificate, by a key, or by neither where none is asked for."""
    with behind_tls(arena.temporal_port, certificates, mutual=mutual) as (port, came):
        set_up(monkeypatch, port, TLS_CA="ca.pem", **settings)
        client = await connect(load_settings(certificates))
        assert await client.service_client.check_health()
        assert came.read_text().split()[1] == shown


async def test_who_shows_no_certificate_is_told_so(
    arena: Arena, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that wants one does not answer, and the fault names the address."""
    with behind_tls(arena.temporal_port, certificates, mutual=True) as (port, _):
        set_up(monkeypatch, port, TLS_CA="ca.pem")
        with pytest.raises(EnvironmentFault, match=f"127.0.0.1:{port}"):
            await connect(load_settings(certificates), patience=1)
