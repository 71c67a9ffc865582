"""Pulling the emergency brake and letting go of it, by a person (language.md, 9.2)."""

from engine.errors import NotFoundError
from engine.operations import brakes, published
from engine.playbook.mail_accounts import DEFAULT_ACCOUNT
from engine.playbook.spelling import did_you_mean
from engine.store.database import Store, Transaction


def pull(store: Store, playbook: str = "", *, via: str = "", actor: str = "") -> frozenset[str]:
    """No mail of this playbook, or by this account, leaves any more; without either none at all.

    Answers everything that is braked.

    Raises:
        NotFoundError: no such playbook is published, or there is no such account.
    """

    def write(tx: Transaction) -> frozenset[str]:
        brakes.pull(tx, _scope(tx, playbook, via), actor)
        return brakes.on(tx)

    return store.write(write)


def let_go(store: Store, playbook: str = "", *, via: str = "") -> tuple[bool, frozenset[str]]:
    """Lets mail leave again; answers whether the brake was on, and what is still braked.

    Raises:
        NotFoundError: no such playbook is published, or there is no such account.
    """

    def write(tx: Transaction) -> tuple[bool, frozenset[str]]:
        was_on = brakes.let_go(tx, _scope(tx, playbook, via))
        return was_on, brakes.on(tx)

    return store.write(write)


def _scope(tx: Transaction, playbook: str, via: str) -> str:
    if via:
        return _account(tx, via)
    if not playbook:
        return brakes.EVERYTHING
    known = {*published.current(tx).plans, *brakes.on(tx)}
    if playbook not in known:
        raise NotFoundError(
            f"no playbook '{playbook[:60]}' is published", help=did_you_mean(playbook, known)
        )
    return playbook


def _account(tx: Transaction, via: str) -> str:
    scope = f"{brakes.ACCOUNT}{via}"
    named = published.current(tx).workspace.sender.accounts
    if not named and scope not in brakes.on(tx):
        raise NotFoundError(
            "the workspace names no mail accounts",
            help="all mail goes by one server: leave --via out",
        )
    known = [DEFAULT_ACCOUNT, *named]
    if via not in known and scope not in brakes.on(tx):
        raise NotFoundError(f"no mail account is named '{via[:60]}'", help=did_you_mean(via, known))
    return scope
