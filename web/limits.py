"""How much one visitor may ask for: buckets of tokens that fill up again, in bounded memory.

A right request is never refused for what others do: a key has a bucket of its own, the token of a
mail's link too, and an address one for what it gets wrong. Whoever was forgotten, because more
came than are remembered, begins with a full one.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

MOST = 20_000
"""Visitors that are remembered: some megabytes."""

MINUTE = 60.0
WRONG = 30
"""What an address may get wrong in a minute: keys, sign-ins, tokens of links."""

OPENED = 120
"""How often the same link of a mail may be opened in a minute."""


@dataclass(slots=True)
class Buckets:
    """Buckets of one size.

    Args:
        size: how much a full one holds; it fills up in a minute. 0: nothing is counted.
        clock: seconds of a steady clock.
    """

    size: int
    clock: Callable[[], float] = time.monotonic
    most: int = MOST
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, who: str) -> float:
        """Takes one out; answers after how many seconds to come again, 0 when there was one."""
        if not self.size:
            return 0.0
        left = self._now(who)
        if left < 1:
            return (1 - left) * MINUTE / self.size
        self._left[who] = (left - 1, self.clock())
        self._left.move_to_end(who)
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return 0.0

    def wait(self, who: str) -> float:
        """After how many seconds there is one to take; 0: now. Nothing is taken."""
        left = self._now(who) if self.size else 1.0
        return 0.0 if left >= 1 else (1 - left) * MINUTE / self.size

    def _now(self, who: str) -> float:
        left, at = self._left.get(who, (float(self.size), 0.0))
        return min(float(self.size), left + (self.clock() - at) * self.size / MINUTE)

    def __len__(self) -> int:
        return len(self._left)


@dataclass(slots=True)
class Limits:
    """What is counted of visitors.

    Args:
        api: requests of one key in a minute.
        proxies: how many proxies of ours stand before the server, each adding to X-Forwarded-For.
    """

    api: int = 6_000
    proxies: int = 0
    keys: Buckets = field(init=False)
    links: Buckets = field(default_factory=lambda: Buckets(OPENED))
    wrong: Buckets = field(default_factory=lambda: Buckets(WRONG))

    def __post_init__(self) -> None:
        """Sets the buckets up."""
        self.keys = Buckets(self.api)

    def address(self, request: Request) -> str:
        """Who asks, as far as it can be known: of IPv6 the network that one customer has.

        Empty behind a proxy that nobody told us of: all people would be one.
        """
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        if self.proxies:
            hops = [one.strip() for one in forwarded.split(",") if one.strip()]
            given = hops[-self.proxies] if len(hops) >= self.proxies else ""
        elif forwarded or "forwarded" in request.headers or request.client is None:
            return ""
        else:
            given = request.client.host
        try:
            found = ip_address(given.removeprefix("[").partition("]")[0])
        except ValueError:
            return ""
        if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
            return str(IPv6Address(int(found) >> 64 << 64))
        return str(found)


def retry_after(seconds: float) -> dict[str, str]:
    """The header that tells when to come again: whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
