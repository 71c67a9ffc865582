"""What the law wants in a subject."""

import pytest

from engine.mail.law import MailKind, subject_for


@pytest.mark.parametrize(
    ("country", "subject", "kind", "expected"),
    [
        ("CN", "新品上市", "marketing", "（广告）新品上市"),
        ("cn", "新品上市", "marketing", "（广告）新品上市"),
        ("CN", "（广告）新品", "marketing", "（广告）新品"),
        ("CN", "【广告】新品", "marketing", "【广告】新品"),
        ("CN", "(广告) 新品", "marketing", "(广告) 新品"),
        ("CN", "广告：新品", "marketing", "广告：新品"),
        ("CN", "AD: new", "marketing", "AD: new"),
        ("CN", "(AD) new", "marketing", "(AD) new"),
        ("CN", "ADVENTURE awaits", "marketing", "（广告）ADVENTURE awaits"),
        ("CN", "Add this", "marketing", "（广告）Add this"),
        ("CN", "我们的广告", "marketing", "（广告）我们的广告"),
        ("CN", "您的订单", "transactional", "您的订单"),
        ("CN", "线索提醒", "notice", "线索提醒"),
        ("US", "New", "marketing", "New"),
        ("", "New", "marketing", "New"),
        (None, "New", "marketing", "New"),
    ],
)
def test_marketing_to_china_says_that_it_is(
    country: str | None, subject: str, kind: MailKind, expected: str
) -> None:
    assert subject_for(country, subject, kind) == expected


def test_the_countries_are_the_workspaces_data() -> None:
    assert subject_for("SG", "New", "marketing", {"SG": "<ADV> "}) == "<ADV> New"
    assert subject_for("SG", "<ADV> New", "marketing", {"SG": "<ADV> "}) == "<ADV> New"
    assert subject_for("CN", "新品", "marketing", {"SG": "<ADV> "}) == "新品"
