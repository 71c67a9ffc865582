"""Telling machines from people, as far as a request shows it: prefetchers and link scanners.

Only what says so itself is taken for a machine, or what says nothing, which no browser does. A
scanner that looks like a browser is known only by when it comes (`engine.runtime.scanning`).
"""

import re

from starlette.datastructures import Headers

_SCANNERS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scanner|prefetch|headless|phantomjs|"
    r"barracuda|proofpoint|mimecast|messagelabs|symantec|forcepoint|fireeye|trendmicro|"
    r"safe ?links|microsoft office existence|ms-office|url ?defense|"
    r"facebookexternalhit|whatsapp|telegrambot|slackbot|linkedinbot|skypeuripreview|"
    r"validator|monitor(ing)?\b|uptime|wget\b|curl/|python|aiohttp|httpx|go-http-client|okhttp"
    r"|java/|libwww|axios|node-fetch|undici|puppeteer|playwright|selenium"
    r"|imageproxy|mailproxy|urlcheck|link ?check|antispam|antivirus|kaspersky|sophos|ironport"
    r"|zscaler|checkpoint|vade ?secure|mailguard|cloudmark|coremail",
    re.IGNORECASE,
)
_APPLE_PRIVACY = re.compile(r"Mozilla/5\.0\s*\Z")
_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def is_machine(headers: Headers) -> bool:
    """Whether the request says that no person is behind it, or not yet."""
    if any(re.match(r"prefetch|preview", headers.get(name, ""), re.I) for name in _AHEAD):
        return True
    agent = headers.get("user-agent", "").strip()
    return not agent or bool(_SCANNERS.search(agent) or _APPLE_PRIVACY.match(agent))
