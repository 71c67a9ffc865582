"""How the notice of a letter is told: its language and zone, and the buttons in it.

A button's address is signed, and says whom the message went to: who presses it is who did it.
"""

from engine.mail.links import ActionLink, LinkSigner
from engine.operations.gathering import manner_of
from engine.operations.saying import CHOICES, LASTS, Telling
from engine.operations.windows import Letter

ROOM = "#"
"""What the name of a room begins with, where people's names stand too."""


def telling_of(letter: Letter, signer: LinkSigner | None, public_url: str) -> Telling:
    """How this letter is told; without a signer it has no buttons."""
    recipient = letter.recipient
    by = recipient.owner or (f"{ROOM}{recipient.channel}" if recipient.channel else "")
    # A mail that goes again is the same to the byte: nothing in it goes by the attempt's time.
    told_at = letter.told_at or letter.created_at

    def link(task: str, choice: str) -> str:
        if signer is None:
            raise RuntimeError("a button needs a signer")
        made = ActionLink(task, CHOICES.index(choice), by[:60], told_at + LASTS)
        return f"{public_url}/a/{signer.action_token(made)}"

    current = letter.current
    return Telling(
        current.workspace.language,
        manner_of(current, recipient.owner).zone,
        told_at,
        link if signer is not None and public_url else None,
        f"{public_url}/notices?job={letter.job}" if public_url else "",
    )
