"""The schema's history: one Alembic revision a file, run by `engine.store.schema`."""
