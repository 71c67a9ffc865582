"""What the compiler must know of a mail template; it never opens one.

Whoever can read templates (the mail adapter) states these facts; the compiler judges them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TEXTS = (".html", ".txt", ".mjml")
MOST_FILE = 5_000_000
MOST_OF_A_MAIL = 7_000_000
"""Bytes of all files of a mail: ten megabytes on the wire, which most servers take."""

REFUSED = (
    ".ade", ".adp", ".apk", ".appx", ".bat", ".cab", ".chm", ".cmd", ".com", ".cpl", ".dll", ".dmg",
    ".exe", ".hta", ".ins", ".iso", ".jar", ".js", ".jse", ".lib", ".lnk", ".mde", ".msc", ".msi",
    ".msp", ".mst", ".nsh", ".pif", ".ps1", ".scr", ".sct", ".shb", ".sys", ".vb", ".vbe", ".vbs",
    ".vxd", ".wsc", ".wsf", ".wsh",
)  # fmt: skip
"""Endings that Gmail, Outlook and QQ refuse, with the whole mail."""

_LANGUAGE = r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*"


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
    rule: str = "template-syntax"


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file beside the templates, such as a picture; `size` is in bytes.

    The digest is of its content; empty when the file is too large to be read.
    """

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """One template: NAME.html with all its languages, and whatever they include.

    `digests` holds every file the mail needs, by its name below the template folder: a plan pins
    them. `file` is NAME.html itself; `pictures` are those of them that the mail shows, and `beside`
    is every file there is for any mail to carry.
    """

    file: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    beside: Mapping[str, FileFact] = field(default_factory=dict)
    has_subject: bool = True
    has_unsubscribe_link: bool = True
    names: tuple[TemplateName, ...] = ()
    faults: tuple[TemplateFault, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files the mail needs."""
        return tuple(sorted(self.digests))

    def carried(self, names: Iterable[str]) -> dict[str, str]:
        """What a plan pins for files to attach: each in all its languages, with its digest."""
        found = {one for name in names for one in in_languages(name, self.beside)}
        return {one: self.beside[one].digest for one in sorted(found)}


def is_template(name: str) -> bool:
    """Whether a file is a text that is filled in; any other goes with mails as it is."""
    return name.lower().endswith(TEXTS)


def in_languages(name: str, names: Iterable[str]) -> dict[str, str]:
    """Of `names` the file `name` and its languages, as in `prices.zh-CN.pdf`: name → language."""
    stem, dot, ending = name.rpartition(".")
    form = re.compile(rf"{re.escape(stem)}\.({_LANGUAGE}){re.escape(dot + ending)}\Z")
    found = {one: match[1] for one in names if (match := form.match(one))} if stem else {}
    return found | {one: "" for one in names if one == name}


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
