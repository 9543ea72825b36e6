"""Hypothesis strategies for stack files: any JSON, a valid file spoilt in one place, and valid files."""

import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from infra.catalog import amis, efa, lustre, mig
from infra.catalog.instances import InstanceType, accelerated_types, instance_type, instance_types
from infra.catalog.zones import offered_zones, regions, zones
from infra.network.endpoints import ENDPOINTS
from tests import strategies_services

ROOT: Final = Path(__file__).resolve().parents[1]
STACK_FILES: Final[Mapping[str, Path]] = {
    path.stem.removeprefix("Pulumi."): path
    for folder in ("stacks/config", "examples")
    for path in sorted((ROOT / folder).glob("Pulumi.*.yaml"))
}
"""Every stack file of the repository, by name."""

Draw = Callable[[st.SearchStrategy[Any]], Any]
Path_ = tuple[str | int, ...]

_NO_CONTROL_PLANE: Final = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
"""EKS user guide, "View Amazon EKS networking requirements for VPC and subnets"."""


@functools.cache
def sections(path: Path) -> Mapping[str, Any]:
    """The `slipway:` part of a stack file, without the prefix. Copy it before a change."""
    config = yaml.safe_load(path.read_text())["config"]
    return {key.removeprefix("slipway:"): value for key, value in config.items() if key.startswith("slipway:")}


def any_json() -> st.SearchStrategy[Any]:
    """Whatever JSON can hold, keys of ours among the keys."""
    known = st.sampled_from(sorted({key for path in STACK_FILES.values() for key in _keys(sections(path))}))
    keys = known | st.text(max_size=8)
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=12)
        | st.sampled_from(["usw2-az1", "us-west-2", "p5.48xlarge", "m7i.large", "10.0.0.0/16", "spot", "SCRATCH_2"])
        | st.sampled_from(["ml.example.com", "new", "mysql", "8.4", "db.m7g.large", "quay.io", "cpu", "a@example.com"])
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=25,
    )


def _keys(value: Any) -> Iterator[str]:
    for inside in places(value):
        if isinstance(inside[-1], str):
            yield inside[-1]


