"""What a country's law wants to see in a subject; the countries are data (`jurisdictions`)."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from engine.playbook.jurisdictions import jurisdiction_of, subject_prefixes

MailKind: TypeAlias = Literal["marketing", "transactional", "notice"]
"""Marketing obeys topics, caps and the law of advertising; a notice goes to one's own team."""

_MARKS = re.compile(r"[\W_]+")
_AD = re.compile(r"AD(?![A-Za-z])")


def subject_for(
    country: str | None,
    subject: str,
    kind: MailKind,
    prefixes: Mapping[str, str] | None = None,
) -> str:
    """The subject as it must look in `country`: marketing begins with its prefix, in China or AD.

    The marks around the word do not matter: 【广告】 and (AD) count as marked.

    Args:
        country: the lead's, by its code; None or empty: not known.
        subject: as it was written.
        kind: only marketing is marked.
        prefixes: country → prefix; None: what the laws want.
    """
    code = (country or "").strip().upper()
    prefix = (subject_prefixes() if prefixes is None else prefixes).get(code, "")
    if kind != "marketing" or not prefix:
        return subject
    start = _MARKS.sub("", subject[: len(prefix) + 16])
    word = _MARKS.sub("", prefix)
    if word and start.startswith(word):
        return subject
    if "AD" in jurisdiction_of(code).marks and _AD.match(_MARKS.sub(" ", subject).lstrip()):
        return subject
    if not word and subject.startswith(prefix):
        return subject
    return prefix + subject
