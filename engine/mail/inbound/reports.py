"""Reports in the forms that standards give them: RFC 3464 of delivery, RFC 5965 of abuse."""

import re
from dataclasses import dataclass

from engine.mail.inbound.letter import Letter
from engine.mail.inbound.returned import Kind, Returned
from engine.mail.inbound.verdicts import judged

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]*(.*)$")
_MOST_BLOCKS = 50
_NOT_IN_ADDRESS = r"\s<>;,:\"()\[\]：；，、（）【】《》"
_ADDRESS = re.compile(rf"[^@{_NOT_IN_ADDRESS}]{{1,64}}@[^@{_NOT_IN_ADDRESS}]{{1,255}}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_COMPLAINTS = frozenset(
    {"abuse", "fraud", "opt-out", "virus", "other", "dismiss", "miscategorized"}
)
_RANKS = ("failed", "delayed")

Block = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Recipient:
    action: str
    block: Block

    @property
    def rank(self) -> int:
        return _RANKS.index(self.action) if self.action in _RANKS else len(_RANKS)


def delivery_report(letter: Letter, blank: Returned) -> Returned | None:
    """What a delivery status notification says; None: the letter is none.

    Args:
        letter: taken apart.
        blank: what is known already: key, job and Message-IDs.
    """
    report = letter.part("message/delivery-status", "message/global-delivery-status")
    if report is None:
        return None
    blocks = [block for block in _blocks(report) if "action" in block or "status" in block]
    recipients = [_Recipient(block.get("action", "").strip().lower(), block) for block in blocks]
    if not recipients:
        return None
    worst = min(recipients, key=lambda one: one.rank)
    block, action = worst.block, worst.action
    status = (_STATUS.findall(block.get("status", "")) or [""])[0]
    if action not in _RANKS:
        if action or status.startswith("2"):  # delivered, relayed, expanded
            return _with(blank, Kind.UNRELATED, block, status, cause="delivered")
        action = "failed"
    said = _said(block) or letter.text[:2_000]
    kind, cause, code = judged(said, status=status, gave_up=action == "failed")
    return _with(blank, kind, block, code or status, cause=cause, detail=said)


def abuse_report(letter: Letter, blank: Returned) -> Returned | None:
    """What a complaint in the Abuse Reporting Format says; None: the letter is none."""
    report = letter.part("message/feedback-report")
    if report is None and letter.report != "feedback-report":
        return None
    block: Block = {}
    for one in reversed(_blocks(report or "")):
        block |= one
    about = block.get("feedback-type", "abuse").strip().lower()
    kind = Kind.COMPLAINT if about in _COMPLAINTS else Kind.UNRELATED
    recipient = block.get("original-rcpt-to") or block.get("removal-recipient", "")
    said = f"reported as {about} by {block.get('user-agent') or letter.first('from')}"
    return Returned(
        kind, blank.key, blank.job, blank.message_ids, address_in(recipient), cause=about[:40]
    ).about(said)


def address_in(text: str) -> str:
    """The first address in a text, or empty."""
    found = _ADDRESS.search(text[:2_000])
    return found[0].strip(".") if found else ""


def _with(
    blank: Returned, kind: Kind, block: Block, status: str, *, cause: str, detail: str = ""
) -> Returned:
    recipient = address_in(block.get("original-recipient", "")) or address_in(
        block.get("final-recipient", "")
    )
    return Returned(kind, blank.key, blank.job, blank.message_ids, recipient, status, cause).about(
        detail
    )


def _said(block: Block) -> str:
    """The words of the other server; the name of the protocol is cut off."""
    said = (
        block.get("diagnostic-code")
        or block.get("x-postfix")
        or block.get("x-supplementary-info", "")
    )
    return re.sub(r"^\s*[A-Za-z0-9-]{1,20}\s*;\s*", "", said)


def _blocks(report: str) -> list[Block]:
    """The groups of fields, with folded lines put together; some servers forget the empty line."""
    blocks: list[Block] = [{}]
    name = ""
    for line in report.splitlines():
        field = _FIELD.match(line)
        if not line.strip():
            name = ""
            if blocks[-1] and len(blocks) < _MOST_BLOCKS:
                blocks.append({})
        elif field is None:
            if name:
                blocks[-1][name] = f"{blocks[-1][name]} {line.strip()}"[:4_000]
        else:
            name = field[1].lower()
            if name == "final-recipient" and name in blocks[-1] and len(blocks) < _MOST_BLOCKS:
                blocks.append({})
            blocks[-1].setdefault(name, field[2].strip()[:4_000])
    return blocks
