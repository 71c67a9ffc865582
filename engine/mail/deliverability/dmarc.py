"""DMARC (RFC 9989): the policy that holds for a domain, its organization, and what aligns.

The organization is found by walking up the DNS, as that standard has it: no list of public
suffixes is needed, and none grows old.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.mail.deliverability.resolver import Resolver

_MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record: whose, and what its tags say."""

    domain: str
    tags: Mapping[str, str]
    record: str

    def wish(self, of: str) -> str:
        """What to do with mail that fails: `none`, `quarantine` or `reject`."""
        below = self.tags.get("sp", "") if of != self.domain else ""
        return (below or self.tags.get("p", "none")).lower()

    def is_strict(self, how: Literal["aspf", "adkim"]) -> bool:
        """Whether domains must be the same, not only of one organization."""
        return self.tags.get(how, "r").lower() == "s"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a domain.

    Attributes:
        policy: what holds for it; None: it has none.
        organization: the domain that it belongs to; itself, when nothing is published.
        doubled: domains with several records, so that none holds.
    """

    policy: Policy | None
    organization: str
    doubled: tuple[str, ...] = ()


def dmarc_of(resolver: Resolver, domain: str) -> Found:
    """The policy of a domain: its own, else its organization's.

    Raises:
        Unanswered: the DNS did not answer.
    """
    domain = domain.lower().rstrip(".")
    found: list[Policy] = []
    doubled = []
    for name in _upward(domain):
        policies = _records(resolver, name)
        if len(policies) > 1:
            doubled.append(name)
        if len(policies) == 1:
            found.append(policies[0])
            if policies[0].tags.get("psd", "").lower() in ("n", "y"):
                break
    organization = _organization(domain, found)
    own = [one for one in found if one.domain == domain]
    above = [one for one in found if one.domain == organization] or found[-1:]
    return Found(next(iter(own + above), None), organization, tuple(doubled))


def _organization(domain: str, found: list[Policy]) -> str:
    if not found:
        return domain
    top = found[-1].domain
    if found[-1].tags.get("psd", "").lower() == "y" and top != domain:
        labels = domain.split(".")
        return ".".join(labels[-(top.count(".") + 2) :])
    return top


def _upward(domain: str) -> Iterator[str]:
    """The domain, then those above it; of a very deep one the seven upper labels follow."""
    labels = domain.split(".")
    yield domain
    labels = labels[1:] if len(labels) <= _MOST_LABELS else labels[-(_MOST_LABELS - 1) :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def _records(resolver: Resolver, domain: str) -> list[Policy]:
    found = []
    for text in resolver.txt(f"_dmarc.{domain}"):
        tags = tags_of(text)
        if next(iter(tags), "") == "v" and tags["v"] == "DMARC1":
            found.append(Policy(domain, tags, text))
    return found


def tags_of(text: str) -> dict[str, str]:
    """`a=b; c=d` as DKIM and DMARC write it; the first of two with one name."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def aligned(resolver: Resolver, author: str, other: str, *, strict: bool) -> bool:
    """Whether a domain that SPF or DKIM speaks for stands for the author's.

    Raises:
        Unanswered: the DNS did not answer.
    """
    author, other = author.lower(), other.lower()
    if author == other:
        return True
    if strict:
        return False
    mine, theirs = dmarc_of(resolver, author), dmarc_of(resolver, other)
    if mine.policy is None:
        return author.endswith(f".{other}") or other.endswith(f".{author}")
    return mine.organization == theirs.organization
