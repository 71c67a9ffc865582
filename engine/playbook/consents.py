"""`consent:` in `longplay.yaml`: when marketing waits for a consent, and the text that is shown."""

from typing import Literal

from pydantic import Field

from engine.playbook.fields import ByLanguage, Frozen, Text

DEFAULT_VERSION = "longplay-1"
"""The version of the texts that Longplay brings along."""


class ConsentTexts(Frozen):
    """What a lead agrees to, in its own language."""

    marketing: ByLanguage | None = Field(
        None, description="to marketing mail; left out: Longplay's own sentence"
    )
    open_tracking: ByLanguage | None = Field(
        None, description="to our seeing that a mail is opened; left out: Longplay's own sentence"
    )


class ConsentRules(Frozen):
    """When marketing mail needs a consent on record, and what is shown to whoever is asked.

    Without the section the sender answers for consents that Longplay does not know.
    """

    needed: Literal["by-law", "always", "assumed"] = Field(
        "by-law",
        description="`by-law`: where the law of the lead's country asks for it, and where the "
        "country is not known; `always`; `assumed`: never looked at, the sender has it elsewhere",
    )
    proof: Literal["given", "confirmed"] = Field(
        "given", description="`confirmed`: only what was confirmed from the lead's own mailbox"
    )
    version: Text = Field(
        DEFAULT_VERSION, description="of the texts; it is kept with every consent"
    )
    texts: ConsentTexts = Field(
        default_factory=ConsentTexts, description="what is shown, by language"
    )


ASSUMED = ConsentRules(needed="assumed")
"""How it is without the section."""
