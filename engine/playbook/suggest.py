"""'Did you mean': the nearest known name to one that was misspelt."""

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

CUTOFF = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be."""
    found = process.extractOne(
        name, list(known), scorer=OSA.normalized_similarity, score_cutoff=CUTOFF
    )
    return str(found[0]) if found else None


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """`did you mean 'x'?`, or the known names if they are few, or `otherwise`."""
    names = sorted(set(known))
    guess = nearest(name, names)
    if guess is not None:
        return f"did you mean '{guess}'?"
    if names and len(names) <= 12:
        return f"known: {', '.join(names)}"
    return otherwise
