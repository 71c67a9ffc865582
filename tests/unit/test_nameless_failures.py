"""What Temporal is told of a failure."""

import traceback

import pytest
from temporalio.exceptions import ApplicationError, CancelledError

from activities._nameless import nameless


def test_a_failure_goes_on_as_its_kind_alone() -> None:
    """PostgreSQL quotes the row that it refuses; neither message nor causes carry it."""
    with pytest.raises(ApplicationError) as raised, nameless("advance"):
        raise ValueError("Key (email_key)=(ann@example.com) already exists.")
    assert (raised.value.type, raised.value.non_retryable) == ("ValueError", False)
    assert raised.value.__cause__ is None
    assert "ann@example.com" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("own", [CancelledError("stop"), ApplicationError("ours", type="Ours")])
def test_what_is_temporals_own_goes_on_as_it_is(own: Exception) -> None:
    """A cancellation that looked like a failure would be tried again."""
    with pytest.raises(type(own)) as raised, nameless("send"):
        raise own
    assert raised.value is own
