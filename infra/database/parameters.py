"""What the engines are told by their parameter groups, and which logs they write."""

from collections.abc import Mapping
from typing import Final

from infra.catalog import rds
from infra.database.settings import DatabaseSettings

_SLOW_SECONDS: Final = 2
"""From here on a query is slow enough to be logged."""
_DEFAULT_LOGS: Final[Mapping[rds.Engine, tuple[rds.Log, ...]]] = {
    "mysql": ("error", "slowquery"),
    "postgres": ("postgresql", "upgrade"),
}


def logs(settings: DatabaseSettings) -> tuple[rds.Log, ...]:
    """The logs that go to CloudWatch."""
    return _DEFAULT_LOGS[settings.engine] if settings.logs is None else settings.logs


def parameters(settings: DatabaseSettings) -> dict[str, str]:
    """The engine's parameters that are not RDS's default. All of them are dynamic: they apply without a restart.

    Statements that set passwords are not logged: PostgreSQL's `log_statement` stays off, and MySQL writes its own
    statements about users without their passwords.
    Sources: RDS user guide, "Requiring SSL/TLS for all connections to a MySQL DB instance on Amazon RDS", "Requiring an
        SSL connection to a PostgreSQL DB instance" and "Configuring RDS for MySQL database logs".
    """
    tls = "1" if settings.require_tls else "0"
    if settings.engine == "postgres":
        return {
            "log_lock_waits": "1",
            "log_min_duration_statement": str(_SLOW_SECONDS * 1000),
            "rds.force_ssl": tls,
        }
    written = logs(settings)
    return {
        "general_log": "1" if "general" in written else "0",
        # RDS exports files; into tables, MySQL's other way, nothing would follow.
        "log_output": "FILE",
        "long_query_time": str(_SLOW_SECONDS),
        "require_secure_transport": tls,
        "slow_query_log": "1" if "slowquery" in written else "0",
    }
