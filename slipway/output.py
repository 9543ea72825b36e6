"""Files that a command leaves behind."""

import json
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

    A link stays a link, and what is no ordinary file (`/dev/stdout`, a pipe) is written to, never replaced.

    Raises:
        CannotRunError: It cannot be written there.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, text)
    except OSError as error:
        raise CannotRunError(f"{path}: cannot be written ({error.strerror})") from error


def _replace(target: Path, text: str) -> None:
    with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(text)
            file.flush()
            written.chmod(0o644)
            written.replace(target)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
