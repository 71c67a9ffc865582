"""What the compiler must know of a mail template; it never opens one.

Whoever can read templates (the mail adapter) states these facts; the compiler judges them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TemplateName:
    """A dotted name that a template reads from its surroundings, and where.

    `guarded` says that the author thought of its absence; `printed`, that it goes into the mail.
    """

    name: str
    line: int
    file: str = ""
    printed: bool = True
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """Why a template cannot be used, and where."""

    message: str
    line: int = 1
    file: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """One template: NAME.html with all its languages, and whatever they include.

    `digests` holds every file the mail needs, by its name below the template folder: a plan pins
    them. `file` is NAME.html itself.
    """

    file: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    has_subject: bool = True
    has_unsubscribe_link: bool = True
    names: tuple[TemplateName, ...] = ()
    faults: tuple[TemplateFault, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files the mail needs."""
        return tuple(sorted(self.digests))


GLOBALS = frozenset(
    (
        "confirm_url",
        "content",
        "data",
        "language",
        "message",
        "preferences_url",
        "sender",
        "subject",
        "unsubscribe_url",
        "view_url",
        "workspace",
    )
)
"""Names that every mail has besides the record's own; `data` holds the step's `data:`."""
