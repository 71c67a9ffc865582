"""The use cases: each one transaction that joins decisions with the store."""
