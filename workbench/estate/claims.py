"""Who owns which place: claims of services, what belongs to the platform, and clashes.

The narrower claim wins: a table over its schema, a schema over its database, a database over its
instance. The platform wins over what was claimed only as a whole; a schema or table that a
service names is its own even if a known tool has one of that name.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from workbench.estate.facts import Owner, Service

UNOWNED = Owner(None, "unowned")
PLATFORM = Owner(None, "platform")

# Schemas that extensions and tools make. Extension members are known from the catalogue; these
# are the ones that tools fill without being the members of an extension.
_TOOL_SCHEMAS = """
    pg_* information_schema
    cron partman partman_* topology tiger tiger_data pgagent repack pglogical pglogical_* londiste
    pgq pgq_* _timescaledb* timescaledb_* citus citus_internal columnar columnar_internal
    hdb_catalog hdb_views graphile_worker graphile_migrate pgboss sqitch drizzle powa pganalyze
    pgbouncer pgroll awsdms* aws_commons aws_lambda aws_s3 supabase_migrations pgsodium
    pgsodium_masks extensions
"""
# Migration histories and the like. Not "migrations" (TypeORM, Laravel), which is a word of
# business too: hiding a service's table is worse than counting a tool's.
_TOOL_TABLES = """
    _prisma_migrations flyway_schema_history schema_version schema_migrations ar_internal_metadata
    alembic_version databasechangelog databasechangeloglock knex_migrations knex_migrations_lock
    django_migrations goose_db_version __EFMigrationsHistory __efmigrationshistory
    typeorm_metadata SequelizeMeta SequelizeData mikro_orm_migrations __drizzle_migrations
    kysely_migration kysely_migration_lock pgmigrations gorp_migrations atlas_schema_revisions
    _sqlx_migrations __diesel_schema_migrations refinery_schema_history seaql_migrations phinxlog
    doctrine_migration_versions _yoyo_log _yoyo_migration _yoyo_version yoyo_lock play_evolutions
    play_evolutions_lock awsdms_ddl_audit spatial_ref_sys
"""
_SCHEMA_PATTERNS = tuple(_TOOL_SCHEMAS.split())
_TABLES = frozenset(_TOOL_TABLES.split())

Key = tuple[str | None, ...]


@lru_cache(maxsize=65536)
def is_platform_schema(name: str) -> bool:
    """Whether a schema of this name is PostgreSQL's own or a known tool's.

    >>> [is_platform_schema(n) for n in ("pg_toast", "cron", "_timescaledb_internal", "public")]
    [True, True, True, False]
    """
    return any(fnmatchcase(name, pattern) for pattern in _SCHEMA_PATTERNS)


class Claims:
    """An index of what services claim; a lookup takes a handful of dictionary reads."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._owners: dict[Key, Owner] = {}
        for service in services:
            owner = Owner(service.name, "owned")
            for key in claimed(service):
                self._owners.setdefault(key, owner)

    def owner(
        self, instance: str, database: str, schema: str, table: str | None, extension: bool
    ) -> Owner:
        """Who owns a table, or the schema where ``table`` is None."""
        if table is not None:
            named = self._narrowest(instance, database, schema, table)
            if named:
                return named
        if extension or table in _TABLES:
            return PLATFORM
        return (
            self._narrowest(instance, database, schema)
            or (PLATFORM if is_platform_schema(schema) else None)
            or self._narrowest(instance, database)
            or UNOWNED
        )

    def _narrowest(self, instance: str, database: str, *rest: str) -> Owner | None:
        found = self._owners.get((instance, database, *rest))
        return found or self._owners.get((instance, None, *rest))


def claimed(service: Service) -> Iterator[Key]:
    """What a service claims: (instance, database or None for any[, schema[, table]])."""
    if service.instance is None:
        return
    base = (service.instance, service.database)
    if service.whole:
        yield base
    for schema in service.schemas:
        yield (*base, schema)
    for schema, table in service.tables:
        yield (*base, schema, table)


def clashes(services: Iterable[Service]) -> Iterator[tuple[Service, str]]:
    """Claims that exclude each other: the later service, and what is wrong in words."""
    first: dict[Key, Service] = {}
    for service in services:
        for key in dict.fromkeys(claimed(service)):
            other = first.setdefault(key, service)
            if other is not service:
                yield service, f"{in_words(key)} is claimed by service {other.name!r} too"
    for key, service in first.items():
        instance, database, *rest = key
        if len(rest) > 1:
            continue  # named tables may be taken out of anything
        wider: list[Key] = [(instance, None)] if database is not None else []
        wider += [(instance, database)] if rest else []
        for whole in wider:
            other = first.get(whole, service)
            if other is not service:
                yield (
                    service,
                    f"{in_words(key)} lies in {in_words(whole)}, which service {other.name!r} claims whole",
                )


def in_words(key: Key) -> str:
    """A claim's place, for messages."""
    instance, database, *rest = key
    inside = f" of database {database!r}" if database is not None else f" of instance {instance!r}"
    if len(rest) == 2:
        return f"table {rest[1]!r} in schema {rest[0]!r}{inside}"
    if rest:
        return f"schema {rest[0]!r}{inside}"
    if database is not None:
        return f"database {database!r} of instance {instance!r}"
    return f"instance {instance!r}"
