"""Every rule a diagnostic may name: what it means, a wrong example and the right one.

The reference page and the tests are made from this registry: each wrong example must be found, and
each right one must be clean. A rule that is not here may not be used.
"""

from collections.abc import Mapping

from engine.playbook.rule import Rule
from engine.playbook.rules_conditions import CONDITION_RULES
from engine.playbook.rules_escalation import ESCALATION_RULES
from engine.playbook.rules_mail import MAIL_RULES
from engine.playbook.rules_playbook import PLAYBOOK_RULES
from engine.playbook.rules_scenarios import SCENARIO_RULES
from engine.playbook.rules_scoring import SCORING_RULES
from engine.playbook.rules_source import SOURCE_RULES
from engine.playbook.rules_steps import STEP_RULES
from engine.playbook.rules_workspace import WORKSPACE_RULES

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        *SOURCE_RULES,
        *CONDITION_RULES,
        *STEP_RULES,
        *PLAYBOOK_RULES,
        *SCORING_RULES,
        *ESCALATION_RULES,
        *SCENARIO_RULES,
        *WORKSPACE_RULES,
        *MAIL_RULES,
    )
}
