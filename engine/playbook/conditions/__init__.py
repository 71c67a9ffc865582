"""The condition language: text in; a checked, compiled condition or its flaws out.

`compile_condition` checks against a vocabulary, for validate; `condition` is for plans, which were
checked before. It refuses to run anything: conditions read records and answer. What every compiler
of the tree must do alike, beyond what the language says in so many words:

- a date beside a moment is compared with the moment's date in the scope's zone, so
  `lead.created_at <= "2026-12-01"` holds all that day; `"2026-12-01 09:00"` is on that zone's clock
- `days_since` and its kin count whole units, rounded down; of a date they count calendar days
- `==`, `in` and `<` mind the case of letters; `is matching` and `is containing` do not
- `and` and `or` give the deciding term; false are false, 0, "", an empty list, and missing
- `count` and `sum` of nothing are 0; `last` of nothing is missing; `x / 0` and `x % 0` are missing
- `/` is never cut to a whole number; `%` has the sign of what stands on its right
- a value of another kind is as good as missing: it compares with nothing, `!=` included
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
