"""Amazon RDS for MySQL and PostgreSQL: engine versions, instance classes, limits, ports, logs.

Sources: `data/rds_versions.json` and `data/rds_classes.json` (curated, each with its own); CreateDBInstance in
botocore's rds model (limits, logs); RDS user guide, "Managing capacity automatically with Amazon RDS storage
autoscaling", "Amazon RDS DB engine, Region, and instance class support for Database Insights" and "Using SSL/TLS to
encrypt a connection to a DB instance". Reserved words: aws-cloudformation/cfn-lint#4425 (tried against RDS),
PostgreSQL 17 appendix C and MySQL 8.4 reference manual, section 11.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import instance_type
from infra.catalog.prices import InfraPrice
from infra.catalog.table import table

Engine = Literal["mysql", "postgres"]
Log = Literal["error", "general", "slowquery", "postgresql", "upgrade", "iam-db-auth-error"]
Support = Literal["standard", "extended", "ended"]

PORTS: Final[Mapping[Engine, int]] = MappingProxyType({"mysql": 3306, "postgres": 5432})
LOGS: Final[Mapping[Engine, tuple[Log, ...]]] = MappingProxyType(
    {
        "mysql": ("error", "general", "slowquery", "iam-db-auth-error"),
        "postgres": ("postgresql", "upgrade", "iam-db-auth-error"),
    }
)
"""What can be exported to CloudWatch Logs. `audit` of MySQL is left out: it needs an option group with a plugin."""

STORAGE_GIB: Final = (20, 65_536)
"""Least and most gp3 storage."""
MAX_STORAGE_MARGIN_PERCENT: Final = 10
"""The maximum that storage grows to must be at least so much more than the storage."""
BACKUP_DAYS: Final = (0, 35)
IDENTIFIER_LENGTH: Final = 63
WINDOW_MINUTES: Final = 30
"""The least length of the backup and the maintenance window."""
CA_CERTIFICATE: Final = "rds-ca-rsa2048-g1"
"""The authority of server certificates that has followed rds-ca-2019 and is RDS's default."""

RESERVED_USERS: Final[Mapping[Engine, frozenset[str]]] = MappingProxyType(
    {
        "mysql": frozenset({"rdsadmin", "rdsrepladmin"}),
        "postgres": frozenset({"rdsadmin", "rdsrepladmin", "rds_superuser", "admin"}),
    }
)
RESERVED_PREFIX: Final = "pg_"
"""Of roles and databases in PostgreSQL."""

