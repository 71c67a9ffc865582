"""The last steps before a message leaves: it is signed, and given to its account's connections.

Outside any transaction, in the process that sends. Secrets are read when they are first used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from engine.errors import LongplayError
from engine.mail.dkim import SigningKey, read_key, signed
from engine.mail.transports.port import Envelope, NotSent, Transport
from engine.mail.transports.smtp import SmtpTransport
from engine.mail.transports.smtp_url import parse_smtp_url
from engine.operations.fillings import filled_text
from engine.operations.published import Current
from engine.operations.windows import Letter
from engine.playbook.mail_accounts import DEFAULT_ACCOUNT, DkimKey

AGAIN = timedelta(minutes=15)
"""How long a mail waits for somebody to set right what keeps it from leaving."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message as it goes over the wire, and what takes it there."""

    envelope: Envelope
    transport: Transport


@dataclass(slots=True)
class Exits:
    """Signs messages and knows every account's transport.

    Args:
        default: the transport of the account of the settings.
        environment: what `${NAME}` is read from.
        caught: whether all mail is caught: then nothing is signed, and nothing leaves otherwise.
        open_account: makes the transport of an address.
    """

    default: Transport
    environment: Mapping[str, str]
    caught: bool = False
    open_account: Callable[[str], Transport] = SmtpTransport
    _transports: dict[str, Transport] = field(default_factory=dict)
    _keys: dict[tuple[str, DkimKey], SigningKey] = field(default_factory=dict)

    def leaving(self, letter: Letter, envelope: Envelope) -> Leaving | NotSent:
        """What goes over the wire, and by what; or why it cannot leave as things are."""
        sender = letter.current.workspace.sender
        if self.caught or not (sender.dkim or letter.via):
            return Leaving(envelope, self.default)
        try:
            transport = self._transport(letter.current, letter.via)
        except LongplayError as fault:
            return NotSent(fault.message, AGAIN, entry=True)
        if not sender.dkim:
            return Leaving(envelope, transport)
        try:
            keys = self.keys(letter.current)
        except LongplayError as fault:
            # Unsigned, it would be refused where the domain asks for signatures, or be held for
            # a forgery: it waits until the key is there.
            return NotSent(f"it cannot be signed: {fault.message}", AGAIN)
        return Leaving(replace(envelope, content=signed(envelope.content, keys)), transport)

    def keys(self, current: Current) -> list[SigningKey]:
        """The workspace's keys, the domain of `from` filled in.

        Raises:
            LongplayError: one is not set, or is no key.
        """
        return [self._key(one, current.domain) for one in current.workspace.sender.dkim]

    async def close(self) -> None:
        """Lets go of every connection."""
        for transport in (self.default, *self._transports.values()):
            await transport.close()

    def _key(self, wanted: DkimKey, domain: str) -> SigningKey:
        known = self._keys.get((domain, wanted))
        if known is None:
            known = self._keys[domain, wanted] = key_of(wanted, domain, self.environment)
        return known

    def _transport(self, current: Current, via: str) -> Transport:
        if via in ("", DEFAULT_ACCOUNT):
            return self.default
        account = current.workspace.sender.accounts.get(via)
        if account is None:
            raise LongplayError(f"the workspace has no mail account '{via}' any more")
        url = filled_text(account.url, {}, self.environment)
        known = self._transports.get(url)
        if known is None:
            parse_smtp_url(url)
            known = self._transports[url] = self.open_account(url)
        return known


def key_of(wanted: DkimKey, domain: str, environment: Mapping[str, str]) -> SigningKey:
    """The key that `longplay.yaml` names, read from the environment.

    Raises:
        LongplayError: it is not set, or is no key.
    """
    name = wanted.key.removeprefix("${").removesuffix("}")
    written = filled_text(wanted.key, {}, environment)
    domain = (wanted.domain or domain).lower()
    return read_key(written, domain=domain, selector=wanted.selector, name=name)
