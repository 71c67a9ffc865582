"""JSON documents as text: whatever came in comes out again, on both of the ways that there are."""

import json

import pytest

from engine.store import documents

KEPT = [
    pytest.param({}, id="nothing in a record"),
    pytest.param([], id="nothing in a list"),
    pytest.param({"名字": "李伟", "note": "a\u2028b\x00"}, id="any script"),
    pytest.param({"half": "a\ud800b"}, id="half a character, as files may hold one"),
    pytest.param({"sum": 0.1 + 0.2, "tiny": 5e-324, "huge": 2**70, "minus": -0.0}, id="numbers"),
    pytest.param([None, True, False, 0, ""], id="what is as good as nothing"),
    pytest.param({"in": {"in": [[]]}}, id="records within records"),
]


@pytest.mark.parametrize("value", KEPT)
def test_a_document_is_read_as_it_was_written(value: object) -> None:
    """Also by those who read JSON without us, and from what they wrote."""
    text = documents.spell(value)
    assert documents.read(text) == value
    assert json.loads(text) == value
    assert documents.read(json.dumps(value)) == value
    assert documents.read(json.dumps(value).encode()) == value


def test_what_is_no_document_is_refused() -> None:
    """Neither on the way in nor on the way out is anything made up."""
    with pytest.raises(TypeError):
        documents.spell({"what": object()})
    with pytest.raises(ValueError, match="Expecting"):
        documents.read("{nothing")
