"""Writing a call: from a claimed job to the request on the wire. Outside any transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from engine.calls.channels import ADAPTERS
from engine.calls.channels.adapter import Address, Mention, Notice, as_json, cut
from engine.calls.client import Request
from engine.calls.signing import signed
from engine.calls.verdicts import Again, Answer, NotTried, Refused, Verdict, by_status
from engine.errors import NeverWorksError
from engine.mail.links import LinkSigner
from engine.mail.render import Templates, render_text
from engine.operations.answerable import telling_of
from engine.operations.fillings import (
    Environment,
    filled_text,
    filled_tree,
    filled_url,
    plain,
    secrets_in,
)
from engine.operations.windows import Letter
from engine.playbook.workspace import Owner

_SHORTEST_HIDDEN = 6
_HIDDEN = "•••"
_KEPT_TEMPLATES = 256
_LONG = 20_000
_MENTION = 120
"""Bytes."""
_LEAD = (
    "id", "email", "phone", "first_name", "last_name", "full_name", "company", "title", "country",
    "language", "stage", "score", "owner", "tags",
)  # fmt: skip
_DEAL = ("id", "name", "amount", "currency", "pipeline", "stage", "owner")


@dataclass(frozen=True, slots=True)
class Errand:
    """A call that is ready to be made, and how its answer is to be understood."""

    request: Request
    judge: Callable[[Answer, datetime], Verdict]
    secrets: tuple[str, ...]

    def verdict(self, found: Answer | Again | NotTried | Refused, now: datetime) -> Verdict:
        """What became of it, with no secret in any text, also if the other side repeats one."""
        if isinstance(found, Answer):
            text = self._without(found.body.decode("utf-8", "surrogateescape"))
            found = replace(found, body=text.encode("utf-8", "surrogateescape"))
            verdict = self.judge(found, now)
        else:
            verdict = found
        return replace(verdict, why=self._without(verdict.why))

    def _without(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        return text


@dataclass(slots=True)
class CallWriter:
    """Writes calls.

    Args:
        environment: what `${NAME}` is read from, when it is used.
        keys: sign the calls; several while an old key is being replaced.
        signer: signs the buttons of notices; None: they have none.
        public_url: where our web server is reached from outside, without a slash at the end.
    """

    environment: Environment
    keys: Sequence[bytes] = ()
    signer: LinkSigner | None = None
    public_url: str = ""
    _templates: dict[str, Templates] = field(default_factory=dict)

    def text(self, letter: Letter) -> str:
        """What a notice says; of a webhook, what it does.

        Raises:
            LongplayError: the text or the template cannot be filled in.
        """
        params = letter.op.params
        if letter.op.action == "webhook":
            return f"{params['method']} {params['url']}"
        telling = telling_of(letter, self.signer, self.public_url)
        if letter.said and letter.said[0].text:
            return telling.text(letter.said, self._room(letter))
        text = self._own_words(letter)
        answers = [
            f"\n{label}: {url}" for one in letter.said for label, url in telling.answers(one)
        ]
        if not answers:
            return text
        tail = "\n" + "".join(answers)
        return cut(text, max(200, self._room(letter) - len(tail.encode()))) + tail

    def _room(self, letter: Letter) -> int:
        """Bytes of text that the room takes, with some to spare for who is mentioned."""
        channel = letter.current.workspace.channels.get(letter.recipient.channel)
        adapter = ADAPTERS.get(channel.type) if channel else None
        return (adapter.text if adapter else _LONG) - _MENTION

    def _own_words(self, letter: Letter) -> str:
        """What the step itself says."""
        params = letter.op.params
        if params.get("template"):
            languages = (str(letter.lead.get("language") or ""), letter.current.workspace.language)
            scope = {**letter.scope, **letter.current.words}
            rendered = self._templates_of(letter).render(
                str(params["template"]), scope, languages=[one for one in languages if one]
            )
            return f"{rendered.subject}\n\n{rendered.text}".strip()
        text = render_text(str(params.get("message") or ""), letter.scope).strip()
        return text or str(letter.lead.get("full_name") or letter.lead.get("email") or letter.job)

    def write(self, letter: Letter, text: str, now: datetime) -> Errand:
        """The request of a letter; on every attempt with the same id.

        Args:
            letter: what goes.
            text: what `text` gave.
            now: the moment of the attempt, which is signed, too.

        Raises:
            LongplayError: a variable is not set, or there is no such address.
        """
        if letter.op.action == "webhook":
            return self._webhook(letter, now)
        return self._notice(letter, text, now)

    def _webhook(self, letter: Letter, now: datetime) -> Errand:
        params, scope, environment = letter.op.params, letter.scope, self.environment
        url = filled_url(str(params["url"]), scope, environment)
        method = str(params["method"])
        body = b""
        if params.get("json") is not None:
            body = as_json(filled_tree(params["json"], scope, environment))
        elif method not in ("GET", "DELETE"):
            body = as_json(_about(letter, f"{letter.playbook}.{letter.op.step}"))
        headers = {
            "user-agent": "Longplay",
            "accept": "application/json",
            "accept-encoding": "identity",
            "idempotency-key": letter.job,
        }
        if body:
            headers["content-type"] = "application/json; charset=utf-8"
        own = params.get("headers")
        for name, value in own.items() if isinstance(own, Mapping) else ():
            headers[name.lower()] = _one_line(filled_text(str(value), scope, environment), name)
        lines = (*headers.items(), *signed(letter.job, now, body, self.keys))
        return Errand(Request(method, url, lines, body), by_status, self._secrets(params))

    def _notice(self, letter: Letter, text: str, now: datetime) -> Errand:
        name = letter.recipient.channel
        channel = letter.current.workspace.channels.get(name)
        adapter = ADAPTERS.get(channel.type) if channel else None
        if channel is None or adapter is None:
            raise NeverWorksError(f"no room is named '{name}' any more")
        about = _all_of(letter) if letter.is_gathered else _about(letter, "")["data"]
        notice = Notice(
            letter.job, text, letter.created_at, now,
            mention=_mention(letter, channel.type),
            about=about if isinstance(about, dict) else {},
        )  # fmt: skip
        address = Address(
            filled_url(channel.url, {}, self.environment),
            filled_text(channel.secret, {}, self.environment),
            tuple(self.keys),
        )
        request = adapter.write(notice, address)
        return Errand(request, adapter.judge, self._secrets([channel.url, channel.secret]))

    def _secrets(self, source: object) -> tuple[str, ...]:
        found = {one.strip() for one in secrets_in(source, self.environment)}
        return tuple(sorted((one for one in found if len(one) >= _SHORTEST_HIDDEN), key=len))[::-1]

    def _templates_of(self, letter: Letter) -> Templates:
        found = self._templates.get(letter.digest)
        if found is None:
            if len(self._templates) >= _KEPT_TEMPLATES:
                self._templates.clear()
            found = self._templates[letter.digest] = Templates(letter.files)
        return found


def _about(letter: Letter, kind: str) -> dict[str, JsonValue]:
    """What a call tells when the playbook does not say: who, and where in which playbook."""
    data: dict[str, JsonValue] = {
        "playbook": letter.playbook,
        "step": letter.op.step,
        "enrollment": letter.enrollment,
        "lead": {name: plain(letter.lead.get(name)) for name in _LEAD},
    }
    deal = letter.scope.get("deal")
    if isinstance(deal, Mapping) and deal.get("id"):
        data["deal"] = {name: plain(deal.get(name)) for name in _DEAL}
    written_at = letter.created_at.isoformat(timespec="seconds")
    return {"type": kind, "timestamp": written_at, "data": data}


def _all_of(letter: Letter) -> dict[str, JsonValue]:
    """What a notice tells that carries others: each of them, for machines."""
    told: list[JsonValue] = [
        {"text": one.text, "at": one.at.isoformat(timespec="seconds")} for one in letter.said
    ]
    return {"notices": told}


def _mention(letter: Letter, medium: str) -> Mention | None:
    owner = letter.current.workspace.owners.get(letter.recipient.owner)
    if owner is None:
        return None
    return Mention(owner.name or letter.recipient.owner, _handle(owner, medium), owner.phone)


def _handle(owner: Owner, medium: str) -> str:
    return {
        "wecom": owner.wecom, "slack": owner.slack, "teams": owner.teams_id,
        "dingtalk": owner.dingtalk, "feishu": owner.feishu,
    }.get(medium, "")  # fmt: skip


def _one_line(value: str, name: str) -> str:
    if any(ord(sign) < ord(" ") or ord(sign) == 0x7F for sign in value):
        raise NeverWorksError(f"the header '{name}' would have several lines")
    return value.strip()
