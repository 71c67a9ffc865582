"""The chat rooms and other places that notices go to: one adapter a file.

An adapter is two pure functions: a notice into a request, an answer into a verdict.
"""

from collections.abc import Mapping

from engine.calls.channels import dingtalk, feishu, slack, teams, webhook, wecom
from engine.calls.channels.adapter import Adapter

ADAPTERS: Mapping[str, Adapter] = {
    "slack": slack.ADAPTER,
    "teams": teams.ADAPTER,
    "wecom": wecom.ADAPTER,
    "dingtalk": dingtalk.ADAPTER,
    "feishu": feishu.ADAPTER,
    "webhook": webhook.ADAPTER,
}
"""By the `type` of a channel."""
