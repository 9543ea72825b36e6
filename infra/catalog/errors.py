"""The one error of the catalogue: a name it does not have."""

from collections.abc import Iterable
from difflib import get_close_matches


class UnknownNameError(ValueError):
    """A name that the catalogue does not have, with the nearest ones it has.

    Attributes:
        kind: What was asked for, such as `instance type`.
        name: The name as it was given.
        nearest: Up to three names that resemble it, best first.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Find the nearest names and say them.

        Args:
            kind: What was asked for, as it should stand in the message.
            name: The name as it was given.
            known: Every name of that kind.
        """
        self.kind = kind
        self.name = name
        self.nearest = nearest(name, known)
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        super().__init__(f"unknown {kind} {name!r}{hint}")


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """The `count` names of `known` that most resemble `name`, best first; fewer only where fewer are known."""
    names = sorted(known)
    wanted = name.strip().lower()
    # Comparing with a cutoff is several times quicker; without one, even the least alike names show a right form.
    close = get_close_matches(wanted, names, n=count, cutoff=0.5)
    return tuple(close or get_close_matches(wanted, names, n=count, cutoff=0.0))
