"""Which company a lead belongs to: by the domain of its address, else by the company's name. Pure.

A domain is a company's for certain, and so is each below it; a mailbox that anybody can have tells
nothing. Names meet when they differ in their spelling and their legal form alone: where a name says
one thing and a domain another, the domain is believed.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import idna
from rapidfuzz import fuzz

from engine.errors import InputError
from engine.runtime.free_mail import FREE_MAIL, NOBODYS
from engine.runtime.likeness import company_key

LONGEST_NAME = 200

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_NOT_WORD = re.compile(r"[\W_]+")
_FORMS = re.compile(
    r"[\s,]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|plc|gmbh|ag|kg|"
    r"s\.?a|s\.?a\.?s|bv|nv|oy|ab|pty|s\.?r\.?l|s\.?p\.?a|pte|k\.?k)\b\.?",
    re.I,
)
_FORMS_ZH = re.compile(r"(?:股份有限公司|有限责任公司|有限公司|责任公司|股份公司|公司)$")
_IN_BRACKETS = re.compile(r"[（(]([^()（）]*)[)）]")


@dataclass(frozen=True, slots=True)
class Company:
    """A company as far as belonging to it is concerned."""

    id: str
    name: str
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What of a lead says whose it is.

    Attributes:
        domains: of its address and above that, the longest first; none of a free mailbox.
        name: the company's name as it was written, and `key` as it is compared.
    """

    domains: tuple[str, ...] = ()
    name: str = ""
    key: str = ""

    @property
    def keys(self) -> Iterator[str]:
        """What a company may be known by, the surest first."""
        yield from map(domain_key, self.domains)
        if self.key:
            yield name_key(self.key)


@dataclass(slots=True)
class Placing:
    """Leads on their way to their companies, some of which are new.

    Args:
        known: key (of a domain or a name) → the company's id.
        companies: those companies.
        make: makes an id.
    """

    known: dict[str, str]
    companies: dict[str, Company]
    make: Callable[[], str]
    new: dict[str, Company] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def place(self, signs: Signs) -> str | None:
        """The company of a lead; None: nothing says which."""
        by_domain = next((self.known[key] for key in map(domain_key, signs.domains)
                          if key in self.known), None)  # fmt: skip
        if by_domain is not None:
            self._learn_name(by_domain, signs)
            return by_domain
        by_name = self.known.get(name_key(signs.key)) if signs.key else None
        if by_name is not None and (not signs.domains or self._learn_domain(by_name, signs)):
            return by_name
        return self._found(signs) if signs.domains or signs.key else None

    def _found(self, signs: Signs) -> str:
        domain = signs.domains[0] if signs.domains else None
        company = Company(self.make(), signs.name or spoken(domain or ""), domain)
        self.new[company.id] = self.companies[company.id] = company
        if signs.key:
            self._know(name_key(signs.key), company.id)
        if domain:
            self._know(domain_key(domain), company.id)
        return company.id

    def _learn_name(self, id: str, signs: Signs) -> None:
        """A company that is known by its domain alone is called as the first lead says."""
        company = self.companies[id]
        if signs.key and company.domain and company.name == spoken(company.domain):
            self._change(replace(company, name=signs.name))
            self._know(name_key(signs.key), id)

    def _learn_domain(self, id: str, signs: Signs) -> bool:
        """A company without a domain gets the first; one with another is another company."""
        company = self.companies[id]
        if company.domain is not None:
            return False
        self._change(replace(company, domain=signs.domains[0]))
        self._know(domain_key(signs.domains[0]), id)
        return True

    def _change(self, company: Company) -> None:
        self.companies[company.id] = company
        if company.id in self.new:
            self.new[company.id] = company
        else:
            self.changed.add(company.id)

    def _know(self, key: str, id: str) -> None:
        if key not in self.known:
            self.known[key] = self.keys[key] = id


