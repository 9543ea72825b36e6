"""`slipway job`: examples, checks and sizes of jobs."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from slipway.errors import CannotRunError
from slipway.options import FOUND, Debug, Environment, Format, say

if TYPE_CHECKING:
    from slipway.jobs.cluster import Cluster

job = typer.Typer(help="Jobs that fit: examples, checks, sizes.", no_args_is_help=True, rich_markup_mode=None)


@job.command("list")
def job_list(
    stack: Environment,
    format_: Annotated[Format, typer.Option("--format", help="text: a page; json: for machines.")] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """List the examples: where each would run in this environment, or why it cannot."""
    cluster = _cluster(stack)
    from slipway.jobs import text  # noqa: PLC0415

    rows = text.listed(cluster)
    if format_ is Format.TEXT:
        text.show_list(rows, sys.stdout)
    else:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")


@job.command("render")
def job_render(  # noqa: PLR0917 - typer makes arguments and options of them
    example: Annotated[str, typer.Argument(metavar="EXAMPLE", help="One of `slipway job list`.")],
    stack: Environment,
    name: Annotated[str | None, typer.Option(help="The job's name; the example's by default.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose job; by default the first that can run it.")] = None,
    group: Annotated[str | None, typer.Option(help="The node group of the workers.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many.")] = None,
    size: Annotated[str | None, typer.Option(help="Of each worker, such as gpu-l (`slipway job sizes`).")] = None,
    spot: Annotated[bool | None, typer.Option("--spot/--no-spot", help="Whether on spot capacity.")] = None,
    outputs: Annotated[
        str | None, typer.Option(metavar="FILE", help="What `pulumi stack output --json` prints: names that AWS made.")
    ] = None,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Print an example, filled in for this environment so that it fits.

    A manifest for `kubectl apply -f -`, or a Python program for Pipelines. Names that only AWS knows are made up, and
    marked, without --outputs.
    """
    from slipway.jobs import examples  # noqa: PLC0415

    found = examples.example(example)
    cluster = _cluster(stack)
    from slipway.jobs import choose, real, render, source  # noqa: PLC0415

    if outputs is not None:
        try:
            cluster = real.real(cluster, real.outputs(source.text(outputs)))
        except real.OutputsError as error:
            raise CannotRunError(f"--outputs {outputs}: {error}") from error
    wish = choose.Wish(name=name, tenant=tenant, group=group, workers=workers, size=size, spot=spot)
    choice = choose.choose(found, cluster, wish)
    manifest = render.rendered(choice, cluster)
    sys.stdout.write(manifest)
    say(choice.text)
    if made_up := real.stand_ins(manifest, cluster):
        say(f"{len(made_up)} of its names are made up, as only AWS knows them (its first lines say which): {real.HOW}")


@job.command("check")
def job_check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A manifest, or - for what is piped in.")],
    stack: Environment,
    format_: Annotated[Format, typer.Option("--format", help="text: a page; json: every finding.")] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Say whether the jobs of a manifest can run in this environment, and exactly why not.

    Fails if one of them would stay pending, or would be refused.
    """
    from slipway.jobs import read, source  # noqa: PLC0415

    manifest = source.text(file)
    try:
        objects = read.documents(manifest)
        cluster = _cluster(stack)
        from slipway.jobs import fit, text  # noqa: PLC0415

        report = fit.checked(objects, cluster)
    except read.ManifestError as error:
        raise CannotRunError(f"{file}: {error}") from error
    if format_ is Format.TEXT:
        text.show(report, sys.stdout)
    else:
        sys.stdout.write(json.dumps(report.data(), indent=2) + "\n")
    if not report.fits:
        raise typer.Exit(FOUND)


@job.command("sizes")
def job_sizes(
    stack: Environment,
    format_: Annotated[Format, typer.Option("--format", help="text: tables; json: for machines.")] = Format.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks at it
) -> None:
    """Show the sizes in which jobs can ask for the nodes of this environment."""
    cluster = _cluster(stack)
    from slipway.jobs import text  # noqa: PLC0415

    rows = text.sized(cluster)
    if format_ is Format.TEXT:
        text.show_sizes(rows, sys.stdout)
    else:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")


def _cluster(stack: str) -> "Cluster":
    """What jobs meet in an environment. Import what reads it afterwards: a plan knows how to load the SDKs quickly."""
    from slipway import planning, stackfile  # noqa: PLC0415

    plan = planning.record(stackfile.load(stack))
    from slipway.jobs.planned import cluster  # noqa: PLC0415

    return cluster(plan)