_OWN_DATABASES: Final[Mapping[Engine, frozenset[str]]] = MappingProxyType(
    {
        "mysql": frozenset({"information_schema", "innodb", "mysql", "performance_schema", "sys"}),
        "postgres": frozenset({"postgres", "rdsadmin", "template0", "template1"}),
    }
)
_WORDS: Final[Mapping[Engine, frozenset[str]]] = MappingProxyType(
    {
        "mysql": frozenset(
            {"add", "all", "alter", "database", "databases", "default", "function", "groups", "index", "key", "keys"}
            | {"option", "order", "primary", "range", "rank", "read", "row", "rows", "schema", "schemas", "select"}
            | {"system", "table", "to", "trigger", "union", "usage", "values", "window", "write"}
        ),
        "postgres": frozenset(
            {"admin", "all", "analyze", "any", "array", "cast", "check", "collate", "column", "db", "default", "end"}
            | {"foreign", "grant", "group", "limit", "offset", "order", "primary", "references", "select", "some"}
            | {"table", "to", "union", "unique", "user", "using", "when", "window"}
        ),
    }
)
_NO_INSIGHTS: Final = frozenset({"db.t3.micro", "db.t3.small", "db.t4g.micro", "db.t4g.small"})
"""MySQL only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVersion:
    """A major version of an engine.

    Attributes:
        engine: Its engine.
        major: Such as `8.4` or `17`.
        family: Of its parameter groups, such as `mysql8.4`.
        standard_until: The last day of standard support.
        extended_until: The last day of extended support, which costs per vCPU.
        minors: Minor version to the last day of its standard support, oldest first.
    """

    engine: Engine
    major: str
    family: str
    standard_until: date
    extended_until: date
    minors: Mapping[str, date]

    def support(self, on: date) -> Support:
        """Which support the major version has on a day."""
        if on <= self.standard_until:
            return "standard"
        return "extended" if on <= self.extended_until else "ended"

    def third_extended_year(self, on: date) -> bool:
        """Whether extended support is in its third and dearer year."""
        start = self.standard_until + timedelta(days=1)
        return on >= start.replace(year=start.year + 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceClass:
    """A DB instance class, such as `db.m7g.large`: an EC2 type of the same name without `db.`."""

    name: str
    vcpus: int
    memory_mib: int


def majors(engine: Engine) -> tuple[str, ...]:
    """The major versions of an engine in the catalogue, oldest first."""
    names = (name.split() for name in table("rds_versions").names())
    return tuple(sorted((major for kind, major in names if kind == engine), key=_numbers))


@cache
def engine_version(engine: Engine, name: str) -> EngineVersion:
    """The major version that a version is or belongs to, such as `17` for `17.10`.

    A minor version is not looked for: see `EngineVersion.minors`.

    Raises:
        UnknownNameError: The catalogue does not have the major version.
    """
    parts = name.split(".")
    for major in (name, ".".join(parts[:-1])):
        row = table("rds_versions").row(f"{engine} {major}")
        if row is not None:
            return EngineVersion(
                engine=engine,
                major=major,
                family=f"{engine}{major}",
                standard_until=date.fromisoformat(row["standard_until"]),
                extended_until=date.fromisoformat(row["extended_until"]),
                minors={
                    minor: date.fromisoformat(row["minors"][minor]) for minor in sorted(row["minors"], key=_numbers)
                },
            )
    raise UnknownNameError(f"{engine} version", name, majors(engine))


def classes() -> tuple[str, ...]:
    """The names of all instance classes in the catalogue, sorted. Both engines run on each."""
    return table("rds_classes").names()


@cache
def instance_class(name: str) -> InstanceClass:
    """Look an instance class up.

    Raises:
        UnknownNameError: The catalogue does not have it.
    """
    if table("rds_classes").row(name) is None:
        raise UnknownNameError("instance class", name, classes())
    hardware = instance_type(name.removeprefix("db."))
    return InstanceClass(name=name, vcpus=hardware.vcpus, memory_mib=hardware.memory_mib)


def offered(name: str, region: str) -> bool:
    """Whether a region has an instance class.

    Raises:
        UnknownNameError: The catalogue does not have the class.
    """
    instance_class(name)
    row: dict[str, list[str]] = table("rds_classes").row(name) or {}
    return region in row["only"] if "only" in row else region not in row.get("absent", ())


def insights(engine: Engine, name: str) -> bool:
    """Whether Database Insights, which was Performance Insights, works on an instance class."""
    return engine != "mysql" or name not in _NO_INSIGHTS


@cache
def hourly(engine: Engine, name: str) -> InfraPrice | None:
    """What a Single-AZ instance costs an hour in us-east-1; None where no stored source says.

    Multi-AZ runs two (RDS user guide, "On-Demand DB instances").

    Raises:
        UnknownNameError: The catalogue does not have the class.
    """
    instance_class(name)
    row: dict[str, dict[str, tuple[float, str]]] = table("rds_classes").row(name) or {}
    found = row.get("usd", {}).get(engine)
    if found is None:
        return None
    usd, key = found
    source, verified = table("rds_classes").meta["price_sources"][key]
    return InfraPrice(usd=usd, unit="per hour", verified=verified, source=source)


def reserved_user(engine: Engine, name: str) -> bool:
    """Whether RDS refuses a name for the master user."""
    return name in RESERVED_USERS[engine] or (engine == "postgres" and name.startswith(RESERVED_PREFIX))


def reserved_database(engine: Engine, name: str) -> bool:
    """Whether a name is a database of the engine's own or a word that the engine reserves."""
    lower = name.lower()
    return lower in _OWN_DATABASES[engine] | _WORDS[engine] or (
        engine == "postgres" and lower.startswith(RESERVED_PREFIX)
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
