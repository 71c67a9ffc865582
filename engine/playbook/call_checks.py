"""What is looked at before anything is called: addresses, and secrets kept out of sight."""

import re
from collections.abc import Mapping

from engine.playbook.actions import WebhookParams
from engine.playbook.nodes import MapNode, Node
from engine.playbook.reading import Reader
from engine.playbook.workspace import MEDIA, Channel, Workspace
from engine.playbook.written import url_fault

_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{\w+\}")
_SIGNED = ("dingtalk", "feishu", "webhook")
_HOLDS_ITS_KEY = ("slack", "teams", "wecom", "dingtalk", "feishu")


def check_secrets(params: WebhookParams, values: Mapping[str, Node], reader: Reader) -> None:
    """Reports a header that shows a secret to everybody who reads the file."""
    node = values.get("headers")
    for name, text in params.headers.items():
        if _SECRET_HEADER.search(name) and not _VARIABLE.search(text) and "{{" not in text:
            reader.report(
                "secret-in-the-clear",
                f"the header '{name}' holds a secret that everybody can read here",
                "put it into the environment and write `${NAME}`",
                (node.values[name] if isinstance(node, MapNode) else values["url"]).span,
            )


def check_channel_kind(via: str, workspace: Workspace, at: Node, reader: Reader) -> None:
    """Reports a kind of channel of which the workspace has none."""
    kinds = {one.type for one in workspace.channels.values()}
    if via in MEDIA and via not in workspace.channels and via not in kinds:
        reader.report(
            "unknown-channel",
            f"the workspace has no channel of type '{via}'",
            f"add one under `channels:` in longplay.yaml: `NAME: {{type: {via}, url: …}}`",
            at.span,
        )


def check_channel(name: str, channel: Channel, node: MapNode, reader: Reader) -> None:
    """Reports a channel that could not be reached, or that shows its key."""
    needed = "to" if channel.type == "email" else "url"
    if not getattr(channel, needed):
        reader.report(
            "channel-without-address",
            f"the channel '{name}' of type '{channel.type}' has no '{needed}'",
            "add `to: ADDRESS`" if needed == "to" else "add `url: ${NAME}`",
            node.span,
        )
    _unused(channel, node, reader)
    if "url" in node.values and channel.type != "email":
        _address(channel, node.values["url"], reader)
    if channel.secret and not _VARIABLE.search(channel.secret):
        _in_the_clear(f"the secret of '{name}'", node.values["secret"], reader)


def _unused(channel: Channel, node: MapNode, reader: Reader) -> None:
    unused = ["url"] if channel.type == "email" else ["to"]
    unused += ["secret"] if channel.type not in _SIGNED else []
    for key in unused:
        if key in node.keys:
            reader.report(
                "unused-key",
                f"'{key}' means nothing to a channel of type '{channel.type}'",
                "leave it out",
                node.keys[key].span,
            )


def _address(channel: Channel, at: Node, reader: Reader) -> None:
    if "{{" in channel.url:
        reader.report("bad-url", "the address of a channel is no template", "", at.span)
    elif channel.type in _HOLDS_ITS_KEY and not _VARIABLE.search(channel.url):
        _in_the_clear(f"this address of a {channel.type} room is a key to it", at, reader)
    elif (fault := url_fault(channel.url)) is not None:
        reader.report("bad-url", *fault, at.span)


def _in_the_clear(what: str, at: Node, reader: Reader) -> None:
    said = what if " is " in what else f"{what} can be read by everybody here"
    reader.report(
        "secret-in-the-clear", said, "put it into the environment and write `${NAME}`", at.span
    )
