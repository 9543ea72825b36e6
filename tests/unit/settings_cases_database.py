"""Mistakes in databases."""

from typing import Any, Final

from tests.unit.settings_stack import Table

RIGHT: Final = {"name": "metadata", "engine": "postgres", "version": "17", "multiAz": True}
"""A database with which nothing is wrong."""


def _with(**more: Any) -> dict[str, Any]:
    return {"databases": [{**RIGHT, **more}]}


def database(table: Table) -> None:
    add, here = table.add, "databases[0]"
    add(
        "database-without-engine",
        {"databases": [{"name": "a", "version": "17"}]},
        f"{here}.engine",
        "is required",
        schema=True,
    )
    add("database-name-not-legal", _with(name="Meta_data"), f"{here}.name", "does not match", schema=True)
    add(
        "database-name-twice",
        {"databases": [RIGHT, {**RIGHT, "engine": "mysql", "version": "8.4"}]},
        "databases[1].name",
        "'metadata' is the name of databases[0] too",
    )
    add(
        "database-identifier-too-long",
        {**_with(), "platform.name": "m" * 60},
        f"{here}.name",
        "m-metadata, which has 69 characters",
        "RDS takes 63",
    )
    _versions(table)
    _sizes(table)
    _times(table)
    _names(table)


def _versions(table: Table) -> None:
    add, path = table.add, "databases[0].version"
    add("database-version-a-number", _with(version=17), path, "is a number here; quote it: '17'", schema=True)
    add("database-version-unknown", _with(version="9.6"), path, "'9.6' is no version of postgres", "14, 15, 16, 17, 18")
    add("database-version-of-the-other", _with(engine="mysql"), path, "'17' is no version of mysql", "8.0, 8.4")
    add(
        "database-minor-unknown",
        _with(version="17.99"),
        path,
        "'17.99' is not known",
        "use 17 for the newest",
        "17.9, 17.10",
    )
    add(
        "database-minor-ended",
        _with(version="17.5"),
        path,
        "RDS ended it on 2026-10-31; use 17",
        "one of: 17.7, 17.8",
    )
    add(
        "database-version-past-standard-support",
        _with(engine="mysql", version="8.0"),
        path,
        "standard support of mysql 8.0 ended on 2026-07-31; use 8.4, or support: EXTENDED",
    )


def _sizes(table: Table) -> None:
    add, here = table.add, "databases[0]"
    add(
        "database-class-unknown",
        _with(instanceClass="db.m7g.lage"),
        f"{here}.instanceClass",
        "unknown instance class 'db.m7g.lage'; nearest: db.m7g.large",
    )
    add(
        "database-class-of-ec2",
        _with(instanceClass="m7g.large"),
        f"{here}.instanceClass",
        "unknown instance class 'm7g.large'; nearest: db.m7g.large",
    )
    add(
        "database-class-not-in-the-region",
        {
            **_with(instanceClass="db.m5d.large"),
            "platform.region": "eu-south-2",
            "network.zones": ["eus2-az1", "eus2-az2"],
            "nodeGroups[1]": {"name": "cpu", "instanceTypes": ["m7i.large"]},
            "storage": {},
        },
        f"{here}.instanceClass",
        "'db.m5d.large' is not sold in eu-south-2, which has: ",
        "db.t4g",
    )
    add(
        "database-insights-on-a-small-class",
        _with(engine="mysql", version="8.4", instanceClass="db.t4g.small", insights=True),
        f"{here}.insights",
        "db.t4g.small has none with mysql",
    )
    add("database-storage-below-gp3", _with(storage=10), f"{here}.storage", "greater than or equal to 20", schema=True)
    add(
        "database-storage-past-gp3",
        _with(storage=70_000),
        f"{here}.storage",
        "less than or equal to 65536",
        schema=True,
    )
    add(
        "database-growth-below-storage",
        _with(storage=100, maxStorage=50),
        f"{here}.maxStorage",
        "50 GiB is not 10 % more than storage (100); use 110 or more",
    )
    add("database-growth-too-small", _with(storage=1001, maxStorage=1101), f"{here}.maxStorage", "use 1102 or more")
    add(
        "database-growth-past-gp3",
        _with(storage=65_000, maxStorage=65_536),
        f"{here}.maxStorage",
        "leave it out: 65536 GiB is the most there is",
    )
    add("database-multi-az-in-one-zone", {**_with(), "network.zones": ["usw2-az1"]}, "network.zones", "at least two")


def _times(table: Table) -> None:
    add, here = table.add, "databases[0]"
    add(
        "database-backups-too-long", _with(backupDays=36), f"{here}.backupDays", "less than or equal to 35", schema=True
    )
    add(
        "database-without-backups",
        _with(backupDays=0),
        f"{here}.backupDays",
        "only what is disposable goes without backups",
    )
    add(
        "database-standby-without-backups",
        _with(backupDays=0, disposable=True),
        f"{here}.backupDays",
        "0 beside multiAz",
    )
    add(
        "database-window-of-no-clock",
        _with(backupWindow="25:00-26:00"),
        f"{here}.backupWindow",
        "does not match",
        schema=True,
    )
    add(
        "database-window-too-short",
        _with(backupWindow="03:00-03:29"),
        f"{here}.backupWindow",
        "a window has 30 minutes at least, this one 29",
    )
    add(
        "database-maintenance-too-short",
        _with(maintenanceWindow="sun:23:50-mon:00:10"),
        f"{here}.maintenanceWindow",
        "this one 20",
    )
    add(
        "database-windows-meet",
        _with(backupWindow="23:30-00:30", maintenanceWindow="mon:00:00-mon:01:00"),
        f"{here}.backupWindow",
        "'23:30-00:30' meets maintenanceWindow mon:00:00-mon:01:00",
    )


def _names(table: Table) -> None:
    add, here = table.add, "databases[0]"
    add("database-user-too-long", _with(username="a" * 17), f"{here}.username", "does not match", schema=True)
    add("database-user-reserved", _with(username="admin"), f"{here}.username", "'admin' is reserved by postgres")
    add("database-user-of-postgres", _with(username="pg_owner"), f"{here}.username", "'pg_owner' is reserved")
    add(
        "database-of-the-engine", _with(database="template1"), f"{here}.database", "'template1' is reserved by postgres"
    )
    add(
        "database-of-mysql",
        _with(engine="mysql", version="8.4", database="Information_Schema"),
        f"{here}.database",
        "reserved by mysql",
    )
    add(
        "database-log-of-the-other",
        _with(logs=["slowquery"]),
        f"{here}.logs[0]",
        "'slowquery' is no log of postgres",
        "postgresql, upgrade, iam-db-auth-error",
    )
    add("database-log-twice", _with(logs=["upgrade", "upgrade"]), f"{here}.logs[1]", "'upgrade' stands here twice")
    add(
        "database-log-unknown",
        _with(logs=["audit"]),
        f"{here}.logs[0]",
        "'audit' is not allowed",
        "slowquery",
        schema=True,
    )
