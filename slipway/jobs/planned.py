"""What a plan has that jobs meet: its resources read as a `Cluster`. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from addons.catalog.training.trainer_runtimes import NEURON, PYTORCH
from addons.kubeflow import EDITOR
from addons.kueue import POD_SET
from infra.catalog import names, zones
from infra.kubernetes import BUILT_IN_NAMESPACES
from slipway.jobs.cluster import (
    DEFAULT_NAMESPACE,
    Cluster,
    Cohort,
    FlavorQuota,
    KueueFlavor,
    Namespace,
    Object,
    Queue,
    ResourceGroup,
)
from slipway.jobs.nodes import groups
from slipway.jobs.quantity import parse, readable
from slipway.jobs.real import account_of, made_up
from slipway.plan.model import Plan
from slipway.wire import is_unknown

_PREFIX: Final = "kubernetes:"
_ADD_ON: Final = "slipway:addons:AddOn"
_RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_KUBERNETES_OWN: Final = (*sorted(BUILT_IN_NAMESPACES), "kube-public", "kube-node-lease")
_TENANT: Final = "slipway:tenants:Tenant"
_ANALYTICS: Final = "slipway:infra:Analytics"
_ROLE: Final = "aws:iam/role:Role"
_SPARK: Final = "4.0.4-s3"
"""The tag of the image that docs/how-to/spark.md builds."""
_SYSTEM_PRIORITIES: Final = ("system-cluster-critical", "system-node-critical")


def cluster(plan: Plan) -> Cluster:
    """Read what jobs meet from a plan."""
    found: dict[str, list[Object]] = {}
    for resource in plan:
        kind = resource.inputs.get("kind")
        if resource.type.startswith(_PREFIX) and resource.type != _RELEASE and isinstance(kind, str):
            found.setdefault(kind, []).append(resource.inputs)
    add_ons = frozenset(each.name for each in plan.of_type(_ADD_ON))
    config = _kueue_config(plan)
    outputs = plan.outputs
    nodes = groups(plan)
    region = next((zones.region_of(each.pool.zone_id) for each in nodes if each.pool.zone_id), "")
    platform = str(outputs.get("clusterName", plan.stack))
    runtimes = {
        (kind, _name(each)): _spec(each)
        for kind in ("ClusterTrainingRuntime", "ClusterServingRuntime")
        for each in found.get(kind, ())
    }
    buckets = {role: str(name) for role, name in (outputs.get("buckets") or {}).items() if not is_unknown(name)}
    sagemaker = _sagemaker(plan)
    return Cluster(
        stack=plan.stack,
        platform=platform,
        region=region,
        groups=nodes,
        add_ons=add_ons,
        namespaces=_namespaces(found),
        flavors=dict(_flavors(found.get("ResourceFlavor", ()))),
        queues={_name(each): _queue(each) for each in found.get("ClusterQueue", ())},
        cohorts={
            _name(each): Cohort(parent=str(_spec(each).get("parentName", "")), quotas=_all_quotas(_spec(each)))
            for each in found.get("Cohort", ())
        },
        topologies={
            _name(each): tuple(level["nodeLabel"] for level in _spec(each).get("levels", ()))
            for each in found.get("Topology", ())
        },
        priorities=frozenset(_name(each) for each in found.get("PriorityClass", ())) | {*_SYSTEM_PRIORITIES},
        workload_priorities=frozenset(_name(each) for each in found.get("WorkloadPriorityClass", ())),
        volumes={_name(each): _spec(each) for each in found.get("PersistentVolume", ())},
        storage_classes=frozenset(_name(each) for each in found.get("StorageClass", ())),
        runtimes=runtimes,
        excluded=tuple(config.get("resources", {}).get("excludeResourcePrefixes") or ()),
        frameworks=frozenset(config.get("integrations", {}).get("frameworks") or ()),
        buckets=buckets,
        details={str(each.outputs.get("namespace", each.name)): each.outputs for each in plan.of_type(_TENANT)},
        images={
            "pytorch": _image(runtimes, "nvidia", PYTORCH),
            "neuron": _image(runtimes, "neuron", NEURON),
            "spark": f"{_registry(plan, region)}/{platform}/spark:{_SPARK}",
        },
        sagemaker=sagemaker,
        made_up=made_up(_account(plan), buckets, sagemaker),
    )


def _image(runtimes: Mapping[tuple[str, str], Object], accelerator: str, default: str) -> str:
    """What the plan's own runtimes for PyTorch pull, from a mirror where there is one."""
    device = {"nvidia": names.GPU_RESOURCE, "neuron": names.NEURON_RESOURCE}[accelerator]
    for (_, name), spec in runtimes.items():
        if not name.startswith("torch-"):
            continue
        for job in spec["template"]["spec"]["replicatedJobs"]:
            container = job["template"]["spec"]["template"]["spec"]["containers"][0]
            if device in container.get("resources", {}).get("limits", {}) and not is_unknown(container.get("image")):
                return str(container["image"])
    return default


def _registry(plan: Plan, region: str) -> str:
    """The host of the account's own registry."""
    host = (plan.outputs.get("registry") or {}).get("host")
    if isinstance(host, str) and not is_unknown(host):
        return host
    return f"{_account(plan) or 'ACCOUNT'}.dkr.ecr.{region}.{zones.dns_suffix(region)}"


def _account(plan: Plan) -> str:
    """The account as the plan has it."""
    return account_of([role.outputs.get("arn") for role in plan.of_type(_ROLE)])


