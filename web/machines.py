"""Telling machines from people, as far as a request shows it: prefetchers and link scanners.

Only what says so itself is taken for a machine. A scanner that looks like a browser cannot be told
by one request; what it did is then a person's click, as everywhere.
"""

import re

from starlette.datastructures import Headers

_SCANNERS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scanner|prefetch|headless|phantomjs|"
    r"barracuda|proofpoint|mimecast|messagelabs|symantec|forcepoint|fireeye|trendmicro|"
    r"safe ?links|microsoft office existence|ms-office|url ?defense|"
    r"facebookexternalhit|whatsapp|telegrambot|slackbot|linkedinbot|skypeuripreview|"
    r"validator|monitor(ing)?\b|uptime|wget\b",
    re.IGNORECASE,
)
_APPLE_PRIVACY = re.compile(r"Mozilla/5\.0\s*\Z")
_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_machine(headers: Headers) -> bool:
    """Whether the request says that no person is behind it, or not yet."""
    if any(re.match(r"prefetch|preview", headers.get(name, ""), re.I) for name in _AHEAD):
        return True
    agent = headers.get("user-agent", "")
    return bool(_SCANNERS.search(agent) or _APPLE_PRIVACY.match(agent))
