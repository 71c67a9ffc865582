"""Empty PostgreSQL databases for tests: one a worker, emptied between tests instead of made anew.

A database costs PostgreSQL a quarter of a second to make, its emptying a twentieth of that. One
whose tables or indexes a test has changed is thrown away.
"""

import time
import uuid

import psycopg
import sqlalchemy as sa
from psycopg import sql

_ALEMBIC = "alembic_version"
_EMPTY = f"""
DO $$
DECLARE name text; found bool;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    IF name <> '{_ALEMBIC}' THEN
      EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', name) INTO found;
      IF found THEN EXECUTE format('TRUNCATE public.%I RESTART IDENTITY CASCADE', name); END IF;
    END IF;
  END LOOP;
END $$
"""
_SHAPE = """
SELECT md5(string_agg(concat(c.relname, c.relkind, a.attname, a.attnotnull), ',' ORDER BY
                      c.relname, a.attname)),
       (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_constraint)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Databases:
    """Hands out an empty, migrated database; one at a time."""

    def __init__(self, admin: sa.URL, template: str) -> None:
        self._admin, self._template = admin, template
        self._name = ""
        self._shape: object = None

    def empty(self) -> str:
        """The URL of an empty database; what the one before held is gone."""
        if not self._name or not self._emptied():
            self.close()
            self._make()
        return self._admin.set(database=self._name).render_as_string(hide_password=False)

    def close(self) -> None:
        """Drops what there is."""
        if self._name:
            self._administer("DROP DATABASE {} WITH (FORCE)", self._name)
            self._name = ""

    def _make(self) -> None:
        self._name = f"longplay_{uuid.uuid4().hex[:16]}"
        self._administer("CREATE DATABASE {} TEMPLATE {}", self._name, self._template)
        with self._connect(self._name) as inside:
            self._shape = inside.execute(_SHAPE).fetchone()

    def _emptied(self) -> bool:
        """Whether it is empty and has the shape that it was made in."""
        with self._connect(self._name) as inside:
            until = time.monotonic() + 10
            while inside.execute(_OTHERS).fetchall():
                if time.monotonic() > until:
                    return False
                time.sleep(0.002)
            if inside.execute(_SHAPE).fetchone() != self._shape:
                return False
            inside.execute(_EMPTY.encode())
        return True

    def _administer(self, statement: str, *names: str) -> None:
        with self._connect(None) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _connect(self, database: str | None) -> psycopg.Connection:
        url = self._admin.set(drivername="postgresql")
        if database is not None:
            url = url.set(database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
