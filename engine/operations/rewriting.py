"""Writing a message again to learn where its links lead.

Links are recorded with the outcome of the sending. A reader may be faster, and a sender that died
never recorded them; the message in his mailbox still works, because it can be written again.
"""

from engine.operations import published
from engine.operations.letters import Writer, Written
from engine.operations.recipients import Recipients
from engine.operations.windows import Letter, letter_for, op_of
from engine.store import jobs
from engine.store.database import Store, Transaction

_MAY_BE_OUT = frozenset({"in_flight", "in_doubt", "accepted"})


def links_of(store: Store, writer: Writer, job: str) -> tuple[str, ...]:
    """Where the links of a message that may be in somebody's mailbox lead; none for all others.

    Raises:
        LongplayError: it cannot be written any more, for instance since the lead has changed.
    """
    found = rewritten(store, writer, job)
    return found.links if found is not None else ()


def rewritten(store: Store, writer: Writer, job: str) -> Written | None:
    """A message that may be in somebody's mailbox, as it would be sent now; None for all others.

    Raises:
        LongplayError: it cannot be written any more.
    """
    letter = store.read(lambda tx: _letter(tx, job))
    return writer.write(letter) if letter is not None else None


def _letter(tx: Transaction, job: str) -> Letter | None:
    row = jobs.by_id(tx, job)
    if row is None or row["kind"] != "email" or row["state"] not in _MAY_BE_OUT:
        return None
    recipients = Recipients.load(tx, published.current(tx), [row], frozenset())
    return letter_for(tx, row, recipients.of(row, op_of(tx, row)), recipients)()
