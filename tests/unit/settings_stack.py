"""A small stack, and what a case of one mistake in it is."""

import copy
import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

TODAY: Final = datetime.date(2026, 11, 22)
"""Kubernetes 1.34 has ten days of standard support left, 1.31 four of extended."""

ABSENT: Final = object()
"""In a patch: take the key out."""

ROLE: Final = "arn:aws:iam::123456789012:role/ml"
BLOCK: Final = "cr-0123456789abcdef0"
GROUP_ARN: Final = "arn:aws:resource-groups:us-west-2:123456789012:group/blocks"

BASE: Final[Mapping[str, Any]] = {
    "platform": {
        "name": "ml",
        "region": "us-west-2",
        "environment": "test",
        "owner": "ml-platform",
        "costCenter": "research",
    },
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "cluster": {"access": {"team": {"principalArn": ROLE, "policy": "cluster-admin"}}},
    "nodeGroups": [
        {"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 3},
        {"name": "gpu", "instanceTypes": ["p4d.24xlarge"], "zones": ["usw2-az1"], "max": 4},
    ],
    "storage": {
        "lustre": [{"name": "scratch", "capacity": 2400, "throughputPerTib": 125}],
        "efs": [{"name": "home"}],
        "buckets": {"data": {}},
    },
    "addons": {"preset": "training"},
}
"""Nothing is wrong with it. nodeGroups[1] and the storage are there to be broken."""

EXISTING: Final[Mapping[str, Any]] = {
    "vpcId": "vpc-0123456789abcdef0",
    "cidr": "10.20.0.0/16",
    "privateSubnets": {"usw2-az1": "subnet-0123456789abcdef1", "usw2-az2": "subnet-0123456789abcdef2"},
}


def patched(patch: Mapping[str, Any], base: Mapping[str, Any] = BASE) -> dict[str, Any]:
    """A copy of a stack with the values at some paths replaced, such as `{"nodeGroups[1].efa": True}`."""
    stack = copy.deepcopy(dict(base))
    for path, value in patch.items():
        *parents, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
        place: Any = stack
        for part in parents:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
        if value is ABSENT:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = copy.deepcopy(value)
    return stack


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mistake: `patch` makes it, and the only problem found is at `path` and says all of `words`.

    `schema` says whether an editor with the JSON schema sees it too.
    """

    name: str
    patch: Mapping[str, Any]
    path: str
    words: tuple[str, ...]
    today: datetime.date = TODAY
    schema: bool = False

    @property
    def raw(self) -> dict[str, Any]:
        """The stack with the mistake."""
        return patched(self.patch)


@dataclass
class Table:
    """Cases by name, in the order in which they are written down."""

    cases: dict[str, Case] = field(default_factory=dict)

    def add(self, name: str, patch: Mapping[str, Any], path: str, *words: str, **more: Any) -> None:
        """Add a case whose name no other has."""
        if name in self.cases:
            raise ValueError(f"two cases are called {name}")
        self.cases[name] = Case(name=name, patch=patch, path=path, words=words, **more)
