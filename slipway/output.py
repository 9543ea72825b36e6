"""Files that a command leaves behind."""

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from slipway.errors import CannotRunError
from slipway.plan.deployment import to_document
from slipway.plan.model import Plan


def document(plan: Plan) -> str:
    """The plan as the text of a deployment document, in ASCII, so that no terminal or locale can spoil it."""
    return json.dumps(to_document(plan), indent=2) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file at once or not at all, and make its folder.

    Raises:
        CannotRunError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(text)
        Path(file.name).chmod(0o644)
        os.replace(file.name, path)  # noqa: PTH105 - the name says that it replaces
    except OSError as error:
        raise CannotRunError(f"{path}: cannot be written ({error.strerror})") from error
