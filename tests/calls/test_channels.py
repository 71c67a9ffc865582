"""Each kind of room: the documented request and signature, what its answers mean, its limits."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calls.channels import ADAPTERS
from engine.calls.channels.adapter import Address, Mention, Notice, as_json, cut, fitting
from engine.calls.verdicts import Again, Answer, Refused, Taken
from engine.playbook.workspace import MEDIA

AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
URL = "https://room.example.com/send?key=abc"
LI = Mention("李伟", "liwei", "13800138000")


def notice(text: str = '商机 <b> & "x"\n第二行', mention: Mention | None = None) -> Notice:
    return Notice("job1", text, AT, AT, mention, {"playbook": "p", "lead": {"id": "l1"}})


def sent(kind: str, one: Notice, secret: str = "") -> tuple[str, Any]:
    request = ADAPTERS[kind].write(one, Address(URL, secret, (b"k" * 32,)))
    assert request.method == "POST"
    assert dict(request.headers)["content-type"] == "application/json; charset=utf-8"
    return request.url, json.loads(request.body)


def test_every_kind_of_channel_has_an_adapter() -> None:
    assert set(ADAPTERS) == set(MEDIA)


def test_wecom_text_and_mention() -> None:
    """`msgtype: text`, the person pinged by id, and what leads write pings nobody."""
    url, body = sent("wecom", notice("Hi <@all> 你好", LI))
    assert url == URL
    assert body == {
        "msgtype": "text", "text": {"content": "Hi ＜@all> 你好", "mentioned_list": ["liwei"]},
    }  # fmt: skip
    by_number = sent("wecom", notice("x", Mention("李伟", "", "13800138000")))[1]
    assert by_number["text"]["mentioned_mobile_list"] == ["13800138000"]
    assert sent("wecom", notice("x", Mention("李伟")))[1]["text"] == {"content": "@李伟 x"}


def test_dingtalk_is_signed_in_the_address() -> None:
    """The time in milliseconds, and the Base64 of HMAC-SHA256 over it and the secret."""
    url, body = sent("dingtalk", notice("你好", LI), "SEC中文")
    query = parse_qs(urlsplit(url).query)
    millis = str(int(AT.timestamp() * 1000))
    digest = hmac.new("SEC中文".encode(), f"{millis}\nSEC中文".encode(), hashlib.sha256).digest()
    assert query == {
        "key": ["abc"],
        "timestamp": [millis],
        "sign": [base64.b64encode(digest).decode()],
    }
    assert body == {
        "msgtype": "text", "text": {"content": "@liwei 你好"},
        "at": {"atUserIds": ["liwei"], "isAtAll": False},
    }  # fmt: skip
    assert sent("dingtalk", notice("x"))[0] == URL
    by_number = sent("dingtalk", notice("x", Mention("李伟", "", "13800138000")))[1]
    assert by_number["at"]["atMobiles"] == ["13800138000"]
    assert by_number["text"]["content"] == "@13800138000 x"


def test_feishu_is_signed_in_the_body() -> None:
    """The key is the time in seconds and the secret; what is signed is empty."""
    _, body = sent("feishu", notice('<at user_id="all">x</at>', LI), "密钥")
    seconds = str(int(AT.timestamp()))
    digest = hmac.new(f"{seconds}\n密钥".encode(), b"", hashlib.sha256).digest()
    assert (body["timestamp"], body["sign"]) == (seconds, base64.b64encode(digest).decode())
    assert body["msg_type"] == "text"
    text = body["content"]["text"]
    assert text == '<at user_id="liwei">李伟</at> ＜at user_id="all">x</at>'
    assert "sign" not in sent("feishu", notice())[1]


def test_slack_escapes_its_markup() -> None:
    """The three control signs are entities, so that nobody writes `<!channel>`."""
    assert sent("slack", notice("<!channel> a & b", LI))[1] == {
        "text": "<@liwei> &lt;!channel&gt; a &amp; b"
    }


def test_teams_gets_a_card() -> None:
    """An Adaptive Card, a block a line, the person as an entity."""
    _, body = sent("teams", notice("一\n二", LI))
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (body["type"], card["type"]) == ("message", "AdaptiveCard")
    assert [one["text"] for one in card["body"]] == ["<at>李伟</at> 一", "二"]
    assert card["msteams"]["entities"][0]["mentioned"] == {"id": "liwei", "name": "李伟"}


def test_a_webhook_room_is_signed_like_the_step() -> None:
    """By the room's own secret where it has one, else by the installation's."""
    key = base64.b64encode(b"r" * 24).decode()
    for secret, used in (("", b"k" * 32), (f"whsec_{key}", b"r" * 24)):
        request = ADAPTERS["webhook"].write(notice("嗨"), Address(URL, secret, (b"k" * 32,)))
        headers = dict(request.headers)
        content = f"job1.{headers['webhook-timestamp']}.".encode() + request.body
        digest = hmac.new(used, content, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        told = json.loads(request.body)
        assert told["data"] == {
            "text": "嗨",
            "mention": None,
            "playbook": "p",
            "lead": {"id": "l1"},
        }


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "status", "body", "expected"),
    [
        ("wecom", 200, {"errcode": 0, "errmsg": "ok"}, Taken),
        ("wecom", 200, {"errcode": 93000, "errmsg": "invalid webhook url"}, Refused),
        ("wecom", 200, {"errcode": 45009, "errmsg": "api freq out of limit"}, MINUTE),
        ("wecom", 200, {"errcode": -1, "errmsg": "system busy"}, timedelta()),
        ("wecom", 502, "bad gateway", timedelta()),
        ("wecom", 200, "<html>log in to the hotel network</html>", timedelta()),
        ("wecom", 200, [], timedelta()),
        ("dingtalk", 200, {"errcode": 0, "errmsg": "ok"}, Taken),
        ("dingtalk", 200, {"errcode": 310000, "errmsg": "sign not match"}, Refused),
        ("dingtalk", 200, {"errcode": 130101, "errmsg": "send too fast"}, MINUTE * 10),
        ("feishu", 200, {"code": 0, "msg": "success"}, Taken),
        ("feishu", 200, {"StatusCode": 0, "StatusMessage": "success"}, Taken),
        ("feishu", 200, {"code": 19021, "msg": "sign match fail"}, Refused),
        ("feishu", 200, {"code": 11232, "msg": "frequency limited"}, MINUTE),
        ("feishu", 200, {"code": 9499, "msg": "too many request"}, MINUTE),
        ("feishu", 400, {"code": 9499, "msg": "Bad Request"}, Refused),
        ("slack", 200, "ok", Taken),
        ("slack", 403, "action_prohibited", Refused),
        ("slack", 410, "channel_is_archived", Refused),
        ("slack", 429, "slow down", timedelta(seconds=30)),
        ("teams", 202, "", Taken),
        ("teams", 200, "1", Taken),
        (
            "teams", 200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP "
            "error 429 with ContextId", MINUTE,
        ),
        ("teams", 200, "Webhook message delivery failed with error: HTTP error 413", Refused),
        ("webhook", 204, "", Taken),
        ("webhook", 404, "", Refused),
    ],
)  # fmt: skip
def test_answers_mean_what_the_makers_say(
    kind: str, status: int, body: object, expected: type | timedelta
) -> None:
    """Failure with status 200 is failure; being too fast is for later."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"retry-after": "30"} if status == 429 else {}
    found = ADAPTERS[kind].judge(Answer(status, headers, text.encode()), AT)
    if isinstance(expected, timedelta):
        assert isinstance(found, Again)
        assert found.after == expected
    else:
        assert isinstance(found, expected)


