"""What a mail must have before it may be sent: a subject, a way out, names that exist."""

from collections.abc import Mapping

from engine.playbook.actions import EmailParams
from engine.playbook.conditions.vocabulary import Kind, ValueType
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.expressions import ALWAYS, Expressions
from engine.playbook.nodes import ListNode, Node
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.templates import (
    GLOBALS,
    MOST_FILE,
    MOST_OF_A_MAIL,
    REFUSED,
    TemplateFacts,
    TemplateName,
    in_languages,
    is_template,
)

FOLDER = "templates/email/"


def template_faults(facts: TemplateFacts) -> list[Diagnostic]:
    """Why a template cannot be used."""
    return [
        Diagnostic(
            fault.rule,
            fault.message,
            fault.help,
            FOLDER + (fault.file or facts.file),
            max(fault.line, 1),
        )
        for fault in facts.faults
    ]


def megabytes(size: int) -> str:
    """A size as people say it."""
    return f"{size / 1_000_000:.1f} MB"


class MailChecks:
    """Judges the templates that the mail steps of one playbook use."""

    def __init__(
        self, templates: Mapping[str, TemplateFacts], expressions: Expressions, reader: Reader
    ) -> None:
        self._templates = templates
        self._expressions = expressions
        self._reader = reader

    def check(self, params: EmailParams, at: Node, attach: Node | None = None) -> None:
        """Reports what is wrong with the mail that a step sends, and with what it attaches."""
        facts = self._templates[params.template]
        if facts.faults:
            self._reader.findings.extend(template_faults(facts))
            return
        if params.subject is None and not facts.has_subject:
            self._reader.report(
                "email-without-subject",
                f"the mail '{params.template}' has no subject",
                "add `subject:` here, or begin the template with <title>SUBJECT</title>",
                at.span,
            )
        if params.as_ == "marketing" and not facts.has_unsubscribe_link:
            self._reader.report(
                "email-without-unsubscribe",
                f"the marketing mail '{params.template}' has no unsubscribe link",
                "put {{ unsubscribe_url }} into it, or write `as: transactional`",
                at.span,
            )
        own = frozenset(params.data) if isinstance(params.data, dict) else frozenset[str]()
        for use in facts.names:
            self._name(use, own, facts)
        self._given(params, facts, at)
        self._carried(params, facts, attach or at)

    def _carried(self, params: EmailParams, facts: TemplateFacts, at: Node) -> None:
        """Reports files that cannot go with the mail, one by one and together."""
        sizes = {name: facts.beside[name].size for name in facts.pictures if name in facts.beside}
        for number, name in enumerate(params.attach):
            languages = in_languages(name, facts.beside)
            place = at.items[number] if isinstance(at, ListNode) else at
            if self._is_sendable(name, languages, facts, place):
                sizes[name] = max(facts.beside[one].size for one in languages)
        total = sum(sizes.values())
        if total > MOST_OF_A_MAIL:
            self._reader.report(
                "mail-too-heavy",
                f"the mail '{params.template}' carries {megabytes(total)} of files",
                f"more than {megabytes(MOST_OF_A_MAIL)} are refused by too many servers: link to "
                "the largest instead",
                at.span,
            )

    def _is_sendable(
        self, name: str, languages: Mapping[str, str], facts: TemplateFacts, at: Node
    ) -> bool:
        if is_template(name) or name.lower().endswith(REFUSED):
            what = "read as a template" if is_template(name) else "refused by mail servers"
            hint = "attach a PDF instead, or link to it"
            self._reader.report("file-not-sendable", f"'{name}' is {what}", hint, at.span)
        elif name not in languages:
            hint = did_you_mean(name, facts.beside) or f"put it into {FOLDER}"
            message = f"there is no file '{name}' in {FOLDER}"
            self._reader.report("unknown-file", message, hint, at.span)
        elif large := [one for one in languages if facts.beside[one].size > MOST_FILE]:
            message = f"'{large[0]}' has {megabytes(facts.beside[large[0]].size)}"
            hint = f"a file may have {megabytes(MOST_FILE)}: link to it instead"
            self._reader.report("mail-too-heavy", message, hint, at.span)
        else:
            return True
        return False

    def _given(self, params: EmailParams, facts: TemplateFacts, at: Node) -> None:
        """Reports what a template prints of `data.` and the step does not give."""
        data = params.data if isinstance(params.data, dict) else {}
        wanted = {use.name.split(".")[1] for use in facts.names
                  if use.name.startswith("data.") and not use.guarded}  # fmt: skip
        for name in sorted(wanted - data.keys()):
            message = f"the mail '{params.template}' prints 'data.{name}', which nothing gives it"
            self._reader.report("data-not-given", message, f"add `data: {{{name}: …}}`", at.span)

    def check_names(self, template: str) -> None:
        """Reports what is wrong with a template that is used for a notice: no lead reads that."""
        facts = self._templates.get(template)
        if facts is None:
            return
        self._reader.findings.extend(template_faults(facts))
        for use in facts.names:
            self._name(use, frozenset(), facts)

    def _name(self, use: TemplateName, own: frozenset[str], facts: TemplateFacts) -> None:
        root, *path = use.name.split(".")
        roots = self._expressions.names().roots
        if root in GLOBALS or root in own:
            return
        if root not in roots:
            known = (*roots, *GLOBALS, *own)
            self._in_template("unknown-name", f"no name '{root}'", did_you_mean(root, known), use)
            return
        kind: ValueType = roots[root]
        for part in path:
            if kind.kind is not Kind.RECORD or kind.fields is None:
                return
            if part not in kind.fields:
                hint = did_you_mean(part, kind.fields)
                self._in_template("unknown-name", f"no name '{use.name}'", hint, use)
                return
            kind = kind.fields[part]
        thought_of = use.guarded or use.name in ALWAYS | self._expressions.given
        if path and use.printed and not thought_of:
            self._may_be_missing(use, root)

    def _may_be_missing(self, use: TemplateName, root: str) -> None:
        if root in ("lead", "deal", "owner"):
            message = f"'{use.name}' prints nothing for a record without it"
            hint = f"write {{{{ {use.name} | default('…') }}}}"
            self._in_template("may-be-missing", message, hint, use, warning=True)

    def _in_template(
        self, rule: str, message: str, hint: str, use: TemplateName, *, warning: bool = False
    ) -> None:
        self._reader.findings.add(
            Diagnostic(
                rule,
                message,
                hint,
                FOLDER + use.file,
                max(use.line, 1),
                severity="warning" if warning else "error",
            )
        )
