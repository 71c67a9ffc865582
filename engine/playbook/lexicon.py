"""What expressions may name in one workspace, and those that were compiled so far, each once.

The checks of a playbook ask for the same conditions again and again, and so do its neighbors.
"""

from collections.abc import Sequence
from typing import Literal

from engine.playbook.catalog import vocabulary
from engine.playbook.condition_checks import Doubt, doubts
from engine.playbook.conditions import CompiledCondition, ConditionError, compile_condition
from engine.playbook.conditions.vocabulary import Vocabulary
from engine.playbook.workspace import Workspace

Place = tuple[Literal["lead", "deal"], str | None, bool, bool]
"""Where an expression stands: the record, the event (None: any), whether one is looked at, and
whether a deal is known."""


class Lexicon:
    """The names of one workspace, and the conditions compiled with them."""

    def __init__(self, workspace: Workspace, scores: Sequence[str] = ("score",)) -> None:
        self.workspace = workspace
        self.scores = tuple(scores)
        self._vocabularies: dict[Place, Vocabulary] = {}
        self._compiled: dict[tuple[str, Place], CompiledCondition | ConditionError] = {}
        self._doubts: dict[tuple[str, Place], list[Doubt]] = {}

    def names(self, place: Place) -> Vocabulary:
        """What an expression may name there."""
        found = self._vocabularies.get(place)
        if found is None:
            found = self._vocabularies[place] = self._vocabulary(*place)
        return found

    def compiled(self, text: str, place: Place) -> CompiledCondition:
        """The condition that `text` says there.

        Raises:
            ConditionError: something is wrong with it.
        """
        key = text, place
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = self._compile(text, place)
        if isinstance(found, ConditionError):
            raise found
        return found

    def doubts(self, text: str, place: Place) -> list[Doubt]:
        """What is doubtful about a condition that compiles there."""
        key = text, place
        found = self._doubts.get(key)
        if found is None:
            found = self._doubts[key] = doubts(self.compiled(text, place))
        return found

    def _compile(self, text: str, place: Place) -> CompiledCondition | ConditionError:
        try:
            return compile_condition(text, self.names(place))
        except ConditionError as error:
            return error.with_traceback(None)

    def _vocabulary(
        self, record: Literal["lead", "deal"], event: str | None, has_event: bool, has_deal: bool
    ) -> Vocabulary:
        workspace = self.workspace
        stages = [s.name for pipeline in workspace.pipelines.values() for s in pipeline.stages]
        return vocabulary(
            lead_fields=workspace.fields.lead,
            deal_fields=workspace.fields.deal,
            events=workspace.events,
            segments=tuple(workspace.segments),
            scores=self.scores,
            record=record,
            event=event,
            has_event=has_event,
            has_deal=has_deal,
            lifecycle=workspace.lifecycle,
            deal_stages=tuple(dict.fromkeys(stages)),
            pipelines=tuple(workspace.pipelines),
            owners=tuple(workspace.owners),
        )
