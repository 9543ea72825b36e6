"""Hypothesis strategies for the AWS services around the cluster: sections right for the rest of a stack file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from infra.catalog import rds, upstreams
from infra.catalog.instances import InstanceType, instance_type, instance_types
from infra.catalog.machine_images import deep_learning_image, ecs_gpu_image
from infra.catalog.zones import is_local, offered_zones

Draw = Callable[[st.SearchStrategy[Any]], Any]

_ACCOUNT: Final = "123456789012"
_names = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?", fullmatch=True)
_labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
_days = st.sampled_from([1, 7, 30, 90, 365, 3653])
_addresses = st.lists(st.sampled_from(["ml@example.com", "a.b@mail.example.org", "on-call@example.net"]), unique=True)
_PLAIN_CLIENTS: Final = ("203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8")
_VERSIONS: Final = {
    engine: [each for each in rds.majors(engine) if rds.engine_version(engine, each).standard_until.year > 2028]
    for engine in rds.PORTS
}
"""Majors that stay in standard support for as long as these tests are likely to stand."""


def section(key: str, stack: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """One service's section for a stack that has the other parts. None or an empty list: the stack cannot have it."""
    return _SECTIONS[key](stack)


def _internet(stack: Mapping[str, Any]) -> bool:
    return bool(stack["network"].get("internet", True))


def _buckets(stack: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stack.get("storage", {}).get("buckets", {})
    return found


def _secret(stack: Mapping[str, Any], name: str) -> str:
    platform = stack["platform"]
    return f"arn:aws:secretsmanager:{platform['region']}:{platform.get('accountId', _ACCOUNT)}:secret:{name}-AbCdEf"


@st.composite
def edge(draw: Draw, stack: Mapping[str, Any]) -> dict[str, Any]:
    """A public or internal load balancer, with login or without, and a certificate from here or there."""
    region = stack["platform"]["region"]
    existing = stack["network"].get("existing")
    public = existing is None or sum(not is_local(zone) for zone in existing.get("publicSubnets", {})) > 1
    internal = not (_internet(stack) and public) or draw(st.booleans())
    login = None
    if _internet(stack) and draw(st.integers(0, 3)):
        login = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "mfa": st.sampled_from(["required", "optional"]),
                    "groups": st.lists(_names, max_size=3, unique=True),
                    "selfSignUp": st.booleans(),
                    "sessionHours": st.integers(1, 168),
                    "threatProtection": st.sampled_from(["off", "audit", "enforced"]),
                    "prefix": st.sampled_from(["ml-login", "a", "p" * 63]),
                },
            )
        )
    clients = list(_PLAIN_CLIENTS) + (["0.0.0.0/0"] if internal or login is not None else [])
    found: dict[str, Any] = {
        "domain": draw(st.sampled_from(["ml.example.com", "aws.example.com", f"{'a' * 40}.cognito-ml.example.co"])),
        "entries": draw(st.lists(_labels, max_size=4, unique=True)),
        "loadBalancer": {
            "internal": internal,
            "clients": draw(st.lists(st.sampled_from(clients), min_size=1, max_size=3, unique=True)),
            **draw(st.fixed_dictionaries({}, optional={"idleTimeout": st.integers(1, 4000)})),
        },
        "login": login,
    }
    zone = draw(st.sampled_from(["new", "Z0123456789ABCDEFGHIJ", None]))
    if zone is not None:
        found["zone"] = zone
    if zone is None or draw(st.booleans()):
        found["certificateArn"] = f"arn:aws:acm:{region}:{_ACCOUNT}:certificate/0f0e0d0c-1111-2222-3333-444455556666"
    return found


