"""Run by Pulumi, from this folder."""

import pulumi

from infra.problems import SettingsError
from stacks.program import main

try:
    main()
except SettingsError as error:
    # One message instead of a traceback.
    raise pulumi.RunError(f"the stack file's settings cannot be used:\n{error}") from None