def places(value: Any, above: Path_ = ()) -> Iterator[Path_]:
    """Where a value holds others: every path into it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*above, key)
        yield from places(item, (*above, key))


def at(value: Any, place: Path_) -> Any:
    """What is there."""
    for part in place:
        value = value[part]
    return value


@st.composite
def spoilt(draw: Draw, times: int = 1) -> dict[str, Any]:
    """A stack file of the repository, changed in a few places as people and merges change files."""
    stack = copy.deepcopy(dict(sections(STACK_FILES[draw(st.sampled_from(sorted(STACK_FILES)))])))
    for _ in range(draw(st.integers(1, times))):
        everywhere = list(places(stack))
        if not everywhere:
            break
        *above, last = draw(st.sampled_from(everywhere))
        _spoil(draw, at(stack, tuple(above)), last)
    return stack


def _spoil(draw: Draw, parent: Any, last: str | int) -> None:
    value = parent[last]
    change = draw(st.sampled_from(["delete", "misspell", "replace", "duplicate", "wrap", "number", "text"]))
    if change == "delete":
        del parent[last]
    elif change == "misspell" and isinstance(last, str) and last:
        position = draw(st.integers(0, len(last) - 1))
        parent[last[:position] + last[position + 1 :]] = parent.pop(last)
    elif change == "duplicate" and isinstance(parent, list):
        parent.append(copy.deepcopy(value))
    elif change == "wrap":
        parent[last] = draw(st.sampled_from([[value], {"value": value}]))
    elif change == "number" and isinstance(value, int):
        parent[last] = draw(st.sampled_from([-1, 0, value + 1, 10 * value, 2**63, value / 2, str(value), not value]))
    elif change == "text" and isinstance(value, str):
        parent[last] = draw(st.sampled_from(["", value + "x", value[:-1], value.upper(), f" {value}", f"{value}\n"]))
    else:
        parent[last] = draw(any_json())


def _deployable(name: str) -> bool:
    """Whether EKS has an AMI for the type and anybody can buy it by the hour, as spot or by Capacity Block."""
    instance = instance_type(name)
    try:
        amis.ami_type(instance)
    except ValueError:
        return False
    return bool(_capacities(instance)) and not instance.bare_metal


def _capacities(instance: InstanceType) -> list[str]:
    sold = ["on-demand", "reservation"] if instance.on_demand else []
    return sold + [name for name in ("spot", "capacity-block") if name in instance.usage_classes]


_ACCELERATED: Final = [name for name in accelerated_types() if _deployable(name)]
_PLAIN: Final = [
    name
    for name in instance_types()
    if name not in accelerated_types() and name.partition(".")[0] in {"m7i", "m6i", "m5", "m7g", "m6g", "c6i"}
    if name.partition(".")[2] in {"large", "xlarge", "2xlarge"}
]

_names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?", fullmatch=True)
_label_keys = st.from_regex(r"(team\.example\.com/)?[a-z]([a-z0-9.-]{0,12}[a-z0-9])?", fullmatch=True).filter(
    lambda key: not key.startswith(("kubernetes.io", "k8s.io"))
)
_label_values = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True)
_days = st.sampled_from([1, 7, 30, 90, 365, 3653])


def _hex(prefix: str) -> st.SearchStrategy[str]:
    return st.from_regex(rf"{prefix}-[0-9a-f]{{17}}", fullmatch=True)


@st.composite
def stacks(draw: Draw) -> dict[str, Any]:
    """A stack file that is right: types where they are offered, capacity as it is sold, storage as FSx takes it.

    Each service around the cluster is there two times of three, where the rest has what it needs.
    """
    region = draw(st.sampled_from(regions()))
    here = zones(region)
    homes = [zone for zone in here if zone not in _NO_CONTROL_PLANE]
    first = draw(st.lists(st.sampled_from(homes), min_size=2, max_size=min(4, len(homes)), unique=True))
    used = first + [zone for zone in here if zone not in homes and draw(st.booleans())]
    plain = [name for name in _PLAIN if set(offered_zones(name, region)) & set(used)]
    fast = [name for name in _ACCELERATED if set(offered_zones(name, region)) & set(used)]
    names = draw(st.lists(_names.filter(lambda name: name != "system"), max_size=5, unique=True))
    groups = [
        {
            "name": "system",
            "system": True,
            "instanceTypes": [draw(st.sampled_from(plain))],
            "min": 1,
            "max": draw(st.integers(1, 5)),
        },
        *(draw(_group(name, region, used, fast if fast and draw(st.booleans()) else plain)) for name in names),
    ]
    buckets = draw(
        st.dictionaries(
            st.sampled_from(["data", "artifacts", "models", "logs", "backups"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "expireDays": st.integers(61, 4000),
                    "infrequentAccessDays": st.integers(30, 60),
                    "disposable": st.booleans(),
                },
            ),
        )
    )
    stack = {
        "platform": draw(_platform(region)),
        "network": draw(_network(used)),
        "cluster": draw(_cluster()),
        "nodeGroups": draw(st.permutations(groups)),
        "storage": {
            "lustre": [draw(_lustre(f"fast{index}", used, buckets)) for index in range(draw(st.integers(0, 2)))],
            "efs": [draw(_efs(f"home{index}", used)) for index in range(draw(st.integers(0, 2)))],
            "buckets": buckets,
        },
        "addons": draw(
            st.fixed_dictionaries(
                {"preset": st.sampled_from(["minimal", "training"])},
                optional={"identity": st.sampled_from(["pod-identity", "irsa"])},
            )
        ),
    }
    for key in ("cluster", "storage", "addons"):
        if draw(st.integers(0, 9)) == 0:
            del stack[key]
    for key in strategies_services.SECTIONS:
        section = draw(strategies_services.section(key, stack)) if draw(st.integers(0, 2)) else None
        if section:
            stack[key] = section
    return stack


def _platform(region: str) -> st.SearchStrategy[dict[str, Any]]:
    text = st.from_regex(r"[A-Za-z0-9 .:/=+@_-]{1,20}", fullmatch=True).filter(str.strip)
    return st.fixed_dictionaries(
        {
            "name": _names | st.just("p" * 100),
            "region": st.just(region),
            "environment": text,
            "owner": text,
            "costCenter": text,
        },
        optional={
            "tags": st.dictionaries(st.sampled_from(["Project", "team:name", "Zweck/ö"]), text, max_size=3),
            "accountId": st.from_regex(r"[0-9]{12}", fullmatch=True),
            "permissionsBoundary": st.just("arn:aws:iam::123456789012:policy/boundary"),
            "disposable": st.booleans(),
        },
    )


@st.composite
def _network(draw: Draw, used: list[str]) -> dict[str, Any]:
    if draw(st.integers(0, 3)) == 0:
        private = {zone: draw(_hex("subnet")) for zone in used}
        public = {zone: draw(_hex("subnet")) for zone in used if draw(st.booleans())}
        existing = {"vpcId": draw(_hex("vpc")), "cidr": "10.20.0.0/16", "privateSubnets": private}
        return {"existing": {**existing, **({"publicSubnets": public} if public else {})}}
    return {
        "zones": used,
        "cidr": draw(st.sampled_from(["10.0.0.0/16", "10.64.0.0/16", "192.168.0.0/16"])),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "privatePrefix": st.integers(19, 22),
                    "publicPrefix": st.integers(22, 28),
                    "internet": st.booleans(),
                    "nat": st.sampled_from(["per-zone", "single"]),
                    "endpoints": st.lists(st.sampled_from(sorted(ENDPOINTS)), max_size=3, unique=True),
                    "flowLogs": st.fixed_dictionaries(
                        {}, optional={"enabled": st.booleans(), "traffic": st.sampled_from(["ALL", "REJECT"])}
                    ),
                },
            )
        ),
    }


def _cluster() -> st.SearchStrategy[dict[str, Any]]:
    role = "arn:aws:iam::123456789012:role/ml"
    entry = st.sampled_from(
        [
            {"principalArn": role, "policy": "cluster-admin"},
            {"principalArn": role, "policy": "admin-view"},
            {"principalArn": role, "policy": "edit", "namespaces": ["a", "b"]},
            {"principalArn": role, "groups": ["readers"]},
        ]
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "version": st.sampled_from(["1.34", "1.35", "1.36"]),
            "endpoint": st.sampled_from([{}, {"public": True, "publicCidrs": ["203.0.113.0/24"]}]),
            "access": st.dictionaries(_names, entry, max_size=2),
            "logs": st.fixed_dictionaries(
                {}, optional={"types": st.sampled_from([[], ["audit"]]), "retentionDays": _days}
            ),
            "support": st.sampled_from(["STANDARD", "EXTENDED"]),
            "deletionProtection": st.booleans(),
        },
    )


@st.composite
def _group(draw: Draw, name: str, region: str, used: list[str], types: list[str]) -> dict[str, Any]:
    instance = instance_type(draw(st.sampled_from(types)))
    possible = [zone for zone in used if zone in offered_zones(instance.name, region)]
    capacity = draw(st.sampled_from(_capacities(instance)))
    reserved = capacity in ("reservation", "capacity-block")
    most = draw(st.integers(1, 9))
    least = draw(st.integers(0, most))
    group: dict[str, Any] = {
        "name": name,
        "instanceTypes": [instance.name],
        "capacity": {"type": capacity, **({"reservationId": draw(_hex("cr"))} if reserved else {})},
        "min": least,
        "max": most,
    }
    if reserved or draw(st.booleans()):
        group["zones"] = [draw(st.sampled_from(possible))]
    if draw(st.booleans()):
        group["desired"] = draw(st.integers(least, most))
    group |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "labels": st.dictionaries(_label_keys, _label_values, max_size=3),
                "taints": st.lists(
                    st.fixed_dictionaries({"key": _label_keys, "value": _label_values}),
                    max_size=2,
                    unique_by=lambda taint: taint["key"],
                ),
                "volume": st.sampled_from([{"size": 200}, {"size": 300, "iops": 6000, "throughput": 500}]),
                "instanceStore": st.sampled_from(["raid0", "none"]),
                "kubelet": st.sampled_from([{"maxPods": 30}, {"cpuManagerPolicy": "static"}]),
                "update": st.sampled_from([{"maxUnavailable": 2}, {"strategy": "DEFAULT"}]),
                "repair": st.sampled_from([{"enabled": False}, {"hardwareAction": "Reboot"}]),
                "metadataHopLimit": st.sampled_from([1, 2]),
                "autoscaling": st.sampled_from(
                    [
                        {"scaleDownUnneededTime": "20m"},
                        {"scaleDownGpuUtilizationThreshold": 0.5, "ignoreDaemonsetsUtilization": True},
                        {"enabled": False},
                    ]
                ),
            },
        )
    )
    if group.get("autoscaling", {}).get("enabled") is False:
        group["desired"] = most
    if efa.layout(instance.name) and draw(st.booleans()):
        group["efa"] = True
        if not reserved and "cluster" in instance.placement_strategies and draw(st.booleans()):
            group["placementGroup"] = draw(st.booleans())
    elif instance.accelerator and instance.accelerator.kind == "nvidia":
        group |= draw(_gpu(instance))
    return group


@st.composite
def _gpu(draw: Draw, instance: InstanceType) -> dict[str, Any]:
    try:
        amis.ami_type(instance, bottlerocket=True)
        if draw(st.booleans()):
            return {"os": "bottlerocket"}
    except ValueError:
        pass
    gpu: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {}, optional={"persistence": st.booleans(), "clocks": st.sampled_from(["maximum", "default"])}
        )
    )
    profiles = mig.profiles(instance.name)
    mode = draw(st.sampled_from([None, "time-slicing", "mps", *(["mig"] if profiles else [])]))
    if mode == "mig":
        gpu["sharing"] = {
            "mode": mode,
            "migProfile": draw(st.sampled_from(sorted(profiles))),
            "migStrategy": draw(st.sampled_from(["single", "mixed"])),
        }
    elif mode:
        gpu["sharing"] = {"mode": mode, "replicas": draw(st.integers(2, 48))}
    return {"gpu": gpu} if gpu else {}


@st.composite
def _lustre(draw: Draw, name: str, used: list[str], buckets: Mapping[str, Any]) -> dict[str, Any]:
    deployment, storage = draw(st.sampled_from([pair for pair in sorted(lustre.THROUGHPUTS) if pair[0] != "SCRATCH_1"]))
    per_unit = draw(st.sampled_from(lustre.THROUGHPUTS[(deployment, storage)] or (None,)))
    efa_enabled = (deployment, storage) == ("PERSISTENT_2", "SSD") and draw(st.booleans())
    rule = lustre.capacity_rule(deployment, storage, per_unit, efa=efa_enabled)
    system: dict[str, Any] = {
        "name": name,
        "zone": draw(st.sampled_from(used)),
        "deployment": deployment,
        "storage": storage,
        "compression": draw(st.sampled_from(["NONE", "LZ4"])),
        "disposable": draw(st.booleans()),
    }
    if rule is None:
        system |= {
            "throughputCapacity": 4000 * draw(st.integers(1, 500)),
            "metadata": {"mode": "USER_PROVISIONED", "iops": draw(st.sampled_from([6000, 12000]))},
            "readCache": draw(
                st.sampled_from([{}, {"sizing": "NO_CACHE"}, {"sizing": "USER_PROVISIONED", "size": 64}])
            ),
        }
    else:
        system["capacity"] = rule.from_gib + rule.step_gib * draw(st.integers(0, 3))
    if per_unit:
        system["throughputPerTib"] = per_unit
    if storage == "HDD":
        system["driveCache"] = draw(st.sampled_from(["NONE", "READ"]))
    if efa_enabled:
        system |= {"efa": True, "metadata": {"mode": "AUTOMATIC"}}
    linked = sorted(buckets.keys() - {"backups"})
    if linked and draw(st.booleans()):
        system["repositories"] = [{"path": "/data", "bucket": draw(st.sampled_from(linked))}]
    elif deployment != "SCRATCH_2" and storage != "INTELLIGENT_TIERING":
        system["backupDays"] = draw(st.integers(0, 90))
    return system


@st.composite
def _efs(draw: Draw, name: str, used: list[str]) -> dict[str, Any]:
    modes = [{"throughput": "elastic"}, {"throughput": "bursting", "performance": "maxIO"}]
    system = {"name": name, **draw(st.sampled_from([*modes, {"throughput": "provisioned", "provisionedMibps": 256}]))}
    if system.get("performance") != "maxIO" and draw(st.booleans()):
        system["oneZone"] = draw(st.sampled_from(used))
    points = draw(st.lists(_names, max_size=2, unique=True))
    return {**system, "accessPoints": [{"name": point, "path": f"/{point}"} for point in points]}
