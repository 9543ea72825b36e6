"""The `slipway` command: verbs of a few lines each. Results go to stdout, everything else to stderr.

Exit codes: 0 done; 1 found what it looks for; 2 could not run, with one message.
"""

import gc
import io
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from slipway.cli_check import check
from slipway.cli_job import job
from slipway.errors import CannotRunError
from slipway.options import CANNOT_RUN, DEBUG, FOUND, Debug, Environment, Environments, Format, indented, say

if TYPE_CHECKING:
    from slipway.rehearse import Verdict

_GARBAGE_THRESHOLD: Final = 2_000_000

app = typer.Typer(
    name="slipway",
    help="GPU clusters on Amazon EKS, planned and rehearsed before they cost anything.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
catalog = typer.Typer(help="The facts that plans stand on.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(catalog, name="catalog")
app.add_typer(job, name="job")


@app.command()
def plan(
    stack: Environment,
    format_: Annotated[Format, typer.Option("--format", help="text: a page; json: a Pulumi deployment.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Write the Pulumi deployment to this file.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Leave unknown what AWS decides.")] = False,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Show an environment's resources, cost, problems and policies."""
    from slipway import output, planning, stackfile  # noqa: PLC0415

    file = stackfile.load(stack)
    recorded = planning.record(file, preview=preview)
    if out is not None:
        output.write(out, output.document(recorded))
        say(f"wrote {out}")
    if format_ is Format.TEXT:
        from slipway import verdicts  # noqa: PLC0415
        from slipway.plan import summary, text  # noqa: PLC0415

        judged = verdicts.section(verdicts.verdict(recorded, file))
        text.show(summary.summary(recorded), sys.stdout, more=[(verdicts.TITLE, judged)])
    elif out is None:
        sys.stdout.write(output.document(recorded))


@app.command()
def diff(
    stack: Environment,
    source: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="A plan (plan --out), or an older stack file of ENV.")
    ],
    format_: Annotated[Format, typer.Option("--format", help="text: a page; json: every change.")] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Show what comes, changes, goes and stays since an earlier plan, and what the month then costs.

    Fails if `up` would refuse: something protected is to go.
    """
    from slipway import earlier, stackfile  # noqa: PLC0415
    from slipway.plan import diff as difference  # noqa: PLC0415
    from slipway.plan import diff_text  # noqa: PLC0415

    found = difference.diff(*earlier.both(source, stackfile.load(stack)))
    if format_ is Format.TEXT:
        diff_text.show(found, str(source), sys.stdout)
    else:
        sys.stdout.write(json.dumps(diff_text.data(found, str(source)), indent=2) + "\n")
    if found.refused:
        raise typer.Exit(FOUND)


@app.command()
def review(
    stack: Environment,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="As of diff. Without it, as if there were no such environment yet."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Write a change as Markdown for a pull request: resources, cost, policy verdicts, what `up` would refuse.

    Whatever it finds, it ends with 0: `slipway check` and `slipway diff` are those that fail.
    """
    from slipway import output, stackfile  # noqa: PLC0415
    from slipway import review as reviewed  # noqa: PLC0415

    page = reviewed.markdown(reviewed.review(stackfile.load(stack), source))
    if out is None:
        sys.stdout.write(page)
    else:
        output.write(out, page)
        say(f"wrote {out}")


@app.command()
def rehearse(
    stack: Environments = None,
    format_: Annotated[Format, typer.Option("--format", help="text: a page each; json: what was found.")] = Format.TEXT,
    engine: Annotated[
        bool, typer.Option("--engine", help="Then live on the real engine: needs the Pulumi CLI.")
    ] = False,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Plan environments three ways and compare.

    As preview, as up, and as up with other ids: fails unless all register the same, the graph is sound, and no
    mandatory policy is broken.
    """
    from slipway import rehearse as rehearsal  # noqa: PLC0415
    from slipway import stackfile  # noqa: PLC0415
    from slipway.plan import text  # noqa: PLC0415

    files = stackfile.chosen(stack)
    if engine:
        from slipway.rehearsal.engine import available  # noqa: PLC0415

        why_not = available()
        if why_not is not None:
            raise CannotRunError(f"--engine: {why_not}")
    found = []
    for result in rehearsal.rehearse(files):
        if isinstance(result, rehearsal.Refusal):
            say(f"{result.file.stack} ({result.file.path}) cannot be planned:\n{indented(result.message)}")
            found.append(rehearsal.Verdict(file=result.file, refused=result.message))
            continue
        verdict = rehearsal.verdict(result, Path("out"), engine=engine)
        found.append(verdict)
        if format_ is Format.TEXT and verdict.page is not None:
            text.show(verdict.page, sys.stdout, brief=True)
            sys.stdout.write(_rehearsed(verdict))
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps({"environments": [verdict.data() for verdict in found]}, indent=2) + "\n")
    else:
        sys.stdout.write(_closing(found) + "\n")
    if any(verdict.refused for verdict in found):
        raise typer.Exit(CANNOT_RUN)
    if any(verdict.failed for verdict in found):
        raise typer.Exit(FOUND)


app.command()(check)


@app.command()
def reach(
    stack: Environment,
    format_: Annotated[Format, typer.Option("--format", help="text: tables; json: every path.")] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Show who can reach what on which ports.

    Fails if anything but load balancers' web ports and the API server's stated CIDRs is open to the outside.
    """
    from slipway import planning, stackfile  # noqa: PLC0415
    from slipway.plan.reach import reach as reachability  # noqa: PLC0415

    found = reachability.reach(planning.record(stackfile.load(stack)))
    if format_ is Format.TEXT:
        from slipway.plan.reach import tables  # noqa: PLC0415

        tables.show(found, sys.stdout)
    else:
        sys.stdout.write(json.dumps(found.data(), indent=2) + "\n")
    if found.exposed:
        raise typer.Exit(FOUND)


@app.command()
def addons(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Explain this one.")] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="text: a page; json: the same for machines.")
    ] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """List the add-ons, or explain one: what it installs, its settings, permissions, webhooks and images."""
    from slipway import explain  # noqa: PLC0415

    if name is None:
        found = explain.explained()
        if format_ is Format.TEXT:
            explain.show_list(found, sys.stdout)
        else:
            sys.stdout.write(json.dumps([each.brief() for each in found], indent=2) + "\n")
        return
    one = explain.one(name)
    if format_ is Format.TEXT:
        explain.show(one, sys.stdout)
    else:
        sys.stdout.write(json.dumps(one.data(), indent=2) + "\n")


@app.command()
def schema(debug: Debug = False) -> None:  # noqa: ARG001 - main looks at it
    """Print the JSON schema of a stack file."""
    from stacks import settings  # noqa: PLC0415

    sys.stdout.write(json.dumps(settings.schema(), indent=2) + "\n")


@catalog.command()
def refresh(
    region: Annotated[list[str] | None, typer.Option(help="Any number of times; all known regions by default.")] = None,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Renew instance types, offerings, prices, quotas, AMIs and add-on versions from AWS."""
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    import infra.catalog  # noqa: PLC0415
    from infra.catalog import zones  # noqa: PLC0415
    from slipway.aws import refresh as renewal  # noqa: PLC0415

    data = Path(infra.catalog.__file__).parent / "data"
    try:
        report = renewal.refresh(boto3.Session(), regions=region or zones.regions(), directory=data)
    except (renewal.RefreshError, BotoCoreError) as error:
        raise CannotRunError(str(error)) from error
    sys.stdout.write(renewal.summary(report) + "\n")


def main() -> None:
    """Run the command line; whatever happens ends in an exit code and at most one message."""
    # Loading the SDKs makes a million objects that stay: searching them for garbage takes time and finds none.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character is no reason to show nothing.
        sys.stdout.reconfigure(errors="replace")
    if sys.stdout is None:
        say("slipway: stdout is closed: there is nowhere to write a result")
        sys.exit(CANNOT_RUN)
    try:
        try:
            app()
        finally:
            # Here a full disk is an error with a message; at the interpreter's end it is a traceback.
            sys.stdout.flush()
            # The interpreter looks for garbage once more as it ends: half a second for what the system takes back.
            gc.freeze()
    except Exception as error:
        if DEBUG in sys.argv:
            traceback.print_exc()
        say(f"slipway: {_message(error)}")
        sys.exit(CANNOT_RUN)


def _message(error: Exception) -> str:
    """What the user reads: the message of an error meant for them, else the type too."""
    from infra.problems import SettingsError  # noqa: PLC0415

    if isinstance(error, SettingsError):
        return f"the stack file's settings cannot be used:\n{indented(str(error))}"
    if isinstance(error, CannotRunError) or type(error).__name__ == "RecordingError":
        return str(error)
    if isinstance(error, OSError) and error.filename is None and error.strerror:
        return f"the result cannot be written ({error.strerror})"
    return f"{type(error).__name__}: {' '.join(str(error).split())} ({DEBUG} shows where)"


def _rehearsed(verdict: "Verdict") -> str:
    """What is said below an environment's page."""
    agreed = f"{len(verdict.faults)} faults" if verdict.faults else "same resources, same inputs, sound graph"
    lines = ["", f"  preview, up, up with other ids: {agreed}; {verdict.plan}", f"  policies: {verdict.policies}"]
    if verdict.engine:
        lines.append(f"  on the engine, preview, up, preview, refresh: {verdict.engine}")
    return "\n".join([*lines, "", *(f"    {fault}" for fault in (*verdict.faults, *verdict.broken)), ""])


def _closing(found: "list[Verdict]") -> str:
    failed = sum(verdict.failed for verdict in found)
    refused = sum(bool(verdict.refused) for verdict in found)
    environments = f"{len(found)} environment{'s' if len(found) > 1 else ''}"
    if not failed and not refused:
        return f"{environments} rehearsed: all three recordings of each agree"
    parts = [f"{failed} with faults"] if failed else []
    parts += [f"{refused} cannot be planned"] if refused else []
    return f"{environments} rehearsed: {', '.join(parts)}"


if __name__ == "__main__":
    main()
