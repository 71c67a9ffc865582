"""SPF (RFC 7208) of a domain: whom it lets send, how many look-ups that costs, what is wrong.

What depends on one mail (macros, `ptr`) is counted, not followed: it permits nobody here.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from engine.mail.deliverability.resolver import IpAddress, Resolver

MOST_LOOKUPS = 10
MOST_VOID = 2
_DEEPEST = 12

Network: TypeAlias = IPv4Network | IPv6Network
_TERM = re.compile(r"([+\-~?]?)([a-z][a-z0-9_.-]*)(?:([:=])?(.*))?\Z", re.I)
_LOOKS_UP = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_MECHANISMS = _LOOKS_UP - {"redirect"} | {"all", "ip4", "ip6"}


@dataclass(slots=True)
class Spf:
    """What a domain says.

    Attributes:
        record: its text; empty when there is none.
        others: further SPF records, of which there must be none.
        lookups: questions to the DNS that a receiver asks, which may be 10.
        voids: those that had no answer, which may be 2.
        faults: what makes receivers throw the record away.
        rest: what holds for everybody else: `-`, `~`, `?`, `+`; empty when nothing is said.
        networks: who may send.
    """

    record: str = ""
    others: list[str] = field(default_factory=list)
    lookups: int = 0
    voids: int = 0
    faults: list[str] = field(default_factory=list)
    rest: str = ""
    networks: list[Network] = field(default_factory=list)

    def permits(self, address: IpAddress) -> bool:
        """Whether an address may send."""
        return any(address in network for network in self.networks)


def spf_of(resolver: Resolver, domain: str) -> Spf:
    """The record of a domain, followed to its end.

    Raises:
        Unanswered: the DNS did not answer.
    """
    found = Spf()
    records = spf_records(resolver, domain)
    if not records:
        return found
    found.record, *found.others = records
    if found.others:
        found.faults.append(f"there are {len(records)} SPF records, so that none holds")
    found.rest = _follow(resolver, domain, found.record, found, (domain,))
    if found.lookups > MOST_LOOKUPS:
        found.faults.append(f"it takes {found.lookups} look-ups, and {MOST_LOOKUPS} are allowed")
    if found.voids > MOST_VOID:
        found.faults.append(f"{found.voids} of its look-ups find nothing, and 2 are allowed")
    return found


def spf_records(resolver: Resolver, domain: str) -> list[str]:
    """The TXT records of a domain that are SPF."""
    every = resolver.txt(domain)
    return [one for one in every if one.lower() == "v=spf1" or one.lower().startswith("v=spf1 ")]


def _follow(resolver: Resolver, domain: str, record: str, found: Spf, path: tuple[str, ...]) -> str:
    """Goes through a record's terms; answers what holds for the rest."""
    rest, redirect = "", ""
    for term in record.split()[1:]:
        match = _TERM.match(term)
        if match is None:
            found.faults.append(f"'{term}' is no term of SPF")
            continue
        sign, name, mark, value = match[1] or "+", match[2].lower(), match[3] or "", match[4] or ""
        if mark == "=":
            if name == "redirect":
                redirect = value
            continue
        if name not in _MECHANISMS:
            found.faults.append(f"'{term}' is no term of SPF")
        elif name == "all":
            rest = sign
            break
        else:
            _mechanism(resolver, domain, name, value, sign, found, path)
    if redirect and not rest:
        found.lookups += 1
        return _other(resolver, redirect, found, path, "redirect")
    return rest


def _mechanism(
    resolver: Resolver, domain: str, name: str, value: str, sign: str, found: Spf,
    path: tuple[str, ...],
) -> None:  # fmt: skip
    if name in ("ip4", "ip6"):
        _network(value, sign, found)
        return
    found.lookups += 1
    if "%" in value or name in ("ptr", "exists"):
        return
    if name == "include":
        _other(resolver, value, found if sign == "+" else Spf(), path, "include")
        return
    target, _, prefixes = value.partition("/")
    hosts = [target or domain]
    if name == "mx":
        hosts = [host for host in resolver.mx(hosts[0])[:MOST_LOOKUPS] if host != "."]
    addresses = [one for host in hosts for one in resolver.addresses(host)]
    if not addresses:
        found.voids += 1
    four, _, six = prefixes.partition("//")
    for address in addresses if sign == "+" else ():
        length = (four if address.version == 4 else six) or str(address.max_prefixlen)
        _network(f"{address}/{length}", sign, found)


def _network(text: str, sign: str, found: Spf) -> None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        found.faults.append(f"'{text}' is no network")
        return
    if sign == "+":
        found.networks.append(network)


def _other(resolver: Resolver, domain: str, found: Spf, path: tuple[str, ...], how: str) -> str:
    if domain in path or len(path) > _DEEPEST:
        found.faults.append(f"'{domain}' includes itself")
        return ""
    records = spf_records(resolver, domain)
    if len(records) != 1:
        what = "no SPF record" if not records else f"{len(records)} SPF records"
        found.faults.append(f"'{how}:{domain}' leads to {what}")
        found.voids += not records
        return ""
    return _follow(resolver, domain, records[0], found, (*path, domain))
