"""One row of a file as a deal: what its columns mean, its values typed. It opens no store."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeGuard

from engine.errors import InputError
from engine.operations.deal_drafts import typed
from engine.operations.edit_deals import checked_id
from engine.operations.headings import REASON_COLUMN, Headings
from engine.operations.published import Current
from engine.operations.table_files import Row
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.deal_fields import DEAL_BUILT_IN, read_deal
from engine.runtime.fields import FieldTypes
from engine.runtime.identity import email_key

_CALLED: Mapping[str, str] = {
    "id": "deal_id opportunity_id record_id 商机id 商机编号 交易编号 销售机会编号",
    "name": "deal_name deal opportunity opportunity_name title 商机 商机名称 交易名称 项目 项目名称"
    " 销售机会 销售机会名称",
    "amount": "value deal_value deal_amount total price 金额 预计金额 商机金额 交易金额 合同金额"
    " 预计销售金额 成交金额",
    "currency": "currency_code 币种 货币",
    "pipeline": "deal_pipeline sales_pipeline funnel 管道 销售管道 销售流程 商机类型",
    "stage": "deal_stage sales_stage opportunity_stage pipeline_stage 阶段 销售阶段 商机阶段"
    " 交易阶段",
    "owner": "deal_owner opportunity_owner owner_name sales_owner 负责人 所有者 跟进人 销售 归属人"
    " 商机负责人",
    "lead": "email e-mail mail lead_email lead_id contact_email primary_contact contact_id 邮箱"
    " 电子邮箱 邮件 联系人邮箱 客户邮箱 主要联系人 线索id 线索编号",
    "tags": "tag label labels 标签",
    "created_at": "created create_date created_date created_on 创建时间 创建日期",
    "stage_entered_at": "stage_since in_stage_since date_entered_stage date_entered_current_stage"
    " stage_entered stage_change_date last_stage_change_date stage_date 进入阶段时间 阶段进入时间"
    " 进入当前阶段时间 阶段变更时间 阶段开始时间",
    "expected_close_at": "close_date expected_close_date expected_close closing_date 预计成交日期"
    " 预计成交时间 预计签约日期 预计关闭日期 结单日期",
    "quote_sent_at": "quote_date quote_sent quote_sent_date 报价日期 报价时间",
    "decision_maker": "decider economic_buyer 决策人 关键决策人 决策者",
    "lost_reason": "loss_reason closed_lost_reason reason_lost 输单原因 丢单原因 失败原因 流失原因",
}

_MONEY = re.compile(
    r"(?:[¥$€£]|[A-Z]{3}|人民币)?\s*(?P<number>-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)\s*"
    r"(?P<times>[万亿])?\s*(?:[¥$€£元]|[A-Z]{3})?\Z"
)
_TIMES = {"": 1, "万": 10_000, "亿": 100_000_000}

DEALS = Headings(
    "deal",
    DEAL_BUILT_IN,
    _CALLED,
    frozenset({"last_activity_at", "closed", "closed_at", "version", "history", REASON_COLUMN}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DealDraft:
    """A row that can be a deal.

    Attributes:
        id: the id it names; None: it is known by its contact and its name.
        key: the key of the contact's address; None without one.
        lead: the contact as the row names it, no address; empty: the row names none.
        values: fields to write; what the row leaves empty is not among them.
        stage: the stage as it is written, and `pipeline`.
        entered_at: when it entered that stage; it counts for deals that are new here.
    """

    id: str | None
    key: str | None
    email: str
    lead: str
    stage: str
    pipeline: str
    created_at: Value = None
    entered_at: Value = None
    values: Mapping[str, Value] = field(default_factory=dict)


def read_deal_row(
    row: Row, fields: Mapping[str, str] | None, current: Current, *, ignore_unknown: bool = False
) -> DealDraft:
    """The row as a deal.

    Args:
        row: the row.
        fields: what its columns mean; None when every row names fields of its own.
        current: what is published.
        ignore_unknown: whether fields that no deal has are left out instead of refused.

    Raises:
        InputError: a value does not fit, or nothing says which deal this is.
    """
    if row.fault:
        raise InputError(row.fault)
    given: dict[str, object] = {}
    custom = current.deal_fields
    for column, cell in row.cells.items():
        name = fields.get(column) if fields is not None else _own(column, custom, ignore_unknown)
        if name is not None and cell is not None and cell != "":
            given[name] = _amount(cell) if name == "amount" else cell
    id = checked_id(_text(given.pop("id", None)))
    lead = _text(given.pop("lead", None)) or ""
    created_at, entered_at = given.pop("created_at", None), given.pop("stage_entered_at", None)
    values = {
        name: value for name, value in typed(current, given).items() if value not in (None, [])
    }
    stage, pipeline = values.pop("stage", None), values.pop("pipeline", None)
    if id is None and not (lead and values.get("name")):
        raise InputError(
            "nothing says which deal this is", help="give it an id, or a contact and a name"
        )
    return DealDraft(
        id=id,
        key=email_key(lead) if "@" in lead else None,
        email=lead if "@" in lead else "",
        lead="" if "@" in lead else lead,
        stage=str(stage or ""),
        pipeline=str(pipeline or ""),
        created_at=read_deal("created_at", created_at, custom, current.zone),
        entered_at=read_deal("stage_entered_at", entered_at, custom, current.zone),
        values=values,
    )


def _own(column: str, custom: FieldTypes, ignore_unknown: bool) -> str | None:
    name = DEALS.named(column, custom)
    if name is None and column not in DEALS.worked_out and not ignore_unknown:
        raise InputError(
            f"a deal has no field '{column[:60]}'", help=did_you_mean(column, DEALS.known(custom))
        )
    return name


def _amount(cell: object) -> object:
    """An amount as people write it, `¥120,000`, `12.5万元`, `USD 5,000`; else as it is."""
    found = _MONEY.match(unicodedata.normalize("NFKC", cell).strip()) if _is_text(cell) else None
    if found is None:
        return cell
    number = found["number"].replace(",", "")
    times = _TIMES[found["times"] or ""]
    return str(Decimal(number) * times) if times > 1 else number


def _is_text(cell: object) -> TypeGuard[str]:
    return isinstance(cell, str)


def _text(cell: object) -> str | None:
    """A cell that names something; spreadsheets keep the id 1042 as a number."""
    if cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip() or None
