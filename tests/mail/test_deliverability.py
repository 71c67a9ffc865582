"""The mail doctor, asking a DNS server of our own: what is found, and what to change."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from engine.addresses import Address
from engine.mail.deliverability.dmarc import aligned, dmarc_of
from engine.mail.deliverability.finding import Finding
from engine.mail.deliverability.identity import Identity, identity_findings
from engine.mail.deliverability.resolver import Resolver, Unanswered
from engine.mail.deliverability.spf import spf_of
from engine.mail.dkim import read_key
from engine.mail.transports.smtp_url import parse_smtp_url
from engine.operations.mail_doctor import Setup, examine_mail
from engine.playbook.workspace import load_workspace
from tests.mail.dns_server import a_dns

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LINKS = "https://go.acme.example"
SEED = base64.b64encode(bytes(range(32))).decode()


@cache
def rsa_key(bits: int) -> str:
    encoding, plain = serialization.Encoding.DER, serialization.NoEncryption()
    made = rsa.generate_private_key(65537, bits)
    der = made.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return base64.b64encode(der).decode()


def record_of(written: str) -> str:
    return read_key(written, domain="acme.example", selector="lp1", name="K").record


def strings(text: str) -> str:
    """A TXT record as a zone file has it: in strings of at most 255 characters."""
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


WORKSPACE = """\
sender:
  from: "Acme <hello@acme.example>"
  bounces: bounces@bounces.acme.example
  dkim: [{selector: lp1, key: "${DKIM_KEY}"}]
