"""Questions to the DNS, with answers as texts; which servers are asked can be chosen.

An answer that there is nothing is an empty list; no answer at all is `Unanswered`.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeAlias

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

from engine.addresses import Address
from engine.errors import EnvironmentFault

PATIENCE = 4.0
"""Seconds for one question, over all servers."""

IpAddress: TypeAlias = IPv4Address | IPv6Address


class Unanswered(Exception):
    """The DNS did not answer a question: nothing is known, which is not the same as nothing."""

    def __init__(self, name: str, kind: str, why: str) -> None:
        super().__init__(f"the DNS does not answer for {kind} of '{name}': {why}")


class Resolver:
    """Asks the DNS; an answer is kept for as long as this object lives.

    Args:
        servers: whom to ask; none: those of this machine. All have the port of the first.
        patience: seconds for one question.

    Raises:
        EnvironmentFault: this machine knows no servers.
    """

    def __init__(self, servers: Sequence[Address] = (), *, patience: float = PATIENCE) -> None:
        try:
            self._asks = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration as error:
            raise EnvironmentFault(
                "this machine knows no DNS servers", help="name one: --dns 1.1.1.1:53"
            ) from error
        if servers:
            self._asks.nameservers = [one.host for one in servers]
            self._asks.port = servers[0].port
        self._asks.lifetime = patience
        self._asks.search = []
        self._known: dict[tuple[str, str], list[Any]] = {}

    def txt(self, name: str) -> list[str]:
        """The TXT records, the strings of each put together."""
        return [b"".join(one.strings).decode("utf-8", "replace") for one in self._ask(name, "TXT")]

    def mx(self, name: str) -> list[str]:
        """The mail exchangers, the best first; `.` for one that says there is none (RFC 7505)."""
        found = sorted(self._ask(name, "MX"), key=lambda one: int(one.preference))
        return [_plain(one.exchange) or "." for one in found]

    def addresses(self, name: str) -> list[IpAddress]:
        """IPv4 and IPv6; of an address itself just that."""
        try:
            return [ip_address(name)]
        except ValueError:
            every = [*self._ask(name, "A"), *self._ask(name, "AAAA")]
            return [ip_address(one.address) for one in every]

    def names(self, address: IpAddress) -> list[str]:
        """What an address is called (PTR)."""
        name = dns.reversename.from_address(str(address)).to_text()
        return [_plain(one.target) for one in self._ask(name, "PTR")]

    def _ask(self, name: str, kind: str) -> list[Any]:
        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            self._known[key] = self._asked(*key)
        return self._known[key]

    def _asked(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._asks.resolve(f"{_in_ascii(name)}.", kind, raise_on_no_answer=False))
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.Timeout as error:
            raise Unanswered(name, kind, "no answer in time") from error
        except (dns.exception.DNSException, UnicodeError, OSError, ValueError) as error:
            raise Unanswered(name, kind, str(error) or type(error).__name__) from error


def _in_ascii(name: str) -> str:
    """A name as the DNS has it, whatever script it is written in."""
    return name if name.isascii() else dns.name.from_unicode(name).to_text(omit_final_dot=True)


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).rstrip(".")
