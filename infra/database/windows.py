"""Backup and maintenance windows: when they are, and whether they meet. All times are UTC.

Source: CreateDBInstance, PreferredBackupWindow and PreferredMaintenanceWindow, in botocore's rds model.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from infra.catalog.rds import WINDOW_MINUTES

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 24 * 60
_WEEK: Final = len(_DAYS) * _DAY
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d"
_MOMENT: Final = rf"({'|'.join(_DAYS)}):{_TIME}"


def _long_enough(text: str) -> str:
    _, length = _span(text)
    if length < WINDOW_MINUTES:
        raise ValueError(f"a window has {WINDOW_MINUTES} minutes at least, this one {length}")
    return text


DailyWindow = Annotated[str, Field(pattern=rf"^{_TIME}-{_TIME}$"), AfterValidator(_long_enough)]
"""Such as `03:00-04:00`; may run past midnight."""
WeeklyWindow = Annotated[str, Field(pattern=rf"^{_MOMENT}-{_MOMENT}$"), AfterValidator(_long_enough)]
"""Such as `sun:05:00-sun:06:00`; may run into the next day or week."""


def meet(daily: str, weekly: str) -> bool:
    """Whether a daily and a weekly window have a minute in common. One may begin when the other ends."""
    start, length = _span(daily)
    begin, duration = _span(weekly)
    return any(
        # From the start of either, in the direction of time, the other begins within its length.
        (begin - at) % _WEEK < length or (at - begin) % _WEEK < duration
        for at in range(start, _WEEK, _DAY)
    )


def _span(text: str) -> tuple[int, int]:
    """The first minute of a window, of the day or of the week, and how many it has."""
    first, last = text.split("-")
    start, end = _minute(first), _minute(last)
    return start, (end - start) % (_WEEK if first[0].isalpha() else _DAY)


def _minute(moment: str) -> int:
    *day, hours, minutes = moment.split(":")
    return (_DAYS.index(day[0]) * _DAY if day else 0) + int(hours) * 60 + int(minutes)
