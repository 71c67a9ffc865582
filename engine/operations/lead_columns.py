"""Which field of a lead a column of a file means: exact names, and what people call them."""

from collections.abc import Iterable, Mapping

from engine.operations.headings import REASON_COLUMN, Columns, Headings
from engine.runtime.fields import BUILT_IN, FieldTypes

WORKED_OUT = frozenset(
    {
        "score",
        "grade",
        "scores",
        "stage_entered_at",
        "version",
        "suppressed",
        "consent",
        "open_consent",
        REASON_COLUMN,
    }
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
LEADS = Headings("lead", BUILT_IN, _CALLED, WORKED_OUT)


def map_columns(
    headings: Iterable[str], custom: FieldTypes, *, ignore_unknown: bool = False
) -> Columns:
    """What these columns mean.

    Raises:
        InputError: one means nothing, or two mean the same field.
    """
    return LEADS.mapped(headings, custom, ignore_unknown=ignore_unknown)


def field_named(heading: str, custom: FieldTypes) -> str | None:
    """The field that a heading means, or None."""
    return LEADS.named(heading, custom)
