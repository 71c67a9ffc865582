"""Which network addresses may be called: those of the public internet, unless a setting allows all.

It judges addresses, never names: a name means whatever its owner's DNS says at that moment.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""NAT64 and the old compatible form: the last 32 bits are an IPv4 address that is reached."""


def why_not(text: str) -> str:
    """Why this address must not be called; empty: it may be.

    Loopback, private, link-local (where clouds keep their metadata), carrier-grade NAT, multicast
    and reserved ones are refused, in IPv6's disguises of them too.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return f"'{text[:60]}' is no address"
    for one in (address, *_inside(address)):
        if one.is_loopback or one.is_unspecified:
            return f"'{text}' is this machine itself"
        if one.is_link_local:
            return f"'{text}' is link-local, where clouds keep their metadata"
        if not one.is_global or one.is_multicast or _is_odd(one):
            return f"'{text}' is not on the public internet"
    return ""


def _is_odd(address: Address) -> bool:
    """Whether it is set aside for something else than hosts."""
    if isinstance(address, IPv6Address):
        if address.is_site_local:
            return True
        # `is_reserved` is true of the translating prefix, too, which is judged by what is inside.
        return address.is_reserved and not _inside(address)
    return address.is_reserved


def _inside(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(address, IPv6Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in net for net in _TRANSLATED):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(one for one in found if one is not None)
