"""Where `slipway job check` reads a manifest: a file, or what is piped in."""

import sys
from pathlib import Path

from slipway.errors import CannotRunError

STDIN = "-"
_MOST_BYTES = 10_000_000


def text(source: str) -> str:
    """A manifest's text.

    Args:
        source: A path, or `-` for what is piped in.

    Raises:
        CannotRunError: It cannot be read, or is no text.
    """
    try:
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1) if source == STDIN else _bytes(Path(source))
        if len(raw) > _MOST_BYTES:
            raise CannotRunError(f"{source}: larger than {_MOST_BYTES:,} bytes")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise CannotRunError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CannotRunError(f"{source}: not text in UTF-8") from error
    except ValueError as error:
        raise CannotRunError(f"{source!r}: not a path ({error})") from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)
