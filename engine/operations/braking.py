"""Pulling the emergency brake and letting go of it, by a person (language.md, 9.2)."""

from engine.errors import NotFoundError
from engine.operations import brakes, published
from engine.playbook.spelling import did_you_mean
from engine.store.database import Store, Transaction


def pull(store: Store, playbook: str = "", *, actor: str = "") -> frozenset[str]:
    """No mail of this playbook leaves any more, or none at all; answers everything that is braked.

    Raises:
        NotFoundError: no such playbook is published.
    """

    def write(tx: Transaction) -> frozenset[str]:
        brakes.pull(tx, _scope(tx, playbook), actor)
        return brakes.on(tx)

    return store.write(write)


def let_go(store: Store, playbook: str = "") -> tuple[bool, frozenset[str]]:
    """Lets mail leave again; answers whether the brake was on, and what is still braked.

    Raises:
        NotFoundError: no such playbook is published.
    """

    def write(tx: Transaction) -> tuple[bool, frozenset[str]]:
        was_on = brakes.let_go(tx, _scope(tx, playbook))
        return was_on, brakes.on(tx)

    return store.write(write)


def _scope(tx: Transaction, playbook: str) -> str:
    if not playbook:
        return brakes.EVERYTHING
    known = {*published.current(tx).plans, *brakes.on(tx)}
    if playbook not in known:
        raise NotFoundError(
            f"no playbook '{playbook[:60]}' is published", help=did_you_mean(playbook, known)
        )
    return playbook
