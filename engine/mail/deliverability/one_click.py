"""Whether a mailbox provider can unsubscribe a reader with one click (RFC 8058)."""

import http.client
import ssl
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from engine.mail.deliverability.finding import Finding
from engine.mail.deliverability.identity import answered
from engine.mail.deliverability.resolver import Resolver

PATIENCE = 10.0


def one_click_findings(
    resolver: Resolver, public_url: str, *, reach: Callable[[str], str] | None = None
) -> list[Finding]:
    """The web address of links: public, over HTTPS, and answered by us.

    Args:
        resolver: answers for its name.
        public_url: the beginning of links.
        reach: says why an address does not answer as ours does; empty: it does.
    """
    reach = reach or reached
    return answered("one-click", lambda: [_looked(resolver, public_url, reach)])


def _looked(resolver: Resolver, url: str, reach: Callable[[str], str]) -> Finding:
    parts = urlsplit(url)
    if parts.scheme != "https":
        return Finding(
            "one-click", "error",
            f"links begin with '{url}', and one-click unsubscribing needs https://",
            "set LONGPLAY_PUBLIC_URL=https://… to where the web server is reached from outside",
        )  # fmt: skip
    host = parts.hostname or ""
    addresses = resolver.addresses(host)
    if not addresses:
        return Finding("one-click", "error", f"the DNS knows no address of '{host}'",
                       "publish one, or set LONGPLAY_PUBLIC_URL right")  # fmt: skip
    if all(one.is_private or one.is_loopback for one in addresses):
        return Finding("one-click", "error", f"nobody outside reaches '{host}' ({addresses[0]})",
                       "publish the address under which it is reached from outside")  # fmt: skip
    fault = reach(url)
    if fault:
        return Finding("one-click", "error", f"'{url}' does not answer as ours: {fault}",
                       "lead that address to the web server, with a certificate")  # fmt: skip
    return Finding("one-click", "ok", f"marketing mail has both headers, and '{url}' answers")


def reached(url: str) -> str:
    """Why a public address does not answer as ours does; empty: it does."""
    try:
        return _health(urlsplit(url))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(getattr(error, "verify_message", None) or error or type(error).__name__)[:200]


def _health(parts: SplitResult) -> str:
    context = ssl.create_default_context()
    line = http.client.HTTPSConnection(
        parts.hostname or "", parts.port or 443, timeout=PATIENCE, context=context
    )
    try:
        line.request("GET", f"{parts.path.rstrip('/')}/healthz", headers={"User-Agent": "longplay"})
        answer = line.getresponse()
        return "" if answer.status == 200 else f"/healthz answers {answer.status}"
    finally:
        line.close()
