"""What a mail carries: the pictures of its page, and its attachments in the reader's language.

The parts are made once and kept: they are the same in every mail of a step.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from engine.mail.attachments import Attachment
from engine.mail.pictures import content_id
from engine.mail.sources import language_chain
from engine.playbook.templates import in_languages

_KEPT = 32


def enclosed(
    files: Mapping[str, bytes],
    pictures: Sequence[str],
    attached: Sequence[str],
    languages: Sequence[str],
) -> tuple[Attachment, ...]:
    """The files of one mail.

    Args:
        files: everything there is to carry, by name.
        pictures: the names of those that the page shows.
        attached: the names of those that are attached, as the step writes them.
        languages: the reader's, from most to least wanted.
    """
    shown = [_picture(name, files[name]) for name in pictures]
    chosen = [(name, in_language(name, files, languages)) for name in attached]
    return (*shown, *(_file(name, files[one]) for name, one in chosen if one))


def in_language(name: str, files: Mapping[str, bytes], languages: Sequence[str]) -> str:
    """Which of the files is `name` for these languages; empty when there is none."""
    found = {tag.lower().replace("_", "-"): one for one, tag in in_languages(name, files).items()}
    return next((found[tag] for tag in (*language_chain(languages), "") if tag in found), "")


@lru_cache(maxsize=_KEPT)
def _picture(name: str, content: bytes) -> Attachment:
    return Attachment(name.rpartition("/")[2], content, cid=content_id(name))


@lru_cache(maxsize=_KEPT)
def _file(name: str, content: bytes) -> Attachment:
    return Attachment(name.rpartition("/")[2], content)
