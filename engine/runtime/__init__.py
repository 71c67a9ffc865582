"""The decisions: facts in, a decision out. Pure: `now` is always a parameter."""
