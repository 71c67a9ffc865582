"""The control steps: what decides where an enrollment goes on. One file a step."""

from engine.playbook.step import ControlStep
from engine.playbook.steps.approve import Approve
from engine.playbook.steps.choose import Choose
from engine.playbook.steps.end import End
from engine.playbook.steps.goto import Goto
from engine.playbook.steps.if_ import If
from engine.playbook.steps.repeat import Repeat
from engine.playbook.steps.split import Split
from engine.playbook.steps.wait import Wait
from engine.playbook.steps.wait_for import WaitFor

CONTROL_STEPS: dict[str, type[ControlStep]] = {
    step.VERB: step for step in (Wait, WaitFor, If, Choose, Split, Repeat, Goto, Approve, End)
}