@st.composite
def databases(draw: Draw, stack: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Up to two instances whose identifiers fit RDS."""
    names = draw(st.lists(_names, min_size=1, max_size=2, unique=True))
    longest = rds.IDENTIFIER_LENGTH - len(stack["platform"]["name"]) - 1
    return [draw(_database(name, stack)) for name in names if len(name) <= longest]


@st.composite
def _database(draw: Draw, name: str, stack: Mapping[str, Any]) -> dict[str, Any]:
    region = stack["platform"]["region"]
    engine = draw(st.sampled_from(sorted(_VERSIONS)))
    storage = draw(st.sampled_from([20, 100, 399, 400, 1000]))
    here = [each for each in rds.classes() if rds.offered(each, region)]
    disposable = draw(st.booleans())
    multi_az = draw(st.booleans())
    instance_class = draw(st.sampled_from(here))
    return {
        "name": name,
        "engine": engine,
        "version": draw(st.sampled_from(_VERSIONS[engine])),
        "instanceClass": instance_class,
        "storage": storage,
        "disposable": disposable,
        "multiAz": multi_az,
        "backupDays": draw(st.integers(0 if disposable and not multi_az else 1, rds.BACKUP_DAYS[1])),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "maxStorage": st.integers(storage * 2, rds.STORAGE_GIB[1]),
                    "database": st.sampled_from(["metadata", "Katib_1"]),
                    "username": st.sampled_from(["ml", "dbadmin"]),
                    "logs": st.lists(st.sampled_from(rds.LOGS[engine]), unique=True),
                    "logRetentionDays": _days,
                    "insights": st.sampled_from(sorted({False, rds.insights(engine, instance_class)})),
                    "monitoringSeconds": st.sampled_from([1, 5, 10, 15, 30, 60]),
                    "requireTls": st.booleans(),
                    "applyImmediately": st.booleans(),
                    "support": st.sampled_from(["STANDARD", "EXTENDED"]),
                    # The second one runs past the end of the week.
                    "backupWindow": st.sampled_from(["03:00-04:00", "22:15-22:45"]),
                    "maintenanceWindow": st.sampled_from(["sun:05:00-sun:06:00", "sun:23:00-mon:00:30"]),
                },
            )
        ),
    }


@st.composite
def registry(draw: Draw, stack: Mapping[str, Any]) -> dict[str, Any]:
    """Repositories, caches where nodes reach the internet, copies and builds where there is the bucket for them."""
    internet, builds = _internet(stack), "artifacts" in _buckets(stack)
    repositories = draw(st.lists(_names | st.just("team/model"), max_size=2, unique=True))
    found: dict[str, Any] = {
        "repositories": [
            {
                "name": name,
                **draw(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "mutableTags": st.sampled_from([["latest"], ["dev-*", "*"]]),
                            "keepImages": st.integers(1, 500),
                            "disposable": st.booleans(),
                        },
                    )
                ),
            }
            for name in repositories
            if name not in _OURS
        ]
    }
    if internet:
        hosts = draw(st.lists(st.sampled_from(upstreams.hosts()), max_size=3, unique=True))
        found["pullThrough"] = [
            {"host": host, "secretArn": _secret(stack, f"ecr-pullthroughcache/{upstreams.upstream(host).slug}")}
            if upstreams.upstream(host).credentials
            else {"host": host}
            for host in hosts
        ]
    if not builds:
        return found if internet else {**found, "mirror": False}
    mirror = draw(st.sampled_from([None, True, False]))
    if mirror is not None:
        found["mirror"] = mirror
    if mirror or (mirror is None and not internet):
        images = st.sampled_from(["nvcr.io/nvidia/pytorch:25.01-py3", "busybox:1.37", f"quay.io/a/b@sha256:{'0' * 64}"])
        found["mirrorImages"] = draw(st.lists(images, max_size=2, unique=True))
        if draw(st.booleans()):
            found["mirrorSecrets"] = {"docker.io": _secret(stack, "docker-hub")}
    found["notebookImages"] = draw(st.lists(st.sampled_from(["cpu", "gpu", "neuron"]), unique=True))
    found["untaggedDays"] = draw(st.integers(1, 90))
    found["buildLogDays"] = draw(_days)
    return found


_OURS: Final = {"mirror", *(upstreams.upstream(host).slug for host in upstreams.hosts())}
"""First parts of repository names that the platform has for itself."""


@st.composite
def observability(draw: Draw, stack: Mapping[str, Any]) -> dict[str, Any]:
    """Alarms on what there is, and budgets that somebody hears of."""
    addresses = draw(_addresses)
    storage, network = stack.get("storage", {}), stack["network"]
    percents = st.lists(st.sampled_from([50, 80, 100, 1000]), unique=True).map(sorted)
    there = {
        "nodeGroups": True,
        "lustre": bool(storage.get("lustre")),
        "efs": bool(storage.get("efs")),
        "nat": _internet(stack) and "existing" not in network,
        "databases": bool(stack.get("databases")),
        "loadBalancer": bool(stack.get("edge")),
    }

    def budget(heard: bool) -> st.SearchStrategy[dict[str, Any]]:
        told = _addresses if heard else _addresses.filter(bool)
        return st.fixed_dictionaries(
            {"monthly": st.sampled_from([1, 1000.5, 400_000]), "actual": percents.filter(bool), "addresses": told},
            optional={"forecast": percents},
        )

    return {
        "addresses": addresses,
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "logs": st.sampled_from(
                        [
                            {"retentionDays": 90, "retention": {"performance": 7}},
                            {"infrequentAccess": True},
                        ]
                    ),
                    "prometheus": st.sampled_from([None, {}, {"retentionDays": 1095, "logRetentionDays": 1}]),
                    "alarms": st.fixed_dictionaries(
                        {},
                        optional={
                            kind: st.sampled_from([None, {}, {"minutes": 1440}, {"minutes": 5}] if is_there else [None])
                            for kind, is_there in there.items()
                        },
                    ),
                    "healthEvents": st.booleans(),
                    "budgets": st.fixed_dictionaries(
                        {},
                        optional={
                            "environment": budget(bool(addresses)),
                            "tenants": st.dictionaries(_labels, budget(bool(addresses)), max_size=2),
                            "allocationTags": st.sampled_from(["unconfirmed", "confirmed", "activate"]),
                        },
                    ),
                },
            )
        ),
    }


@st.composite
def analytics(draw: Draw, stack: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parts that have their buckets."""
    buckets, region = _buckets(stack), stack["platform"]["region"]
    found: dict[str, Any] = {}
    if buckets.keys() & {"artifacts", "data"} and draw(st.booleans()):
        found["emr"] = draw(
            st.fixed_dictionaries(
                {}, optional={"namespace": st.sampled_from(["emr", "spark"]), "logRetentionDays": _days}
            )
        )
    if "data" in buckets and draw(st.booleans()):
        results = draw(st.sampled_from(sorted(buckets.keys() & {"artifacts", "data"})))
        found["athena"] = {
            "results": results,
            **draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "database": st.sampled_from(["lake", "a_b_1"]),
                        "tables": st.sampled_from(["tables", "lake/tables"]),
                        "scanLimitMib": st.integers(10, 10_000_000),
                        "engine": st.sampled_from(["AUTO", "Athena engine version 3"]),
                    },
                )
            ),
        }
    if buckets.keys() & {"artifacts", "data", "models"} and draw(st.booleans()):
        found["sagemaker"] = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "logRetentionDays": _days | st.none(),
                    "processingInVpc": st.booleans(),
                    "repositories": st.just([f"arn:aws:ecr:{region}:{_ACCOUNT}:repository/team/model"]),
                },
            )
        )
    return found or None


