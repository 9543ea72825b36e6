"""What AWS makes up: the account, names of buckets, SageMaker's role and network. Pure.

A plan only has stand-ins for them. The stack's outputs have the real ones.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from infra.problems import shown
from slipway.errors import CannotRunError
from slipway.jobs.cluster import Cluster

HOW: Final = "`pulumi stack output --json > outputs.json`, then render with --outputs outputs.json"
_WHAT: Final = "it is what `pulumi stack output --json` prints"
_ARN: Final = re.compile(r"arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):")
_HOST: Final = re.compile(r"(\d{12})\.dkr\.ecr\.")
_ACCOUNT: Final = "the AWS account"


class OutputsError(CannotRunError):
    """A file is not the outputs of this stack; the message says why."""


def made_up(account: str, buckets: Mapping[str, str], sagemaker: Mapping[str, Any]) -> dict[str, str]:
    """The values of a plan that only AWS knows, and what each is."""
    network = dict.fromkeys(sagemaker.get("subnets", ()), "a private subnet")
    named = {name: f"the bucket {role}" for role, name in buckets.items()}
    if sagemaker:
        named |= {
            sagemaker["role"]: "the role of SageMaker's jobs",
            sagemaker["security_group"]: "their security group",
        }
    return {**named, **network, **({account: _ACCOUNT} if account else {})}


def account_of(value: object) -> str:
    """The first account in an ARN or a registry's host of an object of JSON; empty where there is none."""
    return next(_accounts(value), "")


def _accounts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        found = _ARN.search(value) or _HOST.search(value)
        if found:
            yield found[1]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _accounts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _accounts(each)


def outputs(text: str) -> Mapping[str, Any]:
    """The stack's outputs.

    Raises:
        OutputsError: It is something else.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OutputsError(f"not JSON; {_WHAT}") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("clusterName"), str):
        raise OutputsError(f"clusterName is missing; {_WHAT}")
    return found


def real(here: Cluster, found: Mapping[str, Any]) -> Cluster:
    """The cluster with what its stack's outputs say in the place of what the plan made up.

    Raises:
        OutputsError: They are those of another stack, or older than what the plan has.
    """
    if found["clusterName"] != here.platform:
        raise OutputsError(
            f"clusterName is {shown(found['clusterName'])}, and that of {here.stack} is {here.platform!r}"
        )
    buckets = {role: _text(found, "buckets", role) for role in here.buckets}
    sagemaker: dict[str, Any] = {}
    if here.sagemaker:
        sagemaker = {
            "role": _text(found, "analytics", "sagemakerRole"),
            "security_group": _text(found, "analytics", "sagemakerSecurityGroup"),
            "subnets": _texts(found, "analytics", "sagemakerSubnets"),
        }
    stand_in = next((value for value, what in here.made_up.items() if what == _ACCOUNT), "")
    account = account_of(found.get("registry")) or account_of(found)
    images = {role: image.replace(stand_in, account) for role, image in here.images.items()} if account else here.images
    left = made_up("" if account else stand_in, {}, {})
    return replace(here, buckets=buckets, sagemaker=sagemaker, images=images, made_up=left)


def stand_ins(text: str, here: Cluster) -> tuple[str, ...]:
    """What of a rendered text only stands in for what AWS will make up, a line for each."""
    return tuple(f"{value}: {what}" for value, what in here.made_up.items() if value in text)


def _value(found: Mapping[str, Any], section: str, name: str) -> object:
    below = found.get(section)
    value = below.get(name) if isinstance(below, Mapping) else None
    if value is None:
        raise OutputsError(f"{section}.{name} is missing; {_WHAT}, after `pulumi up` with this stack file")
    return value


def _text(found: Mapping[str, Any], section: str, name: str) -> str:
    value = _value(found, section, name)
    if not isinstance(value, str):
        raise OutputsError(f"{section}.{name}: {shown(value)} is not text; {_WHAT}")
    return value


def _texts(found: Mapping[str, Any], section: str, name: str) -> list[str]:
    value = _value(found, section, name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise OutputsError(f"{section}.{name}: {shown(value)} is not a list of texts; {_WHAT}")
    return value