def _sagemaker(plan: Plan) -> dict[str, Any]:
    for analytics in plan.of_type(_ANALYTICS):
        if "sagemakerRole" in analytics.outputs:
            return {
                "role": str(analytics.outputs["sagemakerRole"]),
                "security_group": str(analytics.outputs["sagemakerSecurityGroup"]),
                "subnets": [str(each) for each in analytics.outputs["sagemakerSubnets"]],
            }
    return {}


def _kueue_config(plan: Plan) -> dict[str, Any]:
    """Kueue's own configuration, out of its chart's values."""
    for release in plan.of_type(_RELEASE):
        if release.name == "kueue":
            text = (release.inputs.get("values") or {}).get("managerConfig", {}).get("controllerManagerConfigYaml")
            loaded = yaml.safe_load(text) if isinstance(text, str) else text
            return loaded if isinstance(loaded, dict) else {}
    return {}


def _namespaces(found: Mapping[str, list[Object]]) -> dict[str, Namespace]:
    spaces = {_name(each): each for each in found.get("Namespace", ())}
    labels = {name: dict(each["metadata"].get("labels") or {}) for name, each in spaces.items()}
    profiles = {_name(each) for each in found.get("Profile", ())}
    queues: dict[str, dict[str, str]] = {}
    accounts: dict[str, set[str]] = {}
    claims: dict[str, dict[str, Object]] = {}
    quotas: dict[str, list[dict[str, int]]] = {}
    limits: dict[str, list[Object]] = {}
    for each in found.get("LocalQueue", ()):
        queues.setdefault(_namespace(each), {})[_name(each)] = str(_spec(each).get("clusterQueue", ""))
    for each in found.get("ServiceAccount", ()):
        accounts.setdefault(_namespace(each), set()).add(_name(each))
    for each in found.get("PersistentVolumeClaim", ()):
        claims.setdefault(_namespace(each), {})[_name(each)] = _spec(each)
    for each in found.get("ResourceQuota", ()):
        quotas.setdefault(_namespace(each), []).append(readable(_spec(each).get("hard")))
    for each in found.get("Profile", ()):
        hard = (_spec(each).get("resourceQuotaSpec") or {}).get("hard")
        quotas.setdefault(_name(each), []).append(readable(hard))
    for each in found.get("LimitRange", ()):
        limits.setdefault(_namespace(each), []).extend(_spec(each).get("limits", ()))
    every = dict.fromkeys((*_KUBERNETES_OWN, *spaces, *queues, *claims, *accounts))
    return {
        name: Namespace(
            name=name,
            tenant=labels.get(name, {}).get(names.TENANT_LABEL, ""),
            level=labels.get(name, {}).get(_ENFORCE, "privileged"),
            labels=labels.get(name, {}),
            queues=queues.get(name, {}),
            accounts=frozenset(
                {"default", *accounts.get(name, ()), *({EDITOR, "default-viewer"} if name in profiles else ())}
            ),
            claims=claims.get(name, {}),
            quotas=tuple(quotas.get(name, ())),
            limits=tuple(limits.get(name, ())),
            whole=name == DEFAULT_NAMESPACE or name in profiles or names.TENANT_LABEL in labels.get(name, {}),
        )
        for name in every
    }


def _flavors(found: Iterable[Object]) -> Iterator[tuple[str, KueueFlavor]]:
    for each in found:
        spec = _spec(each)
        yield (
            _name(each),
            KueueFlavor(
                labels=dict(spec.get("nodeLabels") or {}),
                taints=tuple(spec.get("nodeTaints") or ()),
                tolerations=tuple(spec.get("tolerations") or ()),
                topology=str(spec.get("topologyName") or ""),
                packing={
                    key: str(value)
                    for key, value in (each["metadata"].get("annotations") or {}).items()
                    if key.startswith(POD_SET)
                },
            ),
        )


def _queue(manifest: Object) -> Queue:
    spec = _spec(manifest)
    return Queue(
        name=_name(manifest),
        # v1beta2 has renamed it.
        cohort=str(spec.get("cohortName") or spec.get("cohort") or ""),
        groups=tuple(_resource_group(each) for each in spec.get("resourceGroups") or ()),
    )


def _resource_group(group: Object) -> ResourceGroup:
    return ResourceGroup(
        resources=tuple(group["coveredResources"]),
        flavors=tuple((each["name"], dict(_quotas(each))) for each in group["flavors"]),
    )


def _quotas(flavor: Object) -> Iterator[tuple[str, FlavorQuota]]:
    for each in flavor.get("resources", ()):
        name = each["name"]
        limits = {
            key: None if each.get(key) is None else parse(name, each[key]) for key in ("borrowingLimit", "lendingLimit")
        }
        yield (
            name,
            FlavorQuota(
                nominal=parse(name, each.get("nominalQuota", 0)),
                borrow=limits["borrowingLimit"],
                lend=limits["lendingLimit"],
            ),
        )


def _all_quotas(spec: Object) -> dict[tuple[str, str], FlavorQuota]:
    return {
        (flavor["name"], resource): quota
        for group in spec.get("resourceGroups") or ()
        for flavor in group["flavors"]
        for resource, quota in _quotas(flavor)
    }


def _name(manifest: Object) -> str:
    return str(manifest["metadata"]["name"])


def _namespace(manifest: Object) -> str:
    return str(manifest["metadata"].get("namespace") or DEFAULT_NAMESPACE)


def _spec(manifest: Object) -> Object:
    spec = manifest.get("spec")
    return spec if isinstance(spec, Mapping) else {}
