"""`slipway check`: the policies, asked of environments."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from slipway.options import CANNOT_RUN, FOUND, Debug, Environments, Report, indented, say


def check(
    stack: Environments = None,
    format_: Annotated[
        Report, typer.Option("--format", help="text: a page each; sarif: for code hosts; junit: for CI servers.")
    ] = Report.TEXT,
    out: Annotated[Path | None, typer.Option(help="Write it to this file; the pages then go to stdout.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Leave unknown what AWS decides.")] = False,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Ask the policies about environments.

    Fails if something would stop `up`: a mandatory rule is broken, or an exception has ended or is not needed.
    """
    from slipway import check as checks  # noqa: PLC0415
    from slipway import check_reports, check_text, output, stackfile  # noqa: PLC0415

    pages = format_ is Report.TEXT or out is not None
    found = []
    for each in checks.check(stackfile.chosen(stack), preview=preview):
        found.append(each)
        if each.verdict is None:
            say(f"{each.file.stack} ({each.file.path}) cannot be planned:\n{indented(each.refused)}")
        elif pages:
            check_text.show(each, sys.stdout)
    if pages:
        sys.stdout.write(check_text.closing(found) + "\n")
    if out is not None:
        output.write(out, check_reports.report(found, format_))
        say(f"wrote {out}")
    elif not pages:
        sys.stdout.write(check_reports.report(found, format_))
    if any(each.verdict is None for each in found):
        raise typer.Exit(CANNOT_RUN)
    if any(each.blocks for each in found):
        raise typer.Exit(FOUND)
