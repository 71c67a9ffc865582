"""Text that follows a standard: addresses, countries, currencies, time zones and languages.

As in `written`: what was written is taken as it is, or what is wrong with it is said.
"""

import re
from functools import lru_cache
from zoneinfo import available_timezones

from engine.playbook.countries import COUNTRIES
from engine.playbook.spelling import closest
from engine.playbook.written import filled, flaw, text

_ADDRESS = re.compile(r"(?:[^<>]*<)?\s*[^\s<>@,;]+@[^\s<>@,;]+\.[^\s<>@,;.]+\s*>?\Z")


def address(value: object) -> str:
    """An address of mail, with or without a name before it; `${NAME}` is read when used."""
    found = filled(value)
    is_one = _ADDRESS.match(found.strip()) and ("<" in found) == found.rstrip().endswith(">")
    if not is_one and "${" not in found:
        hint = "write it like `hello@acme.example`, or `Acme <hello@acme.example>` in quotes"
        raise flaw("bad-address", f"'{found}' is no address of mail", hint)
    return found


def sender(value: object) -> str:
    """The same, where parts may come from a template."""
    found = filled(value)
    return found if "{{" in found else address(found)


_LOOSE_COUNTRIES = {"CHINA": "CN", "中国": "CN", "USA": "US", "UK": "GB", "JAPAN": "JP"}


def country(value: object) -> str:
    """A country, by its code of two letters."""
    found = text(value)
    if found not in COUNTRIES:
        upper = found.strip().upper()
        guess = upper if upper in COUNTRIES else _LOOSE_COUNTRIES.get(upper, "")
        hint = f"did you mean '{guess}'?" if guess else "write its two letters, such as `CN`"
        raise flaw("unknown-country", f"no country '{found}'", hint)
    return found


_LOOSE_CURRENCIES = {"RMB": "CNY", "YUAN": "CNY", "元": "CNY", "人民币": "CNY", "¥": "CNY",
                     "$": "USD", "€": "EUR", "EURO": "EUR", "DOLLAR": "USD"}  # fmt: skip


def currency(value: object) -> str:
    """A currency, by its code of three letters."""
    found = text(value)
    guess = _LOOSE_CURRENCIES.get(found.strip().upper(), "")
    if guess or not re.match(r"[A-Z]{3}\Z", found):
        hint = f"write `{guess}`" if guess else "write its three letters, such as `CNY`"
        raise flaw("bad-currency", f"'{found}' is no currency", hint)
    return found


def timezone(value: object) -> str:
    """An IANA zone; `lead` is the record's own."""
    found = text(value)
    if found == "lead" or found in _zones():
        return found
    near = closest(found, _zones())
    hint = f"did you mean '{near}'?" if near else "write it like `Asia/Shanghai`, with the city"
    raise flaw("unknown-timezone", f"no time zone '{found}'", hint)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


_NO_LANGUAGES = {"cn": "zh-CN", "tw": "zh-TW", "hk": "zh-HK", "jp": "ja", "us": "en-US"}


def language(value: object) -> str:
    """A language tag such as `en` or `zh-CN`."""
    found = text(value)
    if found in _NO_LANGUAGES:
        message = f"'{found}' is a country, not a language"
        raise flaw("bad-language", message, f"write `{_NO_LANGUAGES[found]}`")
    if not re.match(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?\Z", found):
        hint = "write it like `en`, `zh-CN` or `zh-Hant-TW`"
        raise flaw("bad-language", f"'{found}' is no language", hint)
    return found


def by_language(value: object) -> str | dict[str, str]:
    """One text, or one for each language."""
    if isinstance(value, dict):
        return {language(key): filled(item) for key, item in value.items()}
    return filled(value)
