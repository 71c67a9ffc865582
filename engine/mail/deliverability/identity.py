"""The names that a sender goes by: SPF, DKIM and DMARC of its domains, and the way back."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from engine.mail.deliverability.dmarc import Found, aligned, dmarc_of, tags_of
from engine.mail.deliverability.finding import DnsRecord, Finding, Level
from engine.mail.deliverability.resolver import Resolver, Unanswered
from engine.mail.deliverability.spf import Spf, spf_of
from engine.mail.dkim import FEWEST_BITS, SigningKey

GOOD_BITS = 2048

_INCLUDES = {
    "amazonaws.com": "amazonses.com", "sendgrid.net": "sendgrid.net", "mailgun.org": "mailgun.org",
    "gmail.com": "_spf.google.com", "google.com": "_spf.google.com",
    "office365.com": "spf.protection.outlook.com", "outlook.com": "spf.protection.outlook.com",
    "postmarkapp.com": "spf.mtasv.net", "resend.com": "amazonses.com",
    "brevo.com": "spf.brevo.com", "sendinblue.com": "spf.sendinblue.com", "zoho.com": "zoho.com",
    "qq.com": "spf.mail.qq.com", "163.com": "spf.163.com", "126.com": "spf.163.com",
    "aliyun.com": "spf1.dm.aliyun.com", "mxhichina.com": "spf.mxhichina.com",
    "feishu.cn": "_netblocks.m.feishu.cn",
}  # fmt: skip
"""What relays ask to be included, by the end of their servers' names."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom mail is from.

    Attributes:
        author: the domain of From, which readers see.
        returns: the domain of return paths, which SPF is looked up for.
        has_bounces: whether return paths name their message.
        hosts: the servers that mail leaves by, by the accounts' names.
        keys: what Longplay signs with.
    """

    author: str
    returns: str
    has_bounces: bool
    hosts: tuple[tuple[str, str], ...] = ()
    keys: Sequence[SigningKey] = ()


def answered(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """A look that says so when the DNS does not answer."""
    try:
        return look()
    except Unanswered as error:
        return [
            Finding(name, "unknown", str(error), "try again, or ask another one: --dns 1.1.1.1")
        ]


def identity_findings(resolver: Resolver, who: Identity) -> list[Finding]:
    """Everything about names, in the order in which people set it up."""
    found = answered("spf", lambda: [_spf(resolver, who)])
    for key in who.keys:
        name = f"dkim {key.selector}"
        found += answered(name, lambda key=key: [_dkim(resolver, key)])  # type: ignore[misc]
    if not who.keys:
        found.append(_unsigned(who))
    found += answered("dmarc", lambda: [_dmarc(who, dmarc_of(resolver, who.author))])
    found += answered("alignment", lambda: [_alignment(resolver, who)])
    found += answered("return-path", lambda: [_return_path(resolver, who)])
    return found


def _spf(resolver: Resolver, who: Identity) -> Finding:
    spf = spf_of(resolver, who.returns)
    name, domain = "spf", who.returns
    if not spf.record:
        wanted = DnsRecord(domain, "TXT", f"v=spf1 {' '.join(_senders(who.hosts))} -all")
        change = f"publish a TXT record for '{domain}' that names who may send"
        return Finding(name, "error", f"'{domain}' has no SPF record", change, wanted)
    if spf.others:
        both = f"put them together into one: '{spf.record}', '{spf.others[0]}'"
        return Finding(name, "error", f"'{domain}': {spf.faults[0]}", both)
    if spf.faults:
        change = "leave out of it what does not send for you, or write `ip4:` for an `include:`"
        return Finding(name, "error", f"'{domain}': {'; '.join(spf.faults)}", change)
    if spf.rest == "+":
        wanted = DnsRecord(domain, "TXT", spf.record.rpartition(" ")[0] + " -all")
        return Finding(name, "error", f"'{domain}' lets everybody send: '{spf.record}'",
                       "end the record with -all", wanted)  # fmt: skip
    return _spf_covers(resolver, who, spf)


def _spf_covers(resolver: Resolver, who: Identity, spf: Spf) -> Finding:
    """Whether it names the servers that we hand mail to, as far as their own addresses tell."""
    seen = f"'{who.returns}': '{spf.record}', {spf.lookups} of 10 look-ups"
    outside = []
    for name, host in who.hosts:
        every = [one for one in resolver.addresses(host) if one.is_global]
        if every and not any(map(spf.permits, every)):
            outside.append((name, host))
    if outside:
        hosts = ", ".join(host for _, host in outside)
        senders = " ".join(_senders(outside))
        return Finding(
            "spf", "warning", f"{seen}; it does not name {hosts}",
            "unless mail leaves from other addresses, which its provider knows, add: " + senders,
        )  # fmt: skip
    if spf.rest not in ("-", "~"):
        return Finding("spf", "warning", f"{seen}; it says nothing of everybody else",
                       "end the record with -all")  # fmt: skip
    return Finding("spf", "ok", seen)


def _senders(hosts: Iterable[tuple[str, str]]) -> list[str]:
    """The terms that name servers; one on this machine or network is known by nobody outside."""
    found = [term for _, host in hosts if (term := _sender(host))]
    return list(dict.fromkeys(found)) or ["mx"]


def _sender(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        included = next((one for end, one in _INCLUDES.items() if _is_below(host, end)), "")
        return f"include:{included}" if included else f"a:{host}" if "." in host else ""
    return f"ip{address.version}:{address}" if address.is_global else ""


def _is_below(host: str, end: str) -> bool:
    return host == end or host.endswith(f".{end}")


def _dkim(resolver: Resolver, key: SigningKey) -> Finding:
    name, wanted = f"dkim {key.selector}", DnsRecord(key.record_name, "TXT", key.record)
    records = [one for one in resolver.txt(key.record_name) if "p" in tags_of(one)]
    if not records:
        return Finding(name, "error", f"nothing is published under '{key.record_name}'",
                       "publish this TXT record before this key signs", wanted)  # fmt: skip
    if len(records) > 1:
        return Finding(name, "error", f"'{key.record_name}' has {len(records)} keys",
                       "leave only this one", wanted)  # fmt: skip
    tags = tags_of(records[0])
    if not tags["p"]:
        return Finding(name, "error", f"the key under '{key.record_name}' has been revoked",
                       "sign with a new key, under a new selector")  # fmt: skip
    kind = key.algorithm.partition("-")[0]
    if tags.get("k", "rsa").lower() != kind or not _same_key(tags["p"], key.public):
        return Finding(name, "error", f"another key is published under '{key.record_name}'",
                       "publish ours, or sign with the one that belongs to it", wanted)  # fmt: skip
    if "sha256" not in tags.get("h", "sha256").lower():
        return Finding(name, "error", f"'{key.record_name}' does not allow sha256",
                       "leave `h=` out of it", wanted)  # fmt: skip
    if "y" in tags.get("t", "").lower().split(":"):
        return Finding(name, "warning", f"'{key.record_name}' says that it is only a test",
                       "leave `t=y` out of it", wanted)  # fmt: skip
    if FEWEST_BITS <= key.bits < GOOD_BITS:
        return Finding(name, "warning", f"the key '{key.selector}' has {key.bits} bits",
                       f"make one of {GOOD_BITS} bits, under a new selector")  # fmt: skip
    size = f"{key.bits} bits" if key.bits else "Ed25519"
    return Finding(name, "ok", f"'{key.record_name}' has our key ({size})")


def _same_key(published: str, ours: str) -> bool:
    """Some publish RSA keys without their frame: whether the numbers are in it is what counts."""
    text = "".join(published.split())
    try:
        theirs = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    mine = base64.b64decode(ours)
    return theirs == mine or (len(theirs) > 100 and mine.endswith(theirs))


def _unsigned(who: Identity) -> Finding:
    return Finding(
        "dkim", "warning",
        "Longplay does not sign; whether the mail server does cannot be seen from here",
        f"look for `DKIM-Signature: … d={who.author}` in a mail that arrived; if there is none, "
        "switch it on at the mail server, or set sender.dkim",
    )  # fmt: skip


def _dmarc(who: Identity, found: Found) -> Finding:
    policy = found.policy
    if found.doubled:
        return Finding("dmarc", "error", f"'_dmarc.{found.doubled[0]}' has several records, "
                       "so that none holds", "leave only one of them")  # fmt: skip
    if policy is None:
        wanted = DnsRecord(
            f"_dmarc.{who.author}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{who.author}"
        )
        change = "publish this TXT record, read the reports for a few weeks, then ask for more"
        return Finding("dmarc", "error", f"'{who.author}' has no DMARC policy", change, wanted)
    wish, seen = policy.wish(who.author), f"'_dmarc.{policy.domain}': '{policy.record}'"
    if wish not in ("none", "quarantine", "reject"):
        return Finding("dmarc", "error", f"{seen}: no policy is called '{wish}'",
                       "write p=none, p=quarantine or p=reject")  # fmt: skip
    gone = [tag for tag in ("pct", "rf", "ri") if tag in policy.tags]
    if gone:
        return Finding("dmarc", "warning", f"{seen}; nobody heeds `{gone[0]}=` any more (RFC 9989)",
                       f"leave `{gone[0]}=` out of it")  # fmt: skip
    if "rua" not in policy.tags:
        return Finding("dmarc", "warning", f"{seen}; nobody gets the reports",
                       f"add rua=mailto:dmarc@{policy.domain}")  # fmt: skip
    return Finding("dmarc", "ok", seen)


def _alignment(resolver: Resolver, who: Identity) -> Finding:
    """DMARC wants the domain of SPF or of a signature to stand for that of From."""
    policy = dmarc_of(resolver, who.author).policy

    def stands(other: str, *, spf: bool) -> bool:
        strict = policy is not None and policy.is_strict("aspf" if spf else "adkim")
        return aligned(resolver, who.author, other, strict=strict)

    by_spf = stands(who.returns, spf=True)
    signing = [key.domain for key in who.keys if stands(key.domain, spf=False)]
    seen = f"From '{who.author}', return path '{who.returns}'"
    if signing:
        also = "" if by_spf else "; SPF alone would not: mail passes by its signature"
        return Finding("alignment", "ok", f"{seen}, signed by '{signing[0]}'{also}")
    if who.keys:
        domains = ", ".join(sorted({key.domain for key in who.keys}))
        change = f"sign with a key of '{who.author}': set `domain:` in sender.dkim"
        level: Level = "warning" if by_spf else "error"
        return Finding("alignment", level, f"{seen}, signed by '{domains}', another's", change)
    if by_spf:
        return Finding("alignment", "warning", f"{seen}: they align, and a forwarded mail fails",
                       "have it signed as well: sender.dkim, or at the mail server")  # fmt: skip
    return Finding(
        "alignment", "error", f"{seen}: they do not belong together, and Longplay does not sign",
        f"give `bounces:` an address below '{who.author}', or set sender.dkim",
    )  # fmt: skip


def _return_path(resolver: Resolver, who: Identity) -> Finding:
    exchangers = resolver.mx(who.returns)
    if exchangers == ["."]:
        return Finding("return-path", "error", f"'{who.returns}' says that it takes no mail",
                       "choose a domain that takes bounces for `bounces:`")  # fmt: skip
    if not exchangers and not resolver.addresses(who.returns):
        wanted = DnsRecord(who.returns, "MX", f"10 mail.{who.returns}.")
        return Finding("return-path", "error", f"nothing takes mail for '{who.returns}'",
                       "publish an MX record for the server with the mailbox", wanted)  # fmt: skip
    via = exchangers[0] if exchangers else who.returns
    if not who.has_bounces:
        return Finding(
            "return-path", "warning", f"bounces go to From, at '{via}', and name no message",
            "set sender.bounces, and LONGPLAY_BOUNCE_IMAP_URL for the mailbox",
        )  # fmt: skip
    return Finding("return-path", "ok", f"mail for '{who.returns}' goes to '{via}'")
