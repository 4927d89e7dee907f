"""Making a database of PostgreSQL as good as new, or saying that it cannot be done."""

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

#: Whatever else a test may have left: somebody connected, settings, another schema, what the planner learned.
LEFT = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),
       (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0),
       (SELECT count(*) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
         WHERE c.relnamespace = 'public'::regnamespace)
"""
SHAPE = """
SELECT (SELECT md5(string_agg(concat(c.relname, a.attname, a.atttypid, a.attnotnull), ',' ORDER BY c.relname, a.attnum))
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc),
       (SELECT version_num FROM public.alembic_version), (SELECT revision FROM public.schema_floor)
"""
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
   AND relname NOT IN ('alembic_version', 'schema_floor')
"""


def shape_of(url: str) -> object:
    """What makes this database's schema, as one value."""
    with psycopg.connect(_dsn(url)) as connection:
        return connection.execute(SHAPE).fetchone()


def empty(url: str, shape: object) -> bool:
    """Take every row out, and say whether nothing else is left of what was there: it has this shape, and is as new."""
    try:
        with psycopg.connect(_dsn(url), autocommit=True) as connection:
            if connection.execute(LEFT).fetchone() != (0, 0, 0) or connection.execute(SHAPE).fetchone() != shape:
                return False
            names = [name for (name,) in connection.execute(TABLES)]
            # As a replica does, which checks no foreign keys.
            connection.execute("SET session_replication_role = replica")
            for name in names:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
    except psycopg.Error:
        return False
    return True


def _dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
