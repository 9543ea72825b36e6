"""Settings of databases: RDS for the metadata of pipelines, Katib and the model registry."""

from typing import Annotated, Literal

from pydantic import Field

from infra.catalog import rds
from infra.database.windows import DailyWindow, WeeklyWindow
from infra.model import Model
from infra.network.settings import RetentionDays

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=30)]
StorageGib = Annotated[int, Field(ge=rds.STORAGE_GIB[0], le=rds.STORAGE_GIB[1])]


class DatabaseSettings(Model):
    """An RDS instance: private, encrypted, its password made and kept by AWS."""

    name: Name
    """Short name, such as metadata. `<platform>-<name>` is its identifier in AWS. Changing it makes a new one."""
    engine: rds.Engine
    """mysql or postgres. Changing it makes a new one, without the data."""
    version: Annotated[str, Field(pattern=r"^\d+(\.\d+){0,2}$")]
    """In quotes. A major version such as "17" or "8.4": RDS installs the newest minor, and later ones in the
    maintenance window. A minor such as "17.10" stays until you change it. A later major version upgrades."""
    instance_class: str = "db.t4g.medium"
    """Such as db.t4g.medium or db.m7g.large."""
    storage: StorageGib = 20
    """GiB of gp3. From 400 on it has four times the IOPS. Can grow, never shrink."""
    max_storage: StorageGib | None = None
    """GiB up to which storage grows by itself, at least 10 % more than `storage`. None: it does not grow."""
    multi_az: bool = False
    """Keep a standby in a second zone, for twice the price."""
    database: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")] | None = None
    """Database made with the instance. None: only the engine's own. Changing it makes a new instance."""
    username: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")] = "dbadmin"
    """Master user. Changing it makes a new instance."""
    backup_days: Annotated[int, Field(ge=rds.BACKUP_DAYS[0], le=rds.BACKUP_DAYS[1])] = 7
    """Days that daily backups and point-in-time recovery reach back; 0 for none."""
    backup_window: DailyWindow = "03:00-04:00"
    """When the daily backup is made, UTC, such as 03:00-04:00."""
    maintenance_window: WeeklyWindow = "sun:05:00-sun:06:00"
    """When RDS patches, and applies what it does not at once, UTC, such as sun:05:00-sun:06:00."""
    logs: tuple[rds.Log, ...] | None = None
    """Logs sent to CloudWatch. By default error and slowquery (mysql), postgresql and upgrade (postgres)."""
    log_retention_days: RetentionDays = 30
    """Days that these logs are kept."""
    insights: bool | None = None
    """Database Insights (once Performance Insights) with its free seven days. By default where the class has it."""
    monitoring_seconds: Literal[1, 5, 10, 15, 30, 60] | None = None
    """Enhanced monitoring of the operating system, so often. None: off."""
    require_tls: bool = True
    """Refuse clients without TLS."""
    support: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    """EXTENDED keeps a major version past its standard support, for a price per vCPU and hour."""
    apply_immediately: bool = False
    """Apply changes at once, even where they need a restart, instead of in the maintenance window."""
    disposable: bool = False
    """`destroy` may delete it, with all backups and no last snapshot."""
