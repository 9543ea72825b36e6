"""What the verbs of the command line share: options, exit codes, and where they say what is no result."""

import sys
from enum import StrEnum
from typing import Annotated, Final

import typer

from slipway.printable import printable

FOUND: Final = 1
CANNOT_RUN: Final = 2
"""Exit codes."""
DEBUG: Final = "--debug"


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


class Report(StrEnum):
    """How a report is printed that other programs read, too."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


Environment = Annotated[
    str,
    typer.Option("-s", "--stack", metavar="ENV", help="An environment's name, or the path of a stack file."),
]
Environments = Annotated[
    list[str] | None,
    typer.Option("-s", "--stack", metavar="ENV", help="As of plan, any number of times; all environments by default."),
]
Debug = Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an unexpected error.")]


def say(text: str) -> None:
    """Write a line to stderr, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(printable(text) + "\n")


def indented(text: str) -> str:
    """A message of several lines below the line that introduces it."""
    return "\n".join(f"  {line}" for line in text.splitlines())
