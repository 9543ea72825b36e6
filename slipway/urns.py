"""Pulumi URNs, taken apart and put together.

`urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>` (Pulumi: `sdk/go/common/resource/urn`).
"""

from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"


def child(parent: str, type_: str, name: str) -> str:
    """The URN of a resource below `parent`; the stack's own type is left out of the chain."""
    head, project, types, _ = parent.split("::", 3)
    chain = type_ if types == STACK_TYPE else f"{types}${type_}"
    return f"{head}::{project}::{chain}::{name}"


def stack(stack_name: str, project: str) -> str:
    """The URN of the stack itself."""
    return f"urn:pulumi:{stack_name}::{project}::{STACK_TYPE}::{project}-{stack_name}"


def name(urn: str) -> str:
    """The logical name."""
    return urn.split("::", 3)[3]


def type_of(urn: str) -> str:
    """The resource's own type."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def scope(urn: str) -> str:
    """The types of the parents, joined by `$`; empty below the stack."""
    return urn.split("::", 3)[2].rpartition("$")[0]
