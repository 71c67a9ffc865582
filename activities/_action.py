"""What an action is: a name, its parameters, and what it does for one enrollment.

An *inline* action changes records in the transaction of `advance`. An *outgoing* one queues a job
for the outside world; how the job is carried out is the business of its queue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from activities._desk import Desk
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member

Params: TypeAlias = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Inline:
    """An action whose effect commits together with the step.

    Attributes:
        name: file name = YAML name = this.
        run: does it for one enrollment, by the desk; says what it did and why.
        idempotency: why doing it again after a crash changes nothing.
    """

    name: str
    run: Callable[[Params, Member, Desk], Acted]
    idempotency: str = "its effect, the step log and the row commit together, once per seq"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An action that leaves the house.

    Attributes:
        name: file name = YAML name = this, and the kind of its jobs.
        queue: the task queue whose activities carry it out, unless `describe` names another.
        describe: what the job needs to know, as JSON without personal data.
        marketing: whether it counts against caps and needs permission.
        later: what is done instead of a job, given what `describe` said; None: the job it is.
        idempotency: how a repeat is recognized.
    """

    name: str
    queue: str
    describe: Callable[[Params, Member, Desk], dict[str, JsonValue]]
    marketing: Callable[[Params], bool]
    later: Callable[[Params, Mapping[str, JsonValue], Member, Desk], Acted | None] | None = None
    idempotency: str = "the job's key is (enrollment, seq); its Message-ID is made from it"


Action: TypeAlias = Inline | Outgoing
