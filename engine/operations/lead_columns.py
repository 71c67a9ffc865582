"""Which field of a lead a column of a file means: exact names, and what people call them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.errors import InputError
from engine.playbook.spelling import did_you_mean
from engine.runtime.fields import BUILT_IN, FieldTypes

REASON_COLUMN = "rejected_because"
"""The column that an error file adds; a mended error file may be imported as it is."""

WORKED_OUT = frozenset(
    {"score", "grade", "scores", "stage_entered_at", "version", "suppressed", REASON_COLUMN}
)
"""Columns that are known and never imported: they follow from other things."""

_CALLED: Mapping[str, str] = {
    "id": "lead_id 线索id 线索编号",
    "email": "e-mail mail email_address 邮箱 电子邮箱 电子邮件 邮件 邮箱地址 邮件地址 工作邮箱",
    "phone": "mobile tel telephone cell phone_number mobile_phone mobile_number 电话 手机 手机号"
    " 手机号码 电话号码 联系电话 联系方式",
    "first_name": "given_name forename 名",
    "last_name": "family_name surname 姓 姓氏",
    "full_name": "name contact contact_name 姓名 名字 联系人 联系人姓名 客户姓名",
    "company": "company_name organization organisation account employer 公司 公司名称 企业"
    " 企业名称 单位 单位名称 所在公司",
    "title": "job_title position role 职位 职务 岗位 头衔 职称",
    "country": "country_code country_region 国家 国家地区 所在国家",
    "city": "town 城市 所在城市",
    "language": "lang locale preferred_language 语言 语种",
    "timezone": "time_zone tz 时区",
    "source": "lead_source utm_source 来源 线索来源 客户来源 渠道",
    "birthday": "birth_date birthdate date_of_birth dob 生日 出生日期 出生年月日",
    "stage": "lifecycle_stage lead_stage 阶段 生命周期 生命周期阶段 线索阶段",
    "owner": "lead_owner owner_name sales_owner 负责人 所有者 跟进人 销售 归属人",
    "tags": "tag label labels 标签",
    "created_at": "created create_date created_date created_on 创建时间 创建日期",
    "last_contacted_at": "last_contacted 最近联系时间 最后联系时间 最近跟进时间",
    "orders": "order_count 订单数",
    "revenue": "total_revenue 消费金额 累计消费",
}
_NOISE = re.compile(r"[\s_\-*:：/／()（）.]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file's columns mean.

    Attributes:
        fields: column → field of the lead.
        left_out: columns that are not imported.
    """

    fields: Mapping[str, str]
    left_out: tuple[str, ...]


def map_columns(
    headings: Iterable[str], custom: FieldTypes, *, ignore_unknown: bool = False
) -> Columns:
    """What these columns mean.

    Raises:
        InputError: one means nothing, or two mean the same field.
    """
    fields: dict[str, str] = {}
    left_out: list[str] = []
    meanings: dict[str, str] = {}
    for heading in filter(None, headings):
        name = field_named(heading, custom)
        if name is None and heading in WORKED_OUT:
            left_out.append(heading)
        elif name is None:
            if not ignore_unknown:
                raise _unknown(heading, custom)
            left_out.append(heading)
        elif name in meanings:
            raise InputError(
                f"the columns '{meanings[name]}' and '{heading}' both mean '{name}'",
                help="rename or remove one of them",
            )
        else:
            meanings[name] = heading
            fields[heading] = name
    return Columns(fields, tuple(left_out))


def field_named(heading: str, custom: FieldTypes) -> str | None:
    """The field that a heading means, or None."""
    exact = heading.strip().removeprefix("lead.").removeprefix("fields.")
    if exact in WORKED_OUT:
        return None
    if exact in BUILT_IN or exact in custom:
        return exact
    folded = _fold(exact)
    for name in custom:
        if _fold(name) == folded:
            return name
    return _MEANING.get(folded)


def _unknown(heading: str, custom: FieldTypes) -> InputError:
    known = [name for name in [*BUILT_IN, *custom] if name not in WORKED_OUT]
    near = did_you_mean(heading, known)
    return InputError(
        f"a lead has no field for the column '{heading[:60]}'",
        help=f"{near} Or leave it out with --ignore-unknown",
    )


def _fold(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


_MEANING: Mapping[str, str] = {
    _fold(called): name
    for name in BUILT_IN
    if name not in WORKED_OUT
    for called in [name, *_CALLED.get(name, "").split()]
}
