"""What is wrong, or worth a word, in the databases of a stack. The legal values stand in `infra.catalog.rds`."""

from collections.abc import Iterator, Sequence

from infra.catalog import rds
from infra.catalog.errors import UnknownNameError
from infra.database.names import identifier
from infra.database.settings import DatabaseSettings
from infra.database.windows import meet
from infra.problems import Problem, nearest, one_of, repeated, shown
from infra.surroundings import Surroundings


def problems(databases: Sequence[DatabaseSettings], around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings.

    A subnet group and Multi-AZ need two zones; so does EKS, and `infra.network` asks for them.
    """
    seen: dict[str, str] = {}
    for index, database in enumerate(databases):
        here = f"databases[{index}]"
        if database.name in seen:
            yield Problem(f"{here}.name", f"{shown(database.name)} is the name of {seen[database.name]} too")
        seen.setdefault(database.name, here)
        full = identifier(around.platform.name, database.name)
        if len(full) > rds.IDENTIFIER_LENGTH:
            yield Problem(
                f"{here}.name",
                f"{shown(database.name)} makes the identifier {full}, which has {len(full)} characters; "
                f"RDS takes {rds.IDENTIFIER_LENGTH}",
            )
        yield from _version_problems(database, here, around)
        yield from _class_problems(database, here, around.platform.region)
        yield from _storage_problems(database, here, disposable=around.platform.disposable or database.disposable)
        yield from _name_problems(database, here)
        yield from _log_problems(database, here)


def warnings(databases: Sequence[DatabaseSettings]) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    for index, database in enumerate(databases):
        here = f"databases[{index}] {database.name}"
        if not database.multi_az and not database.disposable:
            yield f"{here}: multiAz is false, so what needs it stops with its zone, and during its maintenance"
        if database.support == "EXTENDED":
            yield f"{here}: support EXTENDED is billed per vCPU and hour once standard support is over"
        if not database.require_tls:
            yield f"{here}: requireTls is false, so passwords and data may cross the network in the clear"


def _version_problems(database: DatabaseSettings, here: str, around: Surroundings) -> Iterator[Problem]:
    path, engine, name = f"{here}.version", database.engine, database.version
    try:
        found = rds.engine_version(engine, name)
    except UnknownNameError:
        known = rds.majors(engine)
        yield Problem(
            path, f"{shown(name)} is no version of {engine} that RDS supports{nearest(name, known)}: {one_of(known)}"
        )
        return
    support = found.support(around.today)
    if support == "ended" or (support == "extended" and database.support == "STANDARD"):
        later = one_of(
            major
            for major in rds.majors(engine)
            if rds.engine_version(engine, major).support(around.today) == "standard"
        )
        dear = "" if support == "ended" else ", or support: EXTENDED, which is billed per vCPU"
        yield Problem(
            path,
            f"{shown(name)}: standard support of {engine} {found.major} ended on {found.standard_until}; "
            f"use {later or 'a later one'}{dear}",
        )
    elif name != found.major and name not in found.minors:
        yield Problem(
            path,
            f"{shown(name)} is not known{nearest(name, found.minors)}; use {found.major} for the newest, "
            f"or one of: {one_of(found.minors)}",
        )
    # Once the major version is in extended support, minors live as long as it does.
    elif support == "standard" and name in found.minors and found.minors[name] < around.today:
        alive = one_of(minor for minor, end in found.minors.items() if end >= around.today)
        yield Problem(
            path,
            f"{shown(name)}: RDS ended it on {found.minors[name]}; "
            f"use {found.major} for the newest, or one of: {alive}",
        )


def _class_problems(database: DatabaseSettings, here: str, region: str) -> Iterator[Problem]:
    name = database.instance_class
    path = f"{here}.instanceClass"
    try:
        there = rds.offered(name, region)
    except UnknownNameError as error:
        yield Problem(path, str(error))
        return
    if not there:
        family = name.rpartition(".")[0]
        others = sorted({each.rpartition(".")[0] for each in rds.classes() if rds.offered(each, region)} - {family})
        yield Problem(path, f"{shown(name)} is not sold in {region}, which has: {one_of(others)}")
    if database.insights and not rds.insights(database.engine, name):
        yield Problem(
            f"{here}.insights", f"{name} has none with {database.engine}; leave it out or take a larger class"
        )


def _storage_problems(database: DatabaseSettings, here: str, *, disposable: bool) -> Iterator[Problem]:
    least = -(-database.storage * (100 + rds.MAX_STORAGE_MARGIN_PERCENT) // 100)
    if database.max_storage is not None and database.max_storage < least:
        most = rds.STORAGE_GIB[1]
        advice = f"use {least} or more" if least <= most else f"leave it out: {most} GiB is the most there is"
        yield Problem(
            f"{here}.maxStorage",
            f"{database.max_storage} GiB is not {rds.MAX_STORAGE_MARGIN_PERCENT} % more than storage "
            f"({database.storage}); {advice}",
        )
    if database.backup_days == 0 and not disposable:
        yield Problem(f"{here}.backupDays", "0: only what is disposable goes without backups; use 1 to 35")
    elif database.backup_days == 0 and database.multi_az:
        yield Problem(f"{here}.backupDays", "0 beside multiAz: a standby repeats every mistake; use 1 to 35")
    if meet(database.backup_window, database.maintenance_window):
        yield Problem(
            f"{here}.backupWindow",
            f"{shown(database.backup_window)} meets maintenanceWindow {database.maintenance_window}; "
            "RDS wants them apart",
        )


def _name_problems(database: DatabaseSettings, here: str) -> Iterator[Problem]:
    if rds.reserved_user(database.engine, database.username):
        yield Problem(
            f"{here}.username", f"{shown(database.username)} is reserved by {database.engine}; choose another"
        )
    if database.database is not None and rds.reserved_database(database.engine, database.database):
        yield Problem(
            f"{here}.database", f"{shown(database.database)} is reserved by {database.engine}; choose another"
        )


def _log_problems(database: DatabaseSettings, here: str) -> Iterator[Problem]:
    allowed, logs = rds.LOGS[database.engine], database.logs or ()
    for index, log in enumerate(logs):
        if log not in allowed:
            yield Problem(
                f"{here}.logs[{index}]", f"{shown(log)} is no log of {database.engine}; use one of: {one_of(allowed)}"
            )
    yield from repeated(logs, f"{here}.logs")
