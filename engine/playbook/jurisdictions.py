"""What the laws of countries ask of marketing mail, as data: one entry a country or union.

Each names its source in words. It is what a sender can check by machine, and no legal advice; where
a country is missing, the strictest entry holds. Nothing here decides anything: `mail_law_checks`
refuses at validate, `engine.runtime.consenting` when a message is about to go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The rules of one country, or of a union of countries.

    Attributes:
        name: as people write it.
        countries: the codes it holds for.
        source: the law, in words.
        consent: `opt-in`: nobody is written to who has not agreed; `opt-out`: until they refuse.
        customers: who has ordered may be written to about the like without having agreed.
        opens: looking who opened a mail needs a consent of its own.
        postal_address: marketing must carry the sender's postal address.
        subject_prefix: what the subject of marketing must begin with.
        marks: what is taken for that beginning, too.
        honored_within: days within which a refusal must be honored; Longplay does it at once.
        records_days: how long the records of sending must be kept; 0: not said.
        remark: what Longplay cannot check.
    """

    name: str
    countries: tuple[str, ...]
    source: str
    consent: Literal["opt-in", "opt-out"]
    customers: bool = False
    opens: bool = False
    postal_address: bool = False
    subject_prefix: str = ""
    marks: tuple[str, ...] = ()
    honored_within: int = 0
    records_days: int = 0
    remark: str = ""


_UNION = (
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV",
    "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO",
)  # fmt: skip

JURISDICTIONS = (
    Jurisdiction(
        "United States", ("US",),
        "CAN-SPAM Act, 15 USC 7704", "opt-out",
        postal_address=True, honored_within=10,
        remark="true headers and subject; business addresses are no exception",
    ),
    Jurisdiction(
        "Canada", ("CA",),
        "CASL, S.C. 2010 c. 23, sections 6, 10 and 11", "opt-in",
        customers=True, postal_address=True, honored_within=10,
        remark="a purchase counts as consent for two years, an inquiry for six months",
    ),
    Jurisdiction(
        "European Union and EEA", _UNION,
        "Directive 2002/58/EC, articles 5(3) and 13; GDPR, articles 6, 7 and 21; on openings: "
        "EDPB guidelines 2/2023 and CNIL deliberation 2026-042", "opt-in",
        customers=True, opens=True,
        remark="customers: only about the like, and told at the order how to refuse; in Germany "
        "and Austria proof is by double opt-in: `proof: confirmed`",
    ),
    Jurisdiction(
        "United Kingdom", ("GB",),
        "PECR 2003, regulations 6 and 22; UK GDPR, articles 6, 7 and 21", "opt-in",
        customers=True, opens=True,
        remark="addresses of companies may be written to until they refuse",
    ),
    Jurisdiction(
        "Switzerland", ("CH",),
        "Federal Act on Unfair Competition, article 3(1)(o)", "opt-in", customers=True,
    ),
    Jurisdiction(
        "China", ("CN",),
        "互联网电子邮件服务管理办法 (order 38 of the Ministry of Information Industry), "
        "articles 13 and 14; 广告法, article 43; 网络安全法, article 21", "opt-in",
        subject_prefix="（广告）", marks=("广告", "AD"), honored_within=30, records_days=180,
        remark="a contact with an e-mail address that works for 30 days: that is `from`",
    ),
    Jurisdiction(
        "Hong Kong", ("HK",),
        "Unsolicited Electronic Messages Ordinance, cap. 593", "opt-out",
        postal_address=True, honored_within=10,
    ),
    Jurisdiction(
        "Japan", ("JP",),
        "特定電子メールの送信の適正化等に関する法律, articles 3 and 4", "opt-in",
        customers=True, postal_address=True,
        remark="the record of a consent is kept while mail is sent, and a month longer",
    ),
    Jurisdiction(
        "South Korea", ("KR",),
        "정보통신망 이용촉진 및 정보보호 등에 관한 법률, article 50", "opt-in",
        customers=True, postal_address=True, subject_prefix="(광고)", marks=("광고",),
        remark="a consent is confirmed again every two years",
    ),
    Jurisdiction(
        "Singapore", ("SG",), "Spam Control Act 2007", "opt-out",
        postal_address=True, honored_within=10,
        remark="bulk mail that nobody asked for begins with <ADV>",
    ),
    Jurisdiction(
        "Australia", ("AU",), "Spam Act 2003, sections 16 to 18", "opt-in",
        customers=True, honored_within=5,
    ),
    Jurisdiction(
        "New Zealand", ("NZ",), "Unsolicited Electronic Messages Act 2007, sections 9 to 11",
        "opt-in", customers=True, honored_within=5,
    ),
    Jurisdiction(
        "Israel", ("IL",), "Communications Law 1982, section 30A", "opt-in",
        customers=True, postal_address=True, subject_prefix="פרסומת: ", marks=("פרסומת",),
    ),
    Jurisdiction(
        "Brazil", ("BR",), "Lei Geral de Proteção de Dados (13.709/2018), articles 7 and 8",
        "opt-in", customers=True,
    ),
    Jurisdiction(
        "South Africa", ("ZA",), "Protection of Personal Information Act 2013, section 69",
        "opt-in", customers=True,
    ),
)  # fmt: skip

STRICTEST = Jurisdiction(
    "any other country", (), "the strictest of the others", "opt-in", opens=True
)
"""What holds where a country has no entry, or is not known."""

_BY_CODE = {code: one for one in JURISDICTIONS for code in one.countries}


def jurisdiction_of(country: str) -> Jurisdiction:
    """The rules for a lead of this country, by its code of two letters."""
    return _BY_CODE.get(country) or _BY_CODE.get(country.strip().upper(), STRICTEST)


def is_known(country: str) -> bool:
    """Whether the country has an entry of its own."""
    return country.strip().upper() in _BY_CODE


@cache
def subject_prefixes() -> Mapping[str, str]:
    """Country → what the subject of marketing must begin with, where the law says so."""
    return {code: one.subject_prefix for code, one in _BY_CODE.items() if one.subject_prefix}
