"""What IAM policies allow, as IAM evaluates them: an explicit denial, else a statement that allows, else nothing.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators". Only operators
that the platform's policies use are known; another one is an error, not a guess.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Context = Mapping[str, str]
"""Condition keys of a request, in lower case, and their values."""

_VARIABLE: Final = re.compile(r"\$\{([\w:/-]+)\}")
_OPERATORS: Final = {
    "StringEquals": (False, False),
    "StringNotEquals": (False, True),
    "StringLike": (True, False),
    "StringNotLike": (True, True),
    "ArnEquals": (True, False),
    "ArnLike": (True, False),
    "ArnNotLike": (True, True),
}
"""Whether wildcards count, and whether the answer is turned round."""


def allows(documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context) -> bool:
    """Whether identity policies let a request through; resource policies that deny may be among them."""
    statements = [statement for document in documents for statement in listed(document["Statement"])]
    fitting = [statement for statement in statements if _fits(statement, action, resource, context)]
    return bool(fitting) and all(statement["Effect"] == "Allow" for statement in fitting)


def denies(document: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    """Whether a policy of a resource denies a request."""
    return any(
        statement["Effect"] == "Deny" and _fits(statement, action, resource, context)
        for statement in listed(document["Statement"])
    )


def listed(value: Any) -> list[Any]:
    """One or several, as a list."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern with `*` and `?`."""
    parts = (re.escape(char) if char not in "*?" else {"*": ".*", "?": "."}[char] for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _fits(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "NotAction" in statement or "NotResource" in statement or "NotPrincipal" in statement:
        raise NotImplementedError("NotAction, NotResource and NotPrincipal")
    actions = (each.lower() for each in listed(statement["Action"]))
    if not any(like(each, action.lower()) for each in actions):
        return False
    if "Resource" in statement:
        resources = [_filled(each, context) for each in listed(statement["Resource"])]
        if not any(each is not None and like(each, resource) for each in resources):
            return False
    return all(
        _holds(operator, key, listed(wanted), context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _filled(pattern: str, context: Context) -> str | None:
    """A pattern with its variables' values; None where one has none."""
    names = [name.lower() for name in _VARIABLE.findall(pattern)]
    if any(name not in context for name in names):
        return None
    return _VARIABLE.sub(lambda found: context[found[1].lower()], pattern)


def _holds(operator: str, key: str, wanted: Sequence[Any], context: Context) -> bool:
    value = context.get(key.lower())
    _, colon, name = operator.rpartition(":")
    if operator == "Null":
        return (value is None) == (str(wanted[0]).lower() == "true")
    if name.endswith("IfExists"):
        name = name.removesuffix("IfExists")
        if value is None:
            return True
    if colon and operator.startswith("ForAllValues:") and value is None:
        return True
    if name == "Bool":
        return value is not None and value == str(wanted[0]).lower()
    if name not in _OPERATORS:
        raise NotImplementedError(f"condition operator {operator}")
    wild, negated = _OPERATORS[name]
    if value is None:
        return negated
    patterns = [filled for each in wanted if (filled := _filled(str(each), context)) is not None]
    return any(like(each, value) if wild else each == value for each in patterns) != negated
