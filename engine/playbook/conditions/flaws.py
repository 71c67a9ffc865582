"""What can be wrong with a condition: findings with a place, gathered before they are raised."""

from dataclasses import dataclass, field

from engine.errors import InputError


@dataclass(frozen=True)
class Flaw:
    """One finding about a condition.

    Args:
        rule: the kebab-case name of the fault.
        message: the fault, lower case, the offending text in single quotes.
        help: the next move, or empty.
        column: where it begins in the condition's text, from 0.
        end_column: where it ends, exclusive.
    """

    rule: str
    message: str
    help: str
    column: int
    end_column: int


class ConditionError(InputError):
    """A condition that cannot be accepted, with everything found wrong with it."""

    def __init__(self, flaws: tuple[Flaw, ...]) -> None:
        first = flaws[0]
        super().__init__(first.message, help=first.help)
        self.flaws = flaws


@dataclass
class Findings:
    """The flaws of one text, as they are found."""

    text: str
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, rule: str, message: str, *, span: tuple[int, int], help: str = "") -> None:
        """Keep a finding; the same place is not blamed twice for the same rule."""
        flaw = Flaw(rule, message, help, span[0], max(span[1], span[0] + 1))
        if all((each.rule, each.column) != (rule, span[0]) for each in self.flaws):
            self.flaws.append(flaw)

    def at(self, span: tuple[int, int]) -> str:
        """The text that stands at `span`."""
        return self.text[span[0] : span[1]]

    def mended(self, span: tuple[int, int], replacement: str) -> str:
        """The whole text with what stands at `span` replaced."""
        return self.text[: span[0]] + replacement + self.text[span[1] :]

    def raise_any(self) -> None:
        """Raise everything found, in the order of the text.

        Raises:
            ConditionError: something was found.
        """
        if self.flaws:
            raise ConditionError(tuple(sorted(self.flaws, key=lambda each: each.column)))
