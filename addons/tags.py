"""Tags of the platform, for programs that take them as one text."""

from collections.abc import Mapping


def separable(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that `key=value,key=value` can hold, which has no way to escape."""
    return {key: value for key, value in tags.items() if not set(",=") & set(f"{key}{value}")}
