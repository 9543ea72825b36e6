"""Values that are given out late: once all that their users need is there."""

from collections.abc import Sequence

import pulumi


def once(ready: Sequence[pulumi.Resource], value: pulumi.Output[str]) -> pulumi.Output[str]:
    """The value, known once these resources are there. What is made of it comes after them, and goes before them."""
    return pulumi.Output.all(value, *(each.urn for each in ready)).apply(lambda known: str(known[0]))
