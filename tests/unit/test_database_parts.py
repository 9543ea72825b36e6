"""The pure parts of databases: windows, parameters, and the rule that no stack file of today can break."""

import datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog import rds
from infra.database.parameters import logs, parameters
from infra.database.rules import problems
from infra.database.settings import DatabaseSettings
from infra.database.windows import meet
from infra.surroundings import Surroundings
from stacks.settings import parse
from tests.unit.settings_stack import BASE, TODAY

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = 7 * 24 * 60
MINUTES = st.integers(min_value=30, max_value=20 * 60)


def clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def moment(minute: int) -> str:
    return f"{DAYS[minute // 1440 % 7]}:{clock(minute)}"


@given(st.integers(0, 1439), MINUTES, st.integers(0, WEEK - 1), MINUTES)
def test_windows_meet_where_they_share_a_minute(start, length, begin, duration):
    daily = f"{clock(start)}-{clock(start + length)}"
    weekly = f"{moment(begin)}-{moment(begin + duration)}"
    backing_up = {(day * 1440 + start + minute) % WEEK for day in range(7) for minute in range(length)}
    maintaining = {(begin + minute) % WEEK for minute in range(duration)}
    assert meet(daily, weekly) == bool(backing_up & maintaining)


def test_windows_may_touch():
    assert not meet("03:00-04:00", "sun:04:00-sun:05:00")
    assert not meet("05:00-06:00", "sun:04:00-sun:05:00")
    assert meet("03:00-04:01", "sun:04:00-sun:05:00")


def of(engine: str, version: str, **more) -> DatabaseSettings:
    return DatabaseSettings(name="a", engine=engine, version=version, **more)


def test_the_defaults_of_the_windows_are_apart():
    settings = of("mysql", "8.4")
    assert not meet(settings.backup_window, settings.maintenance_window)


@pytest.mark.parametrize(("require", "value"), [(True, "1"), (False, "0")])
def test_both_engines_are_told_about_tls(require, value):
    assert parameters(of("mysql", "8.4", require_tls=require))["require_secure_transport"] == value
    assert parameters(of("postgres", "17", require_tls=require))["rds.force_ssl"] == value


@given(st.sets(st.sampled_from(rds.LOGS["mysql"])))
def test_mysql_writes_the_logs_that_are_exported(wanted):
    told = parameters(of("mysql", "8.4", logs=tuple(wanted)))
    assert (told["general_log"] == "1") == ("general" in wanted)
    assert (told["slow_query_log"] == "1") == ("slowquery" in wanted)
    assert told["log_output"] == "FILE"


def test_postgres_logs_no_statement_that_sets_a_password():
    assert "log_statement" not in parameters(of("postgres", "17"))


def test_every_log_is_of_an_engine_and_the_defaults_are_of_theirs():
    assert {log for engine in rds.LOGS.values() for log in engine} == set(get_args(rds.Log))
    assert set(logs(of("mysql", "8.4"))) <= set(rds.LOGS["mysql"])
    assert set(logs(of("postgres", "17"))) <= set(rds.LOGS["postgres"])
    assert logs(of("postgres", "17", logs=())) == ()


def around(today: datetime.date) -> Surroundings:
    stack = parse(dict(BASE), TODAY)
    return Surroundings(platform=stack.platform, network=stack.network, storage=stack.storage, today=today)


def test_a_version_past_extended_support_cannot_be_had_at_any_price():
    """By then no stack file has a Kubernetes version either, so the table of mistakes cannot show it."""
    (problem,) = problems([of("mysql", "8.4", support="EXTENDED")], around(datetime.date(2032, 8, 1)))
    assert problem.path == "databases[0].version"
    assert problem.message == "'8.4': standard support of mysql 8.4 ended on 2029-07-31; use a later one"


def test_extended_support_lets_old_versions_and_their_minors_pass():
    for version in ("8.0", "8.0.46"):
        assert not list(problems([of("mysql", version, support="EXTENDED")], around(TODAY)))


def test_versions_change_with_the_day():
    """8.4.7 ends on 30 November 2026, and 17 leaves standard support in February 2030."""
    assert not list(problems([of("mysql", "8.4.7")], around(datetime.date(2026, 11, 30))))
    assert list(problems([of("mysql", "8.4.7")], around(datetime.date(2026, 12, 1))))
    assert not list(problems([of("postgres", "17")], around(datetime.date(2030, 2, 28))))
    assert list(problems([of("postgres", "17")], around(datetime.date(2030, 3, 1))))


def test_a_disposable_stack_may_go_without_backups():
    stack = parse({**BASE, "platform": {**BASE["platform"], "disposable": True}}, TODAY)
    place = Surroundings(platform=stack.platform, network=stack.network, storage=stack.storage, today=TODAY)
    assert not list(problems([of("postgres", "17", backup_days=0)], place))
