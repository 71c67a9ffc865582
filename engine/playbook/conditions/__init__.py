"""The condition language: text in, a checked and compiled condition out."""
