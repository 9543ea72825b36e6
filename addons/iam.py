"""IAM policy documents as data."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

Resources = pulumi.Input[str] | Sequence[pulumi.Input[str]]

ANY: Final = "*"
"""For actions that take no resource, such as `ec2:Describe...`."""


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, on: Resources, when: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """A statement that allows actions.

    Args:
        actions: Such as `s3:GetObject`.
        on: One ARN or several; may be Outputs.
        when: Conditions: operator to condition key to value.
    """
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**statement, "Condition": when} if when else statement
