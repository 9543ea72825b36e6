"""From a stack file to a plan: the one way in which the command line runs the program."""

import sys

from slipway.errors import CannotRunError
from slipway.plan.model import Plan
from slipway.stackfile import StackFile


def record(file: StackFile, *, preview: bool = False, seed: int = 0) -> Plan:
    """Run the platform's program for one environment, in this process.

    Args:
        file: The environment.
        preview: Leave unknown what AWS computes.
        seed: Another seed is another account with other ids.

    Raises:
        infra.problems.SettingsError: The stack file's settings cannot be used.
        slipway.rehearsal.recorder.RecordingError: The program failed.
    """
    # Loading the SDKs costs more than the plan: the finder must stand before the first of them is imported, and a
    # stack file that cannot be read is refused before any of it.
    from slipway.rehearsal import sdk  # noqa: PLC0415

    # An SDK that is loaded in the ordinary way already must go on in it.
    if sdk.SDKS.isdisjoint(sys.modules):
        sdk.install()
    from slipway.rehearsal import recorder  # noqa: PLC0415
    from stacks import program  # noqa: PLC0415

    return recorder.record(
        program.main,
        project=file.project,
        stack=file.stack,
        config=file.config,
        preview=preview,
        seed=seed,
    )


def refusal(error: Exception) -> str | None:
    """The message of a failed recording where the error is the user's to mend, else None."""
    from infra.problems import SettingsError  # noqa: PLC0415 - imports nothing heavy, but only failures need it
    from slipway.rehearsal.recorder import RecordingError  # noqa: PLC0415

    return str(error) if isinstance(error, SettingsError | RecordingError | CannotRunError) else None
