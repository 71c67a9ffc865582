"""The value that everything which comes back becomes."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_DETAIL = 300


class Kind(StrEnum):
    """What came back."""

    HARD_BOUNCE = "hard_bounce"
    """The address is no good: nothing more should go there."""
    SOFT_BOUNCE = "soft_bounce"
    """The mail was not delivered, but the address may be good."""
    DELAYED = "delayed"
    """Somebody still tries; nothing is decided."""
    COMPLAINT = "complaint"
    """The recipient reported the mail as spam."""
    REPLY = "reply"
    """A person answered."""
    AUTO_REPLY = "auto_reply"
    """A machine answered: out of office, or a question whether we are a person."""
    UNRELATED = "unrelated"
    """Nothing to do with a mail of ours."""


@dataclass(frozen=True, slots=True)
class Returned:
    """One thing that came back.

    Attributes:
        kind: what it is.
        key: tells it from every other, and is the same when it comes a second time.
        job: the job that a signed return path names; empty: none does.
        message_ids: Message-IDs, with angle brackets, of which one may be ours; likeliest first.
        recipient: the address it is about, as it was said; empty: not said.
        status: the enhanced code, such as `5.1.1`.
        cause: more exactly: a class of rejection or deferral, `abuse`, `challenge`.
        detail: what was said, in one short line.
        is_vouched: whether a provider's signature vouches for it: then the recipient's address
            says enough when no message is named.
    """

    kind: Kind
    key: str
    job: str = ""
    message_ids: tuple[str, ...] = ()
    recipient: str = ""
    status: str = ""
    cause: str = ""
    detail: str = ""
    is_vouched: bool = False

    def about(self, detail: str) -> "Returned":
        """The same with what was said, in one line of bounded length."""
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in detail).split())
        return replace(self, detail=line[:MOST_DETAIL])


def key_of(*parts: str | bytes) -> str:
    """A key for a thing that these parts identify."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()[:32]
