"""What a misspelt name was probably meant to be; it knows no vocabulary of its own."""

from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA


def closest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that `name` most likely misspells, or None when none is near."""
    choices = sorted(known)
    folded = [choice.lower() for choice in choices]
    found = process.extractOne(
        name.lower(), folded, scorer=OSA.normalized_similarity, score_cutoff=cutoff
    )
    return choices[found[2]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The help for a misspelt `name`: the closest known one, else what there is to choose from."""
    choices = sorted(known)
    near = closest(name, choices)
    if near is not None:
        return f"did you mean '{near}'?"
    if not choices:
        return "there is none yet"
    shown = ", ".join(choices[:12])
    return f"one of: {shown}{', …' if len(choices) > 12 else ''}"
