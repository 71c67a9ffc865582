"""What the mail accounts of `longplay.yaml` must find in each other."""

from engine.playbook.mail_accounts import DEFAULT_ACCOUNT, DkimKey, MailAccount
from engine.playbook.nodes import MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Workspace


def accounts_of(workspace: Workspace) -> list[str]:
    """Every account that mail may be told to go by."""
    named = workspace.sender.accounts
    return [DEFAULT_ACCOUNT, *(name for name in named if name != DEFAULT_ACCOUNT)]


def check_mail_accounts(workspace: Workspace, reader: Reader) -> None:
    """Reports accounts without an address, topics that two have, and names nobody answers to."""
    known, by_topic = accounts_of(workspace), dict[str, str]()
    for name, account in workspace.sender.accounts.items():
        node = reader.document.node(("sender", "accounts", name))
        if isinstance(node, MapNode):
            _address(name, account, node, reader)
            _fallback(name, account, node, known, reader)
            _topics(name, account, node, workspace, by_topic, reader)
    seen: dict[tuple[str, str], int] = {}
    for number, key in enumerate(workspace.sender.dkim):
        _key(number, key, seen, reader)


def _address(name: str, account: MailAccount, node: MapNode, reader: Reader) -> None:
    if name == DEFAULT_ACCOUNT and account.url:
        reader.report(
            "bad-mail-account",
            f"the account '{name}' has its address from LONGPLAY_SMTP_URL",
            "leave `url` out, or give the account another name",
            node.values["url"].span,
        )
    elif name != DEFAULT_ACCOUNT and not account.url:
        reader.report(
            "bad-mail-account",
            f"the mail account '{name}' has no address",
            "add `url: ${NAME}`, and set NAME=smtp://user:password@mail.example:587",
            node.span,
        )


def _fallback(
    name: str, account: MailAccount, node: MapNode, known: list[str], reader: Reader
) -> None:
    if not account.fallback:
        return
    at = node.values["fallback"]
    if account.fallback == name:
        reader.report(
            "bad-mail-account",
            f"the mail account '{name}' is its own fallback",
            "name another one, or leave `fallback` out",
            at.span,
        )
    else:
        known_account(account.fallback, known, at, reader)


def known_account(name: str, known: list[str], at: Node, reader: Reader) -> None:
    """Reports an account that the workspace does not name."""
    if name and name not in known:
        reader.report(
            "unknown-mail-account",
            f"no mail account named '{name}'",
            did_you_mean(name, known),
            at.span,
        )


def _topics(
    name: str,
    account: MailAccount,
    node: MapNode,
    workspace: Workspace,
    by_topic: dict[str, str],
    reader: Reader,
) -> None:
    for topic in account.topics:
        at = node.values["topics"].span
        if topic not in workspace.topics:
            reader.report(
                "unknown-topic",
                f"no topic named '{topic}'",
                did_you_mean(topic, workspace.topics),
                at,
            )
        other = by_topic.setdefault(topic, name)
        if other != name:
            reader.report(
                "bad-mail-account",
                f"mail about '{topic}' is to go by '{other}' and by '{name}'",
                "leave the topic out of one of them",
                at,
            )


def _key(number: int, key: DkimKey, seen: dict[tuple[str, str], int], reader: Reader) -> None:
    first = seen.setdefault((key.domain, key.selector), number)
    if first != number:
        reader.report(
            "bad-dkim-key",
            f"two keys have the selector '{key.selector}'",
            "each key is published under a selector of its own",
            reader.document.node(("sender", "dkim", number, "selector")).span,
        )
