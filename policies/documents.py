"""IAM policy documents as rules read them: one reader for every place in which AWS takes one.

Source: IAM user guide, "IAM JSON policy element reference".
"""

import functools
import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from policies.addresses import nearly_everywhere
from policies.values import Inputs

_NARROWING: Final = frozenset(
    {
        "arnequals",
        "arnlike",
        "binaryequals",
        "bool",
        "dateequals",
        "ipaddress",
        "numericequals",
        "stringequals",
        "stringequalsignorecase",
        "stringlike",
    }
)
"""Operators that ask for a value. Not `...IfExists` and `ForAllValues:`, which hold where the key is missing, nor any
that refuse a value."""
_HOW: Final = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:multifactorauthage",
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltype",
        "aws:referer",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:securetransport",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:tokenissuetime",
        "aws:useragent",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
    }
)
"""Condition keys that say when, from where, by whom or in which account something is asked, not what for: the rights of
whoever has the policy stay as wide. (`aws:PrincipalTag/...` likewise.)"""
_WILD: Final = frozenset("*?")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement, everything as lists. Names of operators and condition keys are in lower case.

    Attributes:
        path: Where it is: the property, `Statement`, and its position.
        excluding: Which of action, resource and principal are given by what they are not.
        principals: Kind (`AWS`, `Service`, `Federated`, ...) and value; `("AWS", "*")` for `*`.
        conditions: Operator, key and values.
    """

    path: str
    allows: bool
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    excluding: frozenset[str] = field(default_factory=frozenset)

    def narrowed(self, keys: Container[str] | None = None) -> bool:
        """Whether a condition asks for something narrow: of one of these keys, or (without) of what it is for.

        Args:
            keys: In lower case. They say who comes: values must be of one account, and that there is one says nothing.
        """
        if keys is None:
            return any(
                _narrow(operator, values) and key not in _HOW and not key.startswith("aws:principaltag/")
                for operator, key, values in self.conditions
            )
        return any(
            key in keys and _narrow(operator, values) and _closes(operator, key, values)
            for operator, key, values in self.conditions
        )

    def wanted(self, operators: Container[str], suffix: str) -> tuple[str, ...] | None:
        """The values that these operators ask of the condition key with this ending; None where nothing is asked."""
        found = [values for operator, key, values in self.conditions if operator in operators and key.endswith(suffix)]
        return tuple(value for values in found for value in values) if found else None


def statements(inputs: Inputs, path: str | tuple[str, ...]) -> Iterator[Statement]:
    """The statements of the document at a property, a text or an object; none where there is no document.

    Raises:
        UnknownUntilUpError: The document is unknown.
    """
    place = inputs.at(path)
    document = place.get()
    if isinstance(document, str):
        yield from _read(document, place.path)
    else:
        yield from _found(document, place.path)


@functools.lru_cache(maxsize=1024)
def _read(text: str, path: str) -> tuple[Statement, ...]:
    """Several rules read each document."""
    try:
        return tuple(_found(json.loads(text), path))
    except (ValueError, RecursionError):  # AWS refuses it
        return ()


def _found(document: Any, path: str) -> Iterator[Statement]:  # noqa: ANN401  # any JSON
    for index, each in enumerate(_list(document.get("Statement")) if isinstance(document, Mapping) else ()):
        if isinstance(each, Mapping):
            yield _statement(each, f"{path}.Statement.{index}")


def _statement(raw: Mapping[str, Any], path: str) -> Statement:
    return Statement(
        path=path,
        allows=raw.get("Effect") == "Allow",
        actions=_texts(raw.get("Action", raw.get("NotAction"))),
        resources=_texts(raw.get("Resource", raw.get("NotResource"))),
        principals=tuple(_principals(raw.get("Principal", raw.get("NotPrincipal")))),
        conditions=tuple(_conditions(raw.get("Condition"))),
        excluding=frozenset(name.lower() for name in ("Action", "Resource", "Principal") if f"Not{name}" in raw),
    )


def _principals(raw: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # any JSON
    if isinstance(raw, Mapping):
        for kind, values in raw.items():
            yield from ((str(kind), value) for value in _texts(values))
    else:
        yield from (("AWS", value) for value in _texts(raw))


def _conditions(raw: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401  # any JSON
    for operator, keys in raw.items() if isinstance(raw, Mapping) else ():
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            yield str(operator).lower(), str(key).lower(), _texts(values)


def _narrow(operator: str, values: tuple[str, ...]) -> bool:
    if operator == "null":  # "false": the key must be there
        return set(values) == {"false"}
    return operator.removeprefix("foranyvalue:") in _NARROWING and bool(values) and all(map(_said, values))


def _said(value: str) -> bool:
    """Whether a value leaves something out; of an ARN, in its account or its resource."""
    told = "".join(value.split(":")[4:]) if value.startswith("arn:") else value
    return bool(told.strip("*?:/"))


def _closes(operator: str, key: str, values: tuple[str, ...]) -> bool:
    """Whether a condition on who comes leaves out other accounts."""
    if operator == "ipaddress":
        return not any(map(nearly_everywhere, values))
    if operator in ("bool", "null"):
        return operator == "bool" and set(values) == {"true"}
    return all(map(_of_one_account, values)) if key.endswith("arn") else True


def _of_one_account(arn: str) -> bool:
    """Whether an ARN names its account, or, where it has none (S3), begins with a name of its own."""
    *_, account, what = ("", "", *arn.split(":", 5)[4:])
    return not _WILD & set(account) if account else bool(what[:1].strip("*?"))


def _list(value: Any) -> list[Any]:  # noqa: ANN401  # any JSON
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401  # any JSON
    return tuple(_text(each) for each in _list(value))


def _text(value: Any) -> str:  # noqa: ANN401  # any JSON
    return str(value).lower() if isinstance(value, bool) else str(value)
