"""What is known of one rule."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["file", "steps", "playbook", "playbooks", "condition", "workspace", "mail", "none"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of validate.

    Args:
        name: kebab-case; it names the fault, and never changes.
        meaning: what is wrong, and why that matters.
        wrong: an example that breaks it.
        right: the example mended; empty when there is nothing to show.
        place: what the examples are: a whole file, steps, the keys of a playbook beside its steps,
            a condition, a workspace, two playbooks with `---` between them, or a mail template;
            `none` cannot be shown as text.
    """

    name: str
    meaning: str
    wrong: str = ""
    right: str = ""
    place: Place = "steps"
