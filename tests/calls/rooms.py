"""Chat systems on loopback: each takes what its makers document, and refuses all else alike."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.calls.listener import Heard, Says

SECRET = "SEC0123456789abcdef"
WEBHOOK_KEY = b"0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()

Judge = Callable[[Heard], Says]


_UNSIGNED = Says(200, {"code": 19021, "msg": "sign match fail or timestamp is not within an hour"})


def _body(heard: Heard) -> dict[str, Any] | None:
    if heard.method != "POST" or "application/json" not in heard.headers.get("content-type", ""):
        return None
    try:
        found = json.loads(heard.body.decode("utf-8"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _query(heard: Heard) -> dict[str, str]:
    return {name: value[-1] for name, value in parse_qs(urlsplit(heard.path).query).items()}


def _hmac(key: str | bytes, content: str | bytes) -> str:
    one, other = (part.encode() if isinstance(part, str) else part for part in (key, content))
    return base64.b64encode(hmac.new(one, other, hashlib.sha256).digest()).decode()


def wecom(heard: Heard) -> Says:
    """https://developer.work.weixin.qq.com/document/path/91770"""
    body, text = _body(heard), None
    if _query(heard).get("key") != "k":
        return Says(200, {"errcode": 93000, "errmsg": "invalid webhook url"})
    if body is None or body.get("msgtype") != "text":
        return Says(200, {"errcode": 40008, "errmsg": "invalid message type"})
    text = body.get("text")
    if not isinstance(text, dict) or not text.get("content"):
        return Says(200, {"errcode": 44004, "errmsg": "text content is empty"})
    if len(text["content"].encode()) > 2048:
        return Says(200, {"errcode": 40058, "errmsg": "text.content exceed max length 2048"})
    known = {"content", "mentioned_list", "mentioned_mobile_list"}
    if not set(text) <= known or not all(
        isinstance(text.get(n, []), list) for n in known - {"content"}
    ):
        return Says(200, {"errcode": 40058, "errmsg": "invalid parameter"})
    return Says(200, {"errcode": 0, "errmsg": "ok"})


def dingtalk(heard: Heard) -> Says:
    """https://open.dingtalk.com/document/robots/customize-robot-security-settings"""
    query, body = _query(heard), _body(heard)
    millis = query.get("timestamp", "")
    good = millis.isdigit() and abs(int(millis) / 1000 - time.time()) < 3600 and len(millis) == 13
    if not good or query.get("sign") != _hmac(SECRET, f"{millis}\n{SECRET}"):
        return Says(200, {"errcode": 310000, "errmsg": "sign not match"})
    if body is None or body.get("msgtype") != "text" or not body.get("text", {}).get("content"):
        return Says(200, {"errcode": 400105, "errmsg": "msgtype is invalid"})
    if len(heard.body) > 20_000:
        return Says(200, {"errcode": 460101, "errmsg": "message too long"})
    at = body.get("at", {})
    for one in (*at.get("atMobiles", []), *at.get("atUserIds", [])):
        if f"@{one}" not in body["text"]["content"]:
            return Says(200, {"errcode": 400013, "errmsg": "at whom is not in the text"})
    return Says(200, {"errcode": 0, "errmsg": "ok"})


def feishu(heard: Heard) -> Says:
    """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot"""
    body = _body(heard)
    if body is None:
        return Says(400, {"code": 9499, "msg": "Bad Request"})
    seconds = body.get("timestamp")
    if not isinstance(seconds, str) or not seconds.isdigit():
        return _UNSIGNED
    if abs(int(seconds) - time.time()) > 3600:
        return _UNSIGNED
    if body.get("sign") != _hmac(f"{seconds}\n{SECRET}", b""):
        return _UNSIGNED
    text = body.get("content", {}).get("text")
    if body.get("msg_type") != "text" or not isinstance(text, str) or len(heard.body) > 20_480:
        return Says(400, {"code": 9499, "msg": "Bad Request"})
    return Says(200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"})


def slack(heard: Heard) -> Says:
    """https://api.slack.com/messaging/webhooks"""
    body = _body(heard)
    if body is None:
        return Says(400, "invalid_payload")
    text = body.get("text")
    if not isinstance(text, str) or not text.strip():
        return Says(400, "no_text")
    return Says(200, "ok") if len(text) <= 40_000 else Says(400, "msg_too_long")


def teams(heard: Heard) -> Says:
    """https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors"""
    body = _body(heard)
    if body is None or body.get("type") != "message" or len(heard.body) > 28_000:
        return Says(400, "Bad Request")
    for one in body.get("attachments") or [{}]:
        card = one.get("content") or {}
        blocks = card.get("body") or []
        good = (
            one.get("contentType") == "application/vnd.microsoft.card.adaptive"
            and card.get("type") == "AdaptiveCard"
            and card.get("version") in {"1.2", "1.3", "1.4", "1.5"}
            and blocks
            and all(b.get("type") == "TextBlock" and b.get("text") for b in blocks)
        )
        if not good:
            return Says(400, "Bad Request")
        for entity in card.get("msteams", {}).get("entities", []):
            if not any(entity["text"] in b["text"] for b in blocks):
                return Says(400, "Bad Request: a mention that no text has")
    return Says(202, "")


def webhook(heard: Heard) -> Says:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    id, at = heard.headers.get("webhook-id", ""), heard.headers.get("webhook-timestamp", "")
    signatures = heard.headers.get("webhook-signature", "").split(" ")
    content = b".".join((id.encode(), at.encode(), heard.body))
    fresh = at.isdigit() and abs(int(at) - time.time()) < 300
    if not id or not fresh or f"v1,{_hmac(WEBHOOK_KEY, content)}" not in signatures:
        return Says(401, "no such signature")
    body = _body(heard)
    if body is None or body.get("type") != "notice" or "text" not in body.get("data", {}):
        return Says(422, "no notice")
    return Says(204)


ROOMS: Mapping[str, Judge] = {
    "wecom": wecom, "dingtalk": dingtalk, "feishu": feishu, "slack": slack, "teams": teams,
    "webhook": webhook,
}  # fmt: skip
"""By the type of a channel."""
