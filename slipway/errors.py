"""What ends a command without a result."""


class CannotRunError(Exception):
    """The command could not run: bad input, or something it needs is missing. The message is for the user."""
