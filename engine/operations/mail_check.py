"""Checking mails as they will be read: each language of a template, made for a lead, and judged.

What validate says of a template's files is said here, too; everything else is a warning, because
only its author knows who reads it where.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from engine.errors import LongplayError
from engine.mail.errors import TemplateError
from engine.mail.page_checks import Flaw, check_page
from engine.mail.pictures import as_data, content_id
from engine.mail.sources import PAGES, Sources, file_name
from engine.operations.editions import TEMPLATES
from engine.operations.mail_preview import Preview, Reader, Shelf, Use, preview
from engine.playbook.compile import compile_playbook
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.lexicon import Lexicon
from engine.playbook.source import parse
from engine.playbook.templates import TemplateFacts

_FOLDER = f"{TEMPLATES.as_posix()}/"
_SHORTEST = 4


def check_mail(
    shelf: Shelf,
    template: str,
    facts: Mapping[str, TemplateFacts],
    said: Sequence[Diagnostic],
    readers: Mapping[str, Reader],
    now: datetime,
) -> list[Diagnostic]:
    """Everything that is wrong with a template, in all its languages.

    Args:
        shelf: where it is.
        template: its name.
        facts: what is known of every template.
        said: what validate says of the workspace.
        readers: who it is looked at for, by the language of the file; `""` for any other.
        now: the moment.

    Raises:
        NotFoundError: there is no such template.
    """
    uses = [shelf.use(template, one.name) for one in shelf.uses.get(template, ())]
    use = uses[0] if uses else shelf.use(template)
    own = facts[template]
    files = frozenset(_FOLDER + file for file in own.files)
    findings = Findings()
    findings.extend(one for one in said if one.file in files)
    if not use.name:
        findings.extend(one for one in _names(shelf, template, facts) if one.file in files)
    if not own.faults:
        for file in Sources(shelf.texts).variants(template):
            if file.endswith(PAGES):
                findings.extend(_language(shelf, use, file, own, readers, now))
    return list(findings)


def _names(shelf: Shelf, template: str, facts: Mapping[str, TemplateFacts]) -> Iterator[Diagnostic]:
    """What would be said of a template that no playbook sends yet, if one did."""
    text = f"playbook: check\nenroll: {{when: [manual]}}\nsteps:\n  - email: {template}\n"
    findings = Findings()
    document = parse(text.encode(), "playbooks/check.yaml", findings)
    if document is None:
        return
    lexicon = Lexicon(shelf.current.workspace)
    for one in compile_playbook(document, lexicon, facts).diagnostics:
        if one.rule in ("email-without-unsubscribe", "email-without-subject"):
            file = _FOLDER + facts[template].file
            yield Diagnostic(one.rule, one.message, one.help, file, severity="warning")
        else:
            yield one


def _language(
    shelf: Shelf,
    use: Use,
    file: str,
    own: TemplateFacts,
    readers: Mapping[str, Reader],
    now: datetime,
) -> Iterator[Diagnostic]:
    """What is wrong with one language of a template."""
    parts = file_name(file)
    language = parts.language if parts else ""
    reader = readers.get(language) or readers[""]
    try:
        seen = preview(shelf, use, _reading(reader, language), now=now)
    except TemplateError as error:
        place = _FOLDER + (error.file or file)
        yield Diagnostic("no-sample", error.fault, error.help, place, max(error.line, 1))
        return
    except LongplayError as error:
        yield Diagnostic("no-sample", error.message, error.help, _FOLDER + file)
        return
    if seen.file != file:
        return
    named = {content_id(name): f"cid:{name}" for name in own.pictures}
    for flaw in check_page(as_data(seen.mail.html, named), seen.mail.text):
        yield _placed(flaw, shelf.texts, file, own.files)
    yield from _missing(seen, shelf.texts, file, own.files)


def _reading(reader: Reader, language: str) -> Reader:
    """The reader, as one who reads this language; any language that has no file of its own."""
    lead = {**reader.lead, "language": language or "und"}
    return Reader(lead, reader.deal, reader.history, reader.is_sample)


def _missing(
    seen: Preview, texts: Mapping[str, str], file: str, files: Sequence[str]
) -> Iterator[Diagnostic]:
    if seen.reader.is_sample:
        return
    for name in seen.missing:
        flaw = Flaw(
            "prints-nothing",
            f"'{name}' prints nothing for {seen.reader.name}",
            f"write {{{{ {name} | default('…') }}}}, or fill it in",
            name,
        )
        yield _placed(flaw, texts, file, files)


def _placed(flaw: Flaw, texts: Mapping[str, str], file: str, files: Sequence[str]) -> Diagnostic:
    """A finding at the line of the template that it comes from, as far as that can be told."""
    shared = sorted((one for one in files if one != file), key=lambda one: -_nearness(one, file))
    order = [file, *(one for one in shared if _nearness(one, file))]
    for sought in (flaw.sought, *_longest_words(flaw.sought)):
        for one in order:
            at = texts.get(one, "").find(sought) if sought else -1
            if at >= 0:
                before = texts[one][:at]
                column = at - (before.rfind("\n") + 1) + 1
                return _warning(flaw, one, before.count("\n") + 1, column)
    return _warning(flaw, file, 1, 1)


def _nearness(other: str, file: str) -> int:
    """How likely a layout or a part stands in a page: 2 in the same language, 0 in another one."""
    mine, its = file_name(file), file_name(other)
    if mine is None or its is None or its.language not in ("", mine.language):
        return 0
    return 2 if its.language == mine.language else 1


def _longest_words(sought: str) -> list[str]:
    return sorted((one for one in sought.split() if len(one) >= _SHORTEST), key=len, reverse=True)


def _warning(flaw: Flaw, file: str, line: int, column: int) -> Diagnostic:
    place = _FOLDER + file
    return Diagnostic(flaw.rule, flaw.message, flaw.help, place, line, column, severity="warning")
