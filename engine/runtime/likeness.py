"""Are these two leads one person? What they have in common as keys, and how sure that makes. Pure.

Two leads are compared only if they share a key: the address without its variants (`ann+news@`,
dots at Gmail), the number in E.164, or name and company. A variant of an address, a shared number
and a common name are hints, no proof: each says how much, and the reasons are told.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from rapidfuzz import fuzz

from engine.playbook.values import Record, Value

SURE, LIKELY = 85, 50
"""From where on two leads are one with near certainty; and from where on it is worth a look."""

_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_HYPHENS = frozenset({"yahoo.com"})
_SHORTEST_NUMBER = 7
_FORMS = re.compile(
    r"\b(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|plc|gmbh|ag|kg|sa|sas|"
    r"bv|nv|oy|ab|pty|srl|spa|pte|holdings?|group)\b",
    re.I,
)
_FORMS_ZH = re.compile(
    r"(?:集团|控股|股份|有限责任公司|有限公司|责任公司|公司|科技|信息技术|网络技术|技术|（[^）]*）|\([^)]*\))"
)
_PLACES_ZH = re.compile(
    r"^(?:中国|北京市?|上海市?|天津市?|重庆市?|深圳市?|广州市?|杭州市?|南京市?|成都市?|武汉市?|苏州市?|西安市?|\w{2,3}省)"
)
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Likeness:
    """How sure it is that two leads are one, 0 to 100, and what speaks for it and against it."""

    score: int
    reasons: tuple[str, ...]


def keys_of(lead: Record, region: str = "") -> Iterator[tuple[str, str]]:
    """What a lead may share with its duplicates: (kind, value).

    Args:
        lead: its fields.
        region: the country whose numbers are written without a code, such as `CN`.
    """
    email = _text(lead, "email")
    if email:
        yield "email", plain_address(email)
    phone = number_of(_text(lead, "phone"), _text(lead, "country") or region)
    if phone:
        yield "phone", phone
    name, company = name_key(_text(lead, "full_name")), company_key(_text(lead, "company"))
    if name and company:
        yield "name", f"{name}@{company}"[:200]


def likeness(one: Record, other: Record, region: str = "") -> Likeness:
    """How alike two leads are."""
    evidence = list(_evidence(one, other, region))
    doubt = prod(1 - weight for weight, _ in evidence if weight > 0)
    against = prod(1 + weight for weight, _ in evidence if weight < 0)
    score = round(100 * (1 - doubt) * against)
    return Likeness(score, tuple(reason for _, reason in evidence))


def plain_address(email: str) -> str:
    """The address without what makes variants of it: a tag behind `+`, and dots at Gmail."""
    local, _, domain = email.casefold().rpartition("@")
    local = local.partition("-" if domain in _HYPHENS else "+")[0] or local
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


@lru_cache(maxsize=4096)
def number_of(phone: str, region: str = "") -> str:
    """The number in E.164; empty for what is none, such as one without a country."""
    if len(phone) < _SHORTEST_NUMBER:
        return ""
    import phonenumbers  # a large table of all countries, which few processes need

    try:
        found = phonenumbers.parse(phone, region.upper() or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(found):
        return ""
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164))


def name_key(name: str) -> str:
    """A name as it is compared: no case, no accents, Latin words in the order of the alphabet."""
    folded = _folded(name)
    if _is_chinese(folded):
        return _NOT_WORD.sub("", folded)
    return " ".join(sorted(filter(None, _NOT_WORD.split(folded))))


def company_key(name: str) -> str:
    """A company's name as it is compared: without the form of the company and its place."""
    folded = _folded(name)
    if _is_chinese(folded):
        short = _FORMS_ZH.sub("", _PLACES_ZH.sub("", folded))
        return _NOT_WORD.sub("", short) or _NOT_WORD.sub("", folded)
    return _NOT_WORD.sub("", _FORMS.sub(" ", folded)) or _NOT_WORD.sub("", folded)


def _evidence(one: Record, other: Record, region: str) -> Iterator[tuple[float, str]]:
    yield from _addresses(_text(one, "email"), _text(other, "email"))
    numbers = [number_of(_text(each, "phone"), _text(each, "country") or region)
               for each in (one, other)]  # fmt: skip
    if all(numbers):
        same = numbers[0] == numbers[1]
        yield (0.75, f"the same phone number, {numbers[0]}") if same else (-0.1, "other numbers")
    yield from _names(one, other)
    companies = [company_key(_text(each, "company")) for each in (one, other)]
    if all(companies):
        near = fuzz.ratio(*companies) >= 88
        yield (0.45, "the same company") if near else (-0.25, "other companies")
    for name, weight in (("city", 0.1), ("title", 0.15)):
        if _text(one, name) and _folded(_text(one, name)) == _folded(_text(other, name)):
            yield weight, f"the same {name}"
    birthdays = one.get("birthday"), other.get("birthday")
    if all(birthdays):
        same = birthdays[0] == birthdays[1]
        yield (0.6, "the same birthday") if same else (-0.8, "other birthdays")


def _addresses(one: str, other: str) -> Iterator[tuple[float, str]]:
    if not (one and other):
        return
    if plain_address(one) == plain_address(other):
        yield 0.85, f"addresses that reach one mailbox, {one} and {other}"
    elif one.partition("@")[0].casefold() == other.partition("@")[0].casefold():
        yield 0.3, f"the same name before the @, '{one.partition('@')[0]}'"


def _names(one: Record, other: Record) -> Iterator[tuple[float, str]]:
    keys = [name_key(_text(each, "full_name")) for each in (one, other)]
    if not all(keys):
        return
    if keys[0] == keys[1]:
        # Two characters are the name of many thousands; three of many fewer.
        common = _is_chinese(keys[0]) and len(keys[0]) <= 2
        yield (0.45 if common else 0.6), "the same name"
    elif fuzz.ratio(*keys) >= 85:
        yield 0.4, "nearly the same name"
    else:
        yield -0.35, "other names"


def _text(lead: Record, name: str) -> str:
    value: Value = lead.get(name)
    return value.strip() if isinstance(value, str) else ""


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(char for char in plain if not unicodedata.combining(char)).strip()


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)