@st.composite
def workstation(draw: Draw, stack: Mapping[str, Any]) -> dict[str, Any] | None:
    """A machine and an ECS cluster, of types that the network's zones offer and an image drives."""
    machines, clusters = _offers(stack, deep_learning_image), _offers(stack, ecs_gpu_image)
    found: dict[str, Any] = {}
    if machines and draw(st.booleans()):
        found["instance"] = draw(_instance(stack, machines))
    if clusters and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(clusters)))
        found["ecs"] = {
            "instanceType": name,
            "capacity": draw(st.sampled_from(_sold(instance_type(name)))),
            **draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "zones": st.lists(st.sampled_from(clusters[name]), unique=True),
                        "max": st.integers(1, 100),
                        "volumeSize": st.integers(100, 16384),
                        "containerInsights": st.sampled_from(["enabled", "enhanced", "disabled"]),
                        "logRetentionDays": _days,
                    },
                )
            ),
        }
    return found or None


def _sold(instance: InstanceType) -> list[str]:
    return [*(["on-demand"] if instance.on_demand else []), *(["spot"] if "spot" in instance.usage_classes else [])]


def _offers(stack: Mapping[str, Any], image: Callable[[InstanceType], object]) -> dict[str, list[str]]:
    """Types by name that have an image, to the network's zones that offer them."""
    network, region = stack["network"], stack["platform"]["region"]
    zones = network.get("zones") or list(network["existing"]["privateSubnets"])
    found = {}
    for name in instance_types():
        instance = instance_type(name)
        there = [zone for zone in zones if zone in offered_zones(name, region) and not is_local(zone)]
        try:
            image(instance)
        except ValueError:
            continue
        if there and _sold(instance):
            found[name] = there
    return found


@st.composite
def _instance(draw: Draw, stack: Mapping[str, Any], types: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(types)))
    zone = draw(st.sampled_from(types[name]))
    capacity = draw(st.sampled_from(_sold(instance_type(name))))
    storage = stack.get("storage", {})
    near = [each["name"] for each in storage.get("lustre", [])]
    near += [each["name"] for each in storage.get("efs", []) if each.get("oneZone", zone) == zone]
    found = {
        "instanceType": name,
        "capacity": capacity,
        "zone": zone,
        "mounts": draw(st.lists(st.sampled_from(near), unique=True)) if near else [],
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "volumeSize": st.integers(100, 16384),
                    "detailedMonitoring": st.booleans(),
                    "metadataHopLimit": st.sampled_from([1, 2]),
                    "disposable": st.booleans(),
                    **({"stopAfterIdleMinutes": st.sampled_from([15, 120, 1440])} if capacity == "on-demand" else {}),
                },
            )
        ),
    }
    every = [*storage.get("lustre", []), *storage.get("efs", [])]
    if len(near) == len(every) and draw(st.booleans()):
        del found["mounts"]
    bound = any("zone" in each or "oneZone" in each for each in every if each["name"] in found.get("mounts", near))
    if not bound and draw(st.booleans()):
        del found["zone"]
    return found


_SECTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]]] = {
    "edge": edge,
    "databases": databases,
    "registry": registry,
    "observability": observability,
    "analytics": analytics,
    "workstation": workstation,
}
SECTIONS: Final = tuple(_SECTIONS)
"""Keys of the services, in an order in which each may look at those before it."""
