"""`tag` puts tags on the record; one that is there already stays once."""

from activities._action import Inline, Params
from activities._desk import Desk
from activities._reading import tags_of, texts
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member


def run(params: Params, member: Member, desk: Desk) -> Acted:
    """Adds the tags that are missing, in order."""
    had = tags_of(member)
    wanted = [desk.text(tag, member) for tag in texts(params["tags"])]
    new = [tag for tag in dict.fromkeys(wanted) if tag not in had]
    desk.change(member, {"tags": [*had, *new]})
    return Acted("tagged", ", ".join(new) or "had them already")


ACTION = Inline("tag", run)
