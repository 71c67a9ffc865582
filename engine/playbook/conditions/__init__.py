"""The condition language: text in; a checked, compiled condition or its flaws out.

`compile_condition` checks against a vocabulary, for validate; `condition` is for plans, which were
checked before. It refuses to run anything: conditions read records and answer.
"""

from engine.playbook.conditions.compiled import CompiledCondition, compile_condition, condition
from engine.playbook.conditions.flaws import ConditionError, Flaw
from engine.playbook.conditions.vocabulary import Kind, ValueType, Vocabulary

__all__ = [
    "CompiledCondition",
    "ConditionError",
    "Flaw",
    "Kind",
    "ValueType",
    "Vocabulary",
    "compile_condition",
    "condition",
]
