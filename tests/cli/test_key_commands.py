"""The commands about keys: shown once, listed without, replaced, taken back."""

from tests.cli.conftest import Longplay


def test_a_key_from_its_making_to_its_end(longplay: Longplay) -> None:
    """Whoever lists keys learns who made which, and no key."""
    made = longplay(
        "keys", "create", "商店", "--scope", "events", "--lasts", "90 days", "--json"
    ).json
    assert made["key"].startswith(f"lp_{made['id']}_")
    listed = longplay("keys", "list")
    assert "商店" in listed.out and "good" in listed.out
    assert made["key"][20:] not in listed.out
    other = longplay("keys", "rotate", made["id"], "--overlap", "0", "--json").json
    assert other["name"] == "商店" and other["key"] != made["key"]
    rows = {row["id"]: row for row in longplay("keys", "list", "--json").json}
    assert (rows[made["id"]]["state"], rows[other["id"]]["state"]) == ("expired", "good")
    assert rows[other["id"]]["actor"].startswith("cli")
    assert longplay("keys", "revoke", other["key"]).status == 0
    assert longplay("keys", "revoke", other["id"]).err.startswith("error: the key")


def test_a_key_that_cannot_be_made_says_why(longplay: Longplay) -> None:
    """Each slip with what is right instead."""
    for words, said in (
        (("shop",), "the key opens nothing"),
        (("shop", "--scope", "event"), "did you mean 'events'?"),
        (("shop", "--scope", "read", "--lasts", "soon"), "soon"),
        (("shop", "--scope", "read", "--lasts", "3 months"), "counts months"),
    ):
        told = longplay("keys", "create", *words)
        assert (told.status, said in told.err) == (1, True), told.err
    assert "keys list" in longplay("keys", "revoke", "nothing").err