@lru_cache(maxsize=4096)
def signs_of(key: str | None, name: str | None) -> Signs:
    """What the key of an address and the name of a company say."""
    called = " ".join((name or "").split())[:LONGEST_NAME].strip()
    folded = folded_name(called)
    if folded in NOBODYS or len(folded) < 2:
        called = folded = ""
    domain = (key or "").rpartition("@")[2]
    return Signs(_above(domain) if domain and not is_free(domain) else (), called, folded)


def is_free(domain: str) -> bool:
    """Whether anybody can have a mailbox there."""
    return domain in FREE_MAIL


def domain_key(domain: str) -> str:
    """What a company is known by that has this domain."""
    return f"domain:{domain}"


def name_key(key: str) -> str:
    """What a company is known by that has this name, folded."""
    return f"name:{key}"


@lru_cache(maxsize=4096)
def folded_name(name: str) -> str:
    """A name without its spelling and its legal form: `Acme Co., Ltd.` and `ACME` are one.

    The place and the trade in a Chinese name stay: 上海西湖云 is not 北京西湖云.
    """
    plain = unicodedata.normalize("NFKC", name)
    chinese = any("\u4e00" <= char <= "\u9fff" for char in plain)
    if chinese:
        plain = _IN_BRACKETS.sub(r"\1", plain)
        short = _FORMS_ZH.sub("", plain.strip()) or plain
    else:
        short = _FORMS.sub(" ", plain) or plain
    decomposed = unicodedata.normalize("NFKD", short).casefold()
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _NOT_WORD.sub("", letters)


def read_domain(text: str) -> str:
    """A company's domain as people write it: `https://www.acme.example/about` is `acme.example`.

    Raises:
        InputError: it is none, or that of a mailbox provider.
    """
    wanted = unicodedata.normalize("NFKC", text).strip().casefold()
    wanted = wanted.partition("://")[2] or wanted
    wanted = re.split(r"[/?#:]", wanted.rpartition("@")[2] or wanted)[0]
    wanted = wanted.removeprefix("www.").rstrip(".")
    try:
        found = wanted if wanted.isascii() else idna.encode(wanted, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        found = ""
    labels = found.split(".")
    if len(labels) < 2 or len(found) > 253 or not all(map(_LABEL.match, labels)):
        raise InputError(f"'{text[:80]}' is no domain", help="it must look like acme.example")
    if is_free(found):
        raise InputError(
            f"'{found}' is a mailbox provider's domain, no company's",
            help="leave it out, or give the company's own",
        )
    return found


def spoken(domain: str) -> str:
    """A domain as people read it."""
    try:
        return idna.decode(domain) if "xn--" in domain else domain
    except (idna.IDNAError, UnicodeError):
        return domain


def alike(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[int, tuple[str, ...]]:
    """How sure it is that two companies are one, 0 to 100, and why: by `name` and `domain`."""
    names = [company_key(str(each.get("name") or "")) for each in (one, other)]
    labels = [main_label(str(each.get("domain") or "")) for each in (one, other)]
    doubt, reasons = 1.0, list[str]()
    if all(names) and names[0] == names[1]:
        doubt, reasons = doubt * 0.2, [*reasons, "the same name but for its form or place"]
    elif all(names) and fuzz.ratio(*names) >= 88:
        doubt, reasons = doubt * 0.4, [*reasons, "nearly the same name"]
    if all(labels) and labels[0] == labels[1]:
        doubt, reasons = doubt * 0.3, [*reasons, "the same domain but for its ending"]
    elif all(labels):
        doubt, reasons = 1 - (1 - doubt) * 0.8, [*reasons, "other domains"]
    return round(100 * (1 - doubt)), tuple(reasons)


def main_label(domain: str) -> str:
    """What a domain is without its ending: `acme` of acme.example and of acme.com.cn."""
    labels = domain.split(".")
    if len(labels) < 2:
        return ""
    is_second = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND
    return labels[-3] if is_second else labels[-2]


_SECOND = frozenset(("com", "co", "net", "org", "gov", "edu", "ac", "or", "ne", "go", "gob"))


def _above(domain: str) -> tuple[str, ...]:
    labels = domain.split(".")
    return tuple(".".join(labels[at:]) for at in range(len(labels) - 1))
