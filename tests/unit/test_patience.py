"""How long a dead child is waited for, and when it is given up."""

import pytest

from engine.embedded.patience import ENOUGH, LONGEST, WINDOW, delay_after


@pytest.mark.parametrize(
    ("deaths", "delay"),
    [
        ([0.0], 0.5),
        ([0.0, 1.0], 1.0),
        ([0.0, 1.0, 3.0], 2.0),
        ([0.0, 1.0, 3.0, 6.0, 11.0], 8.0),
        ([0.0, 1.0, 3.0, 6.0, 11.0, 20.0], None),
        ([0.0, WINDOW + 1], 0.5),
        ([0.0, 1.0, WINDOW + 0.5], 1.0),
    ],
)
def test_deaths_in_a_row_are_answered_with_growing_patience(
    deaths: list[float], delay: float | None
) -> None:
    """Each death doubles the wait, too many of them end it, and old ones are forgiven."""
    assert delay_after(deaths) == delay


def test_a_child_that_dies_now_and_then_is_never_given_up() -> None:
    """Only deaths close together count, however many there were."""
    deaths = [number * WINDOW for number in range(10 * ENOUGH)]
    assert delay_after(deaths) == 0.5


def test_no_wait_is_longer_than_the_longest() -> None:
    """The doubling stops."""
    waits = [delay_after([float(second) for second in range(count)]) for count in range(1, ENOUGH)]
    assert all(wait is not None and wait <= LONGEST for wait in waits)