"""
GOOD = {
    "bounces.acme.example TXT": ['"v=spf1 ip4:8.8.4.0/24 include:_spf.relay.example -all"'],
    "_spf.relay.example TXT": ['"v=spf1 a:mail.acme.example ~all"'],
    "bounces.acme.example MX": ["10 mx.acme.example."],
    "acme.example MX": ["10 mx.acme.example."],
    "mx.acme.example A": ["8.8.4.4"],
    "mail.acme.example A": ["8.8.8.8"],
    "8.8.8.8.in-addr.arpa PTR": ["mail.acme.example."],
    "lp1._domainkey.acme.example TXT": [strings(record_of(SEED))],
    "_dmarc.acme.example TXT": ['"v=DMARC1; p=quarantine; rua=mailto:dmarc@acme.example"'],
    "go.acme.example A": ["8.8.8.9"],
}


@pytest.fixture(scope="module")
def zone() -> dict[str, list[str]]:
    return {}


@pytest.fixture(scope="module")
def server(zone: dict[str, list[str]]) -> object:
    with a_dns(zone) as address:
        yield address


def asking(
    server: Address,
    zone: dict[str, list[str]],
    records: Mapping[str, list[str]],
    *,
    patience: float = 20.0,
) -> Resolver:
    zone.clear()
    zone.update(records)
    return Resolver([server], patience=patience)


def looked(resolver: Resolver, workspace: str = WORKSPACE, **options: object) -> list[Finding]:
    """What the doctor finds; servers of mail are not gone to, for they have no address here."""
    loaded = load_workspace(workspace)
    assert loaded.workspace is not None, loaded.diagnostics
    given = {
        "environment": {"DKIM_KEY": SEED},
        "smtp_url": "",
        "public_url": "https://go.acme.example",
    }
    setup = Setup(loaded.workspace, **{**given, **options})  # type: ignore[arg-type]
    return examine_mail(setup, resolver, NOW, reach=lambda url: "")


def found(name: str, findings: list[Finding]) -> Finding:
    (one,) = (one for one in findings if one.name == name)
    return one


def test_a_sender_that_is_set_up_well_has_nothing_to_change(
    server: Address, zone: dict[str, list[str]]
) -> None:
    """Every check is there, and says what it saw."""
    findings = looked(asking(server, zone, GOOD))
    levels = {one.name: one.level for one in findings if one.name != "server default"}
    assert levels == dict.fromkeys(
        ["sender", "spf", "dkim lp1", "dmarc", "alignment", "return-path", "one-click"], "ok"
    )
    assert "2 of 10 look-ups" in found("spf", findings).detail


MANY = strings(f"v=spf1 {' '.join(f'a:mail.acme.example/{n}' for n in range(20, 31))} -all")
DKIM = "lp1._domainkey.acme.example TXT"
SPF = "bounces.acme.example TXT"
POLICY = "_dmarc.acme.example TXT"
FAULTS: Mapping[str, tuple[Mapping[str, list[str] | None], str, str, str, str]] = {
    "no SPF": ({SPF: None}, "spf", "error", "no SPF record", "v=spf1"),
    "two SPF records": ({SPF: ['"v=spf1 -all"', '"v=spf1 mx -all"']}, "spf", "error",
                        "2 SPF records", "into one"),
    "everybody may send": ({SPF: ['"v=spf1 mx +all"']}, "spf", "error", "lets everybody", "-all"),
    "nothing of the rest": ({SPF: ['"v=spf1 a:mail.acme.example"']}, "spf", "warning",
                            "nothing of everybody else", "-all"),
    "a word that SPF has not": ({SPF: ['"v=spf1 ipv4:8.8.8.8 -all"']}, "spf", "error",
                                "'ipv4:8.8.8.8' is no term", ""),
    "a network that is none": ({SPF: ['"v=spf1 ip4:8.8.8.300 -all"']}, "spf", "error",
                               "'8.8.8.300' is no network", ""),
    "an include of nothing": ({"_spf.relay.example TXT": None}, "spf", "error",
                              "leads to no SPF record", ""),
    "an include of itself": ({"_spf.relay.example TXT": ['"v=spf1 include:bounces.acme.example"']},
                             "spf", "error", "includes itself", ""),
    "too many look-ups": ({SPF: [MANY]},
                          "spf", "error", "11 look-ups, and 10 are allowed", ""),
    "look-ups of nothing": ({SPF: ['"v=spf1 a:x1.example a:x2.example mx:x3.example -all"']}, "spf",
                            "error", "find nothing, and 2 are allowed", ""),
    "no key": ({DKIM: None}, "dkim lp1", "error", "nothing is published", "v=DKIM1; k=ed25519; p="),
    "another key": ({DKIM: [strings(record_of(base64.b64encode(bytes(32)).decode()))]}, "dkim lp1",
                    "error", "another key", "k=ed25519"),
    "a key taken back": ({DKIM: ['"v=DKIM1; p="']}, "dkim lp1", "error", "revoked", "new selector"),
    "two keys": ({DKIM: ['"p=AAAA"', '"p=BBBB"']}, "dkim lp1", "error", "has 2 keys", ""),
    "a key for tests": ({DKIM: [strings(record_of(SEED) + "; t=y:s")]}, "dkim lp1", "warning",
                        "only a test", ""),
    "an old digest": ({DKIM: [strings("h=sha1; " + record_of(SEED))]}, "dkim lp1", "error",
                      "does not allow sha256", ""),
    "broken Base64": ({DKIM: ['"v=DKIM1; k=ed25519; p=%%%"']}, "dkim lp1", "error",
                      "another key", ""),
    "no DMARC": ({POLICY: None}, "dmarc", "error", "no DMARC policy", "v=DMARC1; p=none"),
    "two policies": ({POLICY: ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']}, "dmarc", "error",
                     "several records", "only one"),
    "a policy that is none": ({POLICY: ['"v=DMARC1; p=block; rua=mailto:a@acme.example"']}, "dmarc",
                              "error", "'block'", "p=quarantine"),
    "percentages": ({POLICY: ['"v=DMARC1; p=none; pct=20; rua=mailto:a@acme.example"']}, "dmarc",
                    "warning", "pct=", "leave"),
    "no reports": ({POLICY: ['"v=DMARC1; p=none"']}, "dmarc", "warning", "nobody gets", "rua="),
    "nobody takes bounces": ({"bounces.acme.example MX": None}, "return-path", "error",
                             "nothing takes mail", "MX"),
    "a null MX": ({"bounces.acme.example MX": ["0 ."]}, "return-path", "error",
                  "takes no mail", ""),
    "no address for links": ({"go.acme.example A": None}, "one-click", "error",
                             "no address of", ""),
    "an inner address for links": ({"go.acme.example A": ["10.1.2.3"]}, "one-click", "error",
                                   "nobody outside reaches", ""),
    "silence": ({SPF: ["silence"]}, "spf", "unknown", "does not answer", "--dns"),
    "a DNS that fails": ({DKIM: ["failure"]}, "dkim lp1", "unknown", "does not answer", "--dns"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_is_found_with_what_to_change(
    server: Address, zone: dict[str, list[str]], case: str
) -> None:
    changes, name, level, detail, move = FAULTS[case]
    changed: dict[str, list[str] | None] = {**GOOD, **changes}
    records = {key: value for key, value in changed.items() if value is not None}
    patience = 0.3 if ["silence"] in changed.values() else 20.0
    one = found(name, looked(asking(server, zone, records, patience=patience)))
    assert one.level == level
    assert detail in one.detail
    assert one.change
    assert move in f"{one.change} {one.record}"


@pytest.mark.parametrize(
    ("workspace", "name", "level", "detail"),
    [
        ("sender: {from: hello@acme.example}", "dkim", "warning", "does not sign"),
        ("sender: {from: hello@acme.example}", "return-path", "warning", "bounces go to From"),
        ("sender: {from: hello@acme.example, bounces: b@relay.example}", "alignment", "error",
         "do not belong together"),
        ("sender: {from: hello@acme.example, bounces: b@bounces.acme.example}", "alignment",
         "warning", "they align"),
        (WORKSPACE.replace("key:", "domain: relay.example, key:"), "alignment", "warning",
         "signed by 'relay.example', another's"),
        (WORKSPACE.replace("bounces.acme.example", "relay.example"), "alignment", "ok",
         "SPF alone would not"),
        (WORKSPACE.replace("DKIM_KEY", "NO_KEY"), "dkim lp1", "error", "'NO_KEY' is not set"),
        ("workspace: acme", "sender", "error", "does not say who"),
        ("sender: {from: 你好 <hello@例子.example>}", "dmarc", "error", "'xn--fsqu00a.example'"),
    ],
)  # fmt: skip
def test_what_is_not_set_up_is_told_too(
    server: Address, zone: dict[str, list[str]], workspace: str, name: str, level: str, detail: str
) -> None:
    one = found(name, looked(asking(server, zone, GOOD), workspace))
    assert (one.level, detail in one.detail) == (level, True), one


def test_the_length_of_a_key_is_looked_at(server: Address, zone: dict[str, list[str]]) -> None:
    """1024 bits are signed with, and told of; the record is longer than one string of DNS."""
    for bits, level in ((1024, "warning"), (2048, "ok")):
        records = {**GOOD, DKIM: [strings(record_of(rsa_key(bits)))]}
        resolver = asking(server, zone, records)
        findings = looked(resolver, environment={"DKIM_KEY": rsa_key(bits)})
        assert found("dkim lp1", findings).level == level


def test_the_record_to_publish_is_the_one_that_is_looked_for(
    server: Address, zone: dict[str, list[str]]
) -> None:
    """Published as it is told, the findings are gone."""
    bare = {key: one for key, one in GOOD.items() if not key.endswith(" TXT")}
    told = looked(asking(server, zone, bare))
    records = {
        f"{one.record.name} {one.record.type}": one.record.value for one in told if one.record
    }
    assert len(records) == 3
    mended = {**bare, **{key: [strings(value)] for key, value in records.items()}}
    again = looked(asking(server, zone, mended))
    assert {one.level for one in again if one.name in ("dkim lp1", "dmarc")} == {"ok"}
    assert found("spf", again).level in ("ok", "warning")


@pytest.mark.parametrize(
    ("author", "other", "strict", "expected"),
    [
        ("acme.example", "acme.example", True, True),
        ("acme.example", "news.acme.example", True, False),
        ("acme.example", "news.acme.example", False, True),
        ("news.acme.example", "acme.example", False, True),
        ("acme.example", "notacme.example", False, False),
        ("shop.co.example", "other.co.example", False, False),
        ("a.shop.co.example", "b.shop.co.example", False, True),
        ("plain.example", "sub.plain.example", False, True),
        ("a.plain.example", "b.plain.example", False, False),
    ],
)
def test_organizations_are_found_by_walking_up(
    server: Address,
    zone: dict[str, list[str]],
    author: str,
    other: str,
    strict: bool,
    expected: bool,
) -> None:
    """`co.example` says that it is a public suffix; of plain.example nothing is published."""
    records = {
        "_dmarc.acme.example TXT": ['"v=DMARC1; p=none"'],
        "_dmarc.co.example TXT": ['"v=DMARC1; p=none; psd=y"'],
        "_dmarc.shop.co.example TXT": ['"v=DMARC1; p=none"'],
        "_dmarc.other.co.example TXT": ['"v=DMARC1; p=none"'],
        "_dmarc.notacme.example TXT": ['"v=DMARC1; p=none"'],
    }
    resolver = asking(server, zone, records)
    assert aligned(resolver, author, other, strict=strict) is expected


def test_a_subdomain_has_its_organizations_policy(
    server: Address, zone: dict[str, list[str]]
) -> None:
    """`sp=` is for those below; very deep names are not walked step by step."""
    records = {"_dmarc.acme.example TXT": ['"v=DMARC1; p=reject; sp=none"']}
    resolver = asking(server, zone, records)
    for name, wish in (("acme.example", "reject"), ("a.b.acme.example", "none"),
                       (f"{'x.' * 20}acme.example", "none")):  # fmt: skip
        policy = dmarc_of(resolver, name).policy
        assert policy is not None
        assert policy.wish(name) == wish


def test_who_may_send_is_read_through_includes_and_redirects(
    server: Address, zone: dict[str, list[str]]
) -> None:
    records = {
        "a.example TXT": ['"v=spf1 mx a/30 -ip4:9.9.9.9 redirect=b.example"'],
        "a.example MX": ["10 mx.a.example."], "mx.a.example A": ["8.8.8.8"],
        "a.example A": ["8.8.4.4"],
        "b.example TXT": ['"other"', '"v=spf1 ip6:2001:4860::/32 exists:%{i}.x.example ?all"'],
    }  # fmt: skip
    resolver = asking(server, zone, records)
    spf = spf_of(resolver, "a.example")
    assert (spf.faults, spf.rest, spf.lookups) == ([], "?", 4)
    sends = {"8.8.8.8": True, "8.8.8.9": False, "8.8.4.5": True, "9.9.9.9": False,
             "2001:4860::1": True}  # fmt: skip
    for text, expected in sends.items():
        (address,) = resolver.addresses(text)
        assert spf.permits(address) is expected


def test_silence_is_not_taken_for_nothing(server: Address, zone: dict[str, list[str]]) -> None:
    resolver = asking(server, zone, {"a.example TXT": ["silence"]}, patience=0.3)
    with pytest.raises(Unanswered, match="TXT of 'a\\.example'"):
        resolver.txt("a.example")
    assert asking(server, zone, {}).txt("nothing.example") == []


@pytest.mark.parametrize(
    ("url", "term"),
    [
        ("smtp://email-smtp.eu-west-1.amazonaws.com:587", "include:amazonses.com"),
        ("smtps://smtp.exmail.qq.com", "include:spf.mail.qq.com"),
        ("smtps://smtp.qiye.163.com", "include:spf.163.com"),
        ("smtp://mail.acme.example", "a:mail.acme.example"),
        ("smtp://8.8.8.8", "ip4:8.8.8.8"),
        ("smtp://127.0.0.1:25", "mx"),
        ("smtp://localhost:25", "mx"),
    ],
)
def test_the_record_to_publish_names_the_servers_that_send(url: str, term: str) -> None:
    """As their providers ask for it, where we know that; nobody outside knows this machine."""
    host = parse_smtp_url(url).host
    who = Identity("acme.example", "acme.example", False, (("default", host),))
    with a_dns({}) as dns:
        (spf,) = (
            one for one in identity_findings(Resolver([dns], patience=20), who) if one.name == "spf"
        )
    assert spf.record is not None
    assert spf.record.value == f"v=spf1 {term} -all"
