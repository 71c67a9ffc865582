"""What a country's law wants to see in a subject; the countries are data, not code."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

MailKind: TypeAlias = Literal["marketing", "transactional", "notice"]
"""Marketing obeys topics, caps and the law of advertising; a notice goes to one's own team."""

SUBJECT_PREFIXES: Mapping[str, str] = {"CN": "（广告）"}
"""What holds when the workspace says nothing: MII order 38, article 13."""

_MARKS = re.compile(r"[\W_]+")
_AD = re.compile(r"AD(?![A-Za-z])")


def subject_for(
    country: str | None,
    subject: str,
    kind: MailKind,
    prefixes: Mapping[str, str] = SUBJECT_PREFIXES,
) -> str:
    """The subject as it must look in `country`: marketing begins with its prefix, or with AD.

    The marks around the word do not matter: 【广告】 and (AD) count as marked.
    """
    prefix = prefixes.get((country or "").strip().upper(), "")
    if kind != "marketing" or not prefix:
        return subject
    start = _MARKS.sub("", subject[: len(prefix) + 16])
    word = _MARKS.sub("", prefix)
    if (word and start.startswith(word)) or _AD.match(_MARKS.sub(" ", subject).lstrip()):
        return subject
    if not word and subject.startswith(prefix):
        return subject
    return prefix + subject
