"""Countries and languages as people write them, as the codes that conditions compare with."""

import re
from functools import cache

from babel import Locale, UnknownLocaleError, parse_locale

_NAMED_IN = ("en", "zh", "zh_Hant", "de", "fr", "es", "ja")
_ALSO = {
    "prc": "CN", "p.r.china": "CN", "mainland china": "CN", "中国大陆": "CN",
    "中华人民共和国": "CN",
    "usa": "US", "u.s.a.": "US", "u.s.": "US", "united states of america": "US", "america": "US",
    "uk": "GB", "u.k.": "GB", "great britain": "GB", "england": "GB", "korea": "KR", "韩国": "KR",
    "hong kong": "HK", "香港": "HK", "中国香港": "HK", "macau": "MO", "macao": "MO", "澳门": "MO",
    "taiwan": "TW", "台湾": "TW", "中国台湾": "TW", "russia": "RU", "vietnam": "VN", "uae": "AE",
}  # fmt: skip
_LANGUAGES_ALSO = {
    "chinese": "zh-CN", "中文": "zh-CN", "汉语": "zh-CN", "简体": "zh-CN", "简体中文": "zh-CN",
    "simplified chinese": "zh-CN", "普通话": "zh-CN", "zh": "zh", "繁体": "zh-TW",
    "繁体中文": "zh-TW", "繁體中文": "zh-TW", "traditional chinese": "zh-TW", "英文": "en",
    "日文": "ja", "韩文": "ko", "德文": "de", "法文": "fr", "俄文": "ru",
}  # fmt: skip
_TAG = re.compile(r"[a-z]{2,3}(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?\Z", re.IGNORECASE)


def country_code(text: str) -> str:
    """The two-letter code of a country, or the text as it is when it names none that is known."""
    wanted = text.strip()
    if len(wanted) == 2 and wanted.isascii() and wanted.isalpha():
        return "GB" if wanted.upper() == "UK" else wanted.upper()
    return _countries().get(wanted.casefold(), wanted)


def language_tag(text: str) -> str:
    """The tag of a language, such as zh-CN, or the text as it is when it names none."""
    wanted = text.strip()
    known = _LANGUAGES_ALSO.get(wanted.casefold()) or _languages().get(wanted.casefold())
    if known:
        return known
    if not _TAG.match(wanted):
        return wanted
    try:
        language, territory, script, *_ = parse_locale(wanted.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return wanted
    return "-".join(part for part in (language, script, territory) if part)


@cache
def _countries() -> dict[str, str]:
    found = {}
    for code_of in reversed(_NAMED_IN):
        for code, name in Locale.parse(code_of).territories.items():
            if len(code) == 2 and code.isalpha() and code not in {"ZZ", "EU", "EZ", "UN"}:
                found[name.casefold()] = code
    return found | _ALSO


@cache
def _languages() -> dict[str, str]:
    found = {}
    for code_of in reversed(_NAMED_IN):
        for code, name in Locale.parse(code_of).languages.items():
            if len(code) in {2, 3}:
                found[name.casefold()] = code
    return found
