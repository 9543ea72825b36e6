"""The earlier side of `slipway diff`: a plan that was written, or recorded from an older stack file."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from infra.problems import SettingsError
from slipway import planning, stackfile
from slipway.errors import CannotRunError
from slipway.plan.deployment import DeploymentError, from_document
from slipway.plan.model import Plan
from slipway.stackfile import StackFile


def both(path: Path, file: StackFile) -> tuple[Plan, Plan]:
    """The plan that `path` stands for, and the environment's plan now, made the same way.

    Args:
        path: A plan (`slipway plan --out`), or a stack file of the same environment under any name.
        file: The environment.

    Raises:
        CannotRunError: The file cannot be used; the message says why.
        infra.problems.SettingsError: The environment's own settings cannot be used.
    """
    text = _read(path)
    if not text.lstrip().startswith("{"):
        return _recorded(path, file), planning.record(file)
    before = _plan(path, text)
    if (before.project, before.stack) != (file.project, file.stack):
        raise CannotRunError(
            f"--from {path}: a plan of {before.stack} (project {before.project}), not of {file.stack}"
            f" (project {file.project})"
        )
    # A plan that was written with --preview knows no ids.
    preview = not any(each.id for each in before if each.custom)
    return before, planning.record(file, preview=preview)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotRunError(f"--from {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CannotRunError(f"--from {path}: neither a plan nor a stack file (no text)") from error


def _plan(path: Path, text: str) -> Plan:
    try:
        document: Any = json.loads(text)
        plan = from_document(document)
    except (ValueError, RecursionError) as error:
        what = error if isinstance(error, DeploymentError) else "no JSON that can be read"
        raise CannotRunError(f"--from {path}: not a plan: {what}; write one with `slipway plan --out`") from error
    if document["deployment"].get("manifest", {}).get("version"):
        raise CannotRunError(
            f"--from {path}: a state that the engine wrote, whose ids are AWS's own, is for `pulumi preview`;"
            " give a plan that `slipway plan --out` wrote, or an older stack file"
        )
    return plan


def _recorded(path: Path, file: StackFile) -> Plan:
    older = stackfile.load(str(path) if "/" in str(path) else f"./{path}")
    try:
        # The name of the file says which stack it is, and an older one may be kept under another.
        return planning.record(dataclasses.replace(older, stack=file.stack))
    except SettingsError as error:
        indented = "\n".join(f"  {line}" for line in str(error).splitlines())
        raise CannotRunError(f"--from {path}: the settings in it cannot be used:\n{indented}") from error
