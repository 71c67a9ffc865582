"""`untag` takes tags off the record."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import tags_of, texts
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Removes the tags that are there."""
    unwanted = {desk.text(tag, member) for tag in texts(params["tags"])}
    had = tags_of(member)
    desk.change(member, {"tags": [tag for tag in had if tag not in unwanted]})
    return Acted("untagged", ", ".join(tag for tag in had if tag in unwanted) or "had none")


ACTION = Inline("untag", run)