def test_the_reason_names_code_and_words() -> None:
    found = ADAPTERS["wecom"].judge(
        Answer(200, {}, '{"errcode": 93000, "errmsg": "机器人 不存在"}'.encode()), AT
    )
    assert isinstance(found, Refused)
    assert found.why == "answered with code 93000: 机器人 不存在"


LIMITS = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000, "teams": 28_000, "slack": 200_000}
texts = st.text(min_size=1, max_size=40).flatmap(
    lambda part: st.integers(1, 1500).map(lambda times: part * times)
)


@pytest.mark.parametrize("kind", sorted(LIMITS))
@given(text=texts)
def test_no_text_is_too_long_for_its_room(kind: str, text: str) -> None:
    """Whatever leads are called, the documented size is kept, counted in bytes."""
    request = ADAPTERS[kind].write(notice(text, LI), Address(URL, "SEC"))
    body = json.loads(request.body)
    if kind == "wecom":
        assert len(body["text"]["content"].encode()) <= LIMITS[kind]
    else:
        assert len(request.body) <= LIMITS[kind]


@given(st.text(max_size=200), st.integers(3, 100))
def test_text_is_cut_between_characters(text: str, most: int) -> None:
    """What is left is a beginning of the text, and says that it was cut."""
    found = cut(text, most)
    assert len(found.encode()) <= most
    written = text.encode("utf-8", "replace").decode()
    assert found == written or (found.endswith("…") and written.startswith(found.removesuffix("…")))


@given(st.text(alphabet='a"\\\n\x00\x1f中😀', max_size=300), st.integers(10, 200))
def test_text_fits_its_json(text: str, most: int) -> None:
    assert len(as_json(fitting(text, most))) - 2 <= most


def test_chinese_is_cut_at_a_character() -> None:
    assert cut("中" * 1000, 2048) == "中" * 681 + "…"
    assert cut("中" * 682, 2048) == "中" * 682
