"""What the tests of the add-ons share: a made-up cluster, values without Outputs, and the real charts' facts."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from addons.registry import discover
from addons.spec import AddOn, AddOnSettings
from infra.catalog import names
from infra.catalog.prices import Capacity
from infra.flavors import flavors
from infra.handle import (
    Analytics,
    Bucket,
    ClusterHandle,
    Database,
    Edge,
    EfsVolume,
    GpuSharing,
    Karpenter,
    KarpenterPool,
    Login,
    LustreVolume,
    NodeInterface,
    NodePool,
    NotebookImage,
    Observability,
    Oidc,
    Prometheus,
    Registry,
    Sagemaker,
    Storage,
    Taint,
    Tenant,
    TenantQuota,
    Volume,
)
from tests.contract.renderings import adjusted

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REFERENCE = SHARED / "reference"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="../shared/reference, which holds the real charts' facts, is missing"
)

ACCELERATOR_TAINTS = tuple(Taint(key=key, value="present") for key in names.ACCELERATOR_TAINTS.values())
DEDICATED = Taint(key="team", value="vision", effect="NoExecute")


_DEVICES: Mapping[Any, Mapping[str, int]] = {
    "nvidia": {names.GPU_RESOURCE: 8},
    "neuron": {names.NEURON_RESOURCE: 8, names.NEURON_CORE_RESOURCE: 16},
    "fpga": {},
    None: {},
}


def pool(
    group: str = "gpu",
    zone_id: str = "usw2-az1",
    *,
    instance_type: str = "p4d.24xlarge",
    capacity: Capacity = "on-demand",
    accelerator: Any = "nvidia",
    efa: int = 4,
    bottlerocket: bool = False,
    sharing: GpuSharing | None = None,
    taints: tuple[Taint, ...] | None = None,
    provision_minutes: int = 15,
) -> NodePool:
    """A node pool; by default one of p4d.24xlarge."""
    taint = Taint(key=names.ACCELERATOR_TAINTS[accelerator], value="present") if accelerator else None
    return NodePool(
        name=f"{group}-{zone_id}",
        group=group,
        zone_id=zone_id,
        instance_types=(instance_type,),
        capacity=capacity,
        arch="amd64",
        bottlerocket=bottlerocket,
        accelerator=accelerator,
        accelerators_per_node=8 if accelerator else 0,
        efa_interfaces=efa,
        labels={names.GROUP_LABEL: group, names.NODE_ZONE_LABEL: zone_id},
        taints=taints if taints is not None else ((taint,) if taint else ()),
        min_size=0,
        max_size=4,
        sharing=sharing,
        provision_minutes=provision_minutes,
        system=accelerator is None,
        cpu_millis=90_000,
        memory_mib=1_000_000,
        hugepages_mib=10_256 if efa else 0,
        devices=_DEVICES[accelerator],
    )


SYSTEM = pool("system", instance_type="m7i.large", accelerator=None, efa=0)
POOLS = (
    SYSTEM,
    pool("gpu", taints=(*ACCELERATOR_TAINTS[:1], DEDICATED)),
    pool("gpu", "usw2-az2", capacity="spot"),
    pool("neuron", instance_type="trn1.32xlarge", accelerator="neuron", efa=8, capacity="reservation"),
    pool("fpga", instance_type="f2.6xlarge", accelerator="fpga", efa=0),
)


def out(value: str) -> pulumi.Output[str]:
    """An id or ARN that AWS gives."""
    return pulumi.Output.from_input(value)


def storage(roles: Sequence[str] = ("data", "logs")) -> Storage:
    """One file system of each kind, a One Zone one, and buckets."""
    bucket = "arn:aws:s3:::acme"
    key = "arn:aws:kms:us-west-2:111122223333:key/1"
    return Storage(
        lustre=(
            LustreVolume(
                name="scratch",
                file_system_id=out("fs-0a"),
                dns_name=out("fs-0a.fsx.us-west-2.amazonaws.com"),
                mount_name=out("abcdefgh"),
                zone_id="usw2-az2",
                capacity_gib=4800,
                repositories=("/data",),
            ),
        ),
        efs=(
            EfsVolume(name="home", file_system_id=out("fs-0b"), zone_id=None, access_points={"team": out("fsap-1")}),
            EfsVolume(name="one", file_system_id=out("fs-0c"), zone_id="usw2-az1", access_points={}),
        ),
        buckets={
            role: Bucket(
                role=role,
                name=out(f"acme-{role}"),
                arn=out(f"{bucket}-{role}"),
                key_arn=None if role == "logs" else out(key),
            )
            for role in roles
        },
        volume_key_arn=out(key),
    )


def observability() -> Observability:
    """Log groups, a topic and a Prometheus workspace."""
    arn = "arn:aws:aps:us-west-2:111122223333:workspace/ws-1"
    endpoint = "https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-1/"
    roles = ("application", "dataplane", "host", "performance")
    return Observability(
        log_groups={role: out(f"/aws/containerinsights/acme/{role}") for role in roles},
        topic_arn=out("arn:aws:sns:us-west-2:111122223333:acme-alarms"),
        topic_key_arn=out("arn:aws:kms:us-west-2:111122223333:key/1"),
        prometheus=Prometheus(workspace_id=out("ws-1"), arn=out(arn), endpoint=out(endpoint)),
    )


def edge() -> Edge:
    """A load balancer with a zone and a login."""
    return Edge(
        domain="ml.example.com",
        entries=("kubeflow",),
        zone_id=out("Z0123456789"),
        certificate_arn=out("arn:aws:acm:us-west-2:111122223333:certificate/1"),
        load_balancer_arn=out("arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/acme/1"),
        load_balancer_dns_name=out("acme.us-west-2.elb.amazonaws.com"),
        load_balancer_zone_id=out("Z1"),
        listener_arn=out("arn:aws:elasticloadbalancing:us-west-2:111122223333:listener/app/acme/1/2"),
        security_group_id=out("sg-1"),
        login=Login(
            user_pool_id=out("us-west-2_1"),
            user_pool_arn=out("arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_1"),
            client_id=out("client"),
            domain=out("acme"),
            url=out("https://acme.auth.us-west-2.amazoncognito.com"),
            issuer=out("https://cognito-idp.us-west-2.amazonaws.com/us-west-2_1"),
            scope="openid",
            session_cookie="session",
            session_seconds=3600,
            admin_group="platform-admins",
            groups=("platform-admins",),
        ),
    )


def database() -> Database:
    """A MySQL database with its own key."""
    return Database(
        name="pipelines",
        engine="mysql",
        instance_id=out("acme-pipelines"),
        allocated_gib=50,
        resource_id=out("db-1"),
        host=out("acme.rds.amazonaws.com"),
        port=3306,
        username="admin",
        secret_arn=out("arn:aws:secretsmanager:us-west-2:111122223333:secret:rds!db-1"),
        key_arn=out("arn:aws:kms:us-west-2:111122223333:key/2"),
        security_group_id=out("sg-2"),
    )


def databases() -> dict[str, Database]:
    """One database of each engine, by name."""
    mysql = database()
    postgres = replace(
        mysql,
        name="metadata",
        engine="postgres",
        instance_id=out("acme-metadata"),
        resource_id=out("db-2"),
        host=out("acme-metadata.rds.amazonaws.com"),
        port=5432,
        secret_arn=out("arn:aws:secretsmanager:us-west-2:111122223333:secret:rds!db-2"),
        security_group_id=out("sg-3"),
    )
    return {each.name: each for each in (mysql, postgres)}


def registry() -> Registry:
    """A registry with notebook images, whose upstreams are not mirrored."""
    host = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
    kinds: dict[str, Any] = {"cpu": None, "gpu": "nvidia", "neuron": "neuron"}
    return Registry(
        host=out(host),
        repositories={},
        mirrors={},
        notebook_images=tuple(
            NotebookImage(name=name, accelerator=kind, uri=out(f"{host}/acme/notebook-{name}:0123456789ab"))
            for name, kind in kinds.items()
        ),
    )


def analytics() -> Analytics:
    """SageMaker's role and network, without EMR and Athena."""
    sagemaker = Sagemaker(
        role_arn=out("arn:aws:iam::111122223333:role/acme-sagemaker"),
        security_group_id=out("sg-4"),
        subnets={"usw2-az1": out("subnet-1")},
    )
    return Analytics(emr=None, athena=None, sagemaker=sagemaker)


def karpenter(partition: str = "aws") -> Karpenter:
    """A queue, a role and node pools of every kind."""
    plain = KarpenterPool(
        pool=replace(SYSTEM, name="cpu-usw2-az1", group="cpu", system=False),
        image={"alias": "al2023@v20260714"},
        user_data="",
        volume=Volume(gib=100, iops=3000, throughput=125),
        subnet_id=out("subnet-1"),
        security_group_ids=(out("sg-1"),),
        interfaces=(),
        placement_group=None,
        reservation_id=None,
        max_pods=None,
        instance_store=False,
        metadata_hop_limit=2,
        unknown_resources={},
    )
    kinds: tuple[Any, ...] = ("interface", "efa-only")
    training = replace(
        plain,
        pool=POOLS[1],
        user_data="MIME-Version: 1.0",
        security_group_ids=(out("sg-1"), out("sg-2")),
        interfaces=tuple(NodeInterface(card=0, device=device, kind=kind) for device, kind in enumerate(kinds)),
        placement_group=out("pg"),
        max_pods=100,
        instance_store=True,
        unknown_resources={"hugepages-2Mi": "10256Mi"},
    )
    reserved = pool("reserved", capacity="capacity-block", efa=0)
    return Karpenter(
        queue_name=out("karpenter"),
        queue_arn=out(f"arn:{partition}:sqs:us-west-2:111122223333:karpenter"),
        node_role_arn=out(f"arn:{partition}:iam::111122223333:role/node"),
        instance_profile=out("karpenter-node"),
        pools=(
            plain,
            training,
            replace(plain, pool=POOLS[2]),
            replace(plain, pool=reserved, image={"id": "ami-0123456789abcdef0"}, reservation_id="cr-0123456789abcdef0"),
            replace(plain, pool=pool("rocket", bottlerocket=True), image={"alias": "bottlerocket@v1.62.0"}),
        ),
    )


def tenants() -> tuple[Tenant, ...]:
    """One with everything, and one with little, whose data goes with it."""
    language = Tenant(
        name="language",
        owners=("dan@example.com", "eve@example.com"),
        members=("fay@example.com",),
        viewers=("gil@example.com",),
        priority="training",
        quotas=(
            TenantQuota(
                flavor="gpu-usw2-az1",
                nominal={"cpu": 90_000, "memory": 1_000_000, names.GPU_RESOURCE: 8, names.EFA_RESOURCE: 32},
                borrow={"cpu": 45_000, "memory": 500_000, names.GPU_RESOURCE: 4, names.EFA_RESOURCE: 16},
                lend=None,
            ),
            TenantQuota(flavor="fpga", nominal={"cpu": 90_000, "memory": 1_000_000}, borrow=None, lend=None),
        ),
        limits={"pods": "500", "requests.nvidia.com/gpu": "16"},
        prefix="research/language",
        efs={"home": out("fsap-language")},
        lustre=("scratch",),
        uid=1000,
        gid=1000,
        repository=out("111122223333.dkr.ecr.us-west-2.amazonaws.com/acme/tenants/language"),
        repository_arn=out("arn:aws:ecr:us-west-2:111122223333:repository/acme/tenants/language"),
        pod_security="baseline",
        from_namespaces=("ci",),
        to_namespaces=("features",),
        to_cidrs=("0.0.0.0/0",),
        keep_data=True,
    )
    small = replace(
        language,
        name="robots",
        owners=("hal@example.com",),
        members=(),
        viewers=(),
        priority="opportunistic",
        quotas=(),
        limits={},
        prefix="robots",
        efs={},
        lustre=(),
        repository=None,
        repository_arn=None,
        from_namespaces=(),
        to_namespaces=(),
        keep_data=False,
    )
    return (language, small)


def handle_of(
    aws: pulumi.ProviderResource,
    kubernetes: pulumi.ProviderResource,
    control_plane: pulumi.Resource,
    **changes: Any,
) -> ClusterHandle:
    """A cluster with node pools of every kind and all storage; `changes` replace fields."""
    handle = ClusterHandle(
        name="acme",
        cluster_name=out("acme"),
        region="us-west-2",
        partition="aws",
        account_id=out("111122223333"),
        kubernetes_version="1.35",
        endpoint=out("https://acme.example"),
        vpc_id=out("vpc-1"),
        zones=("usw2-az1", "usw2-az2"),
        internet=True,
        oidc=Oidc(provider_arn=out("arn:aws:iam::111122223333:oidc-provider/issuer"), issuer=out("issuer")),
        aws=aws,
        kubernetes=kubernetes,
        control_plane=control_plane,
        node_pools=POOLS,
        storage=storage(),
        observability=observability(),
        karpenter=karpenter(changes.get("partition", "aws")),
        tenants=tenants(),
        tags={"owner": "ml", "note": "a,b=c"},
    )
    return replace(handle, **changes)


def fake_handle(**changes: Any) -> ClusterHandle:
    """The same outside of a program, for the pure functions, which never look at the resources."""
    nothing: Any = None
    handle = handle_of(nothing, nothing, nothing, **changes)
    there = {each.name for each in flavors(handle.node_pools)}
    of_these = [
        replace(each, quotas=tuple(quota for quota in each.quotas if quota.flavor in there)) for each in handle.tenants
    ]
    return replace(handle, tenants=tuple(of_these))


def resolver() -> Iterator[Callable[[Any], Any]]:
    """For a fixture: an event loop, which Outputs need, and a function that replaces every Output by what it holds."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield lambda value: loop.run_until_complete(_known(value))
    asyncio.set_event_loop(None)
    loop.close()


async def _known(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return await _known(await value.future())
    if isinstance(value, Mapping):
        return {key: await _known(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [await _known(item) for item in value]
    return value


@cache
def chart_facts(name: str) -> dict[str, Any]:
    """What Helm renders for a chart with its add-on's values (../shared/reference/chart-facts.json, `renderings`)."""
    facts: dict[str, Any] = _facts()["charts"][_FACTS.get(name, name)]
    return adjusted(name, facts)


_FACTS = {
    "base": "istio-base",
    "cni": "istio-cni",
    "ecr-chart": "ack-s3",
    "gateway": "istio-gateway",
    # By itself it renders nothing.
    "kserve-runtime-configs": "kserve-runtime-configs-enabled",
    "s3-chart": "ack-s3",
    "sagemaker-chart": "ack-sagemaker",
}
"""What a chart is called in the facts, where it is not called by its name."""


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((REFERENCE / "chart-facts.json").read_text())
    return facts


@cache
def chart_values(name: str) -> dict[str, Any]:
    """The chart's own default values, over those of its sub-charts and those that only its templates know."""
    # Knative's release script writes the tag.
    text = (_folder(name) / "values.yaml").read_text().replace("{{ tag }}", "tag")
    values: dict[str, Any] = yaml.safe_load(text) or {}
    # Istio's charts put them under the user's by themselves.
    values = values.get("_internal_defaults_do_not_set", values)
    for key, sub in SUB_CHARTS.get(name, {}).items():
        values[key] = merged(chart_values(sub) if isinstance(sub, str) else sub, values.get(key))
    for *path, last in FREE_FORM.get(name, ()):
        place = values
        for key in path:
            place = place[key]
        # Whatever the software's own configuration takes.
        place[last] = {}
    return values


_FOLDERS = {
    "ecr-chart": "ack-ecr/chart",
    "kuberay-operator": "kuberay/chart-kuberay-operator",
    "s3-chart": "ack-s3/chart",
    "sagemaker-chart": "ack-sagemaker/chart",
    "base": "istio/base",
    "cni": "istio/cni",
    "gateway": "istio/gateway",
    "istiod": "istio/istiod",
    "knative-operator": "knative/operator-chart",
    "dra-driver-nvidia-gpu": "nvidia-dra-driver-gpu/chart",
    "gpu-operator": "nvidia-gpu-operator/chart",
    "neuron-helm-chart": "neuron-helm-chart/chart-1.9.0",
    "karpenter-crd": "karpenter/chart-crd",
    **{
        chart: f"kserve/chart-{chart}"
        for chart in (
            "kserve-crd",
            "kserve-llmisvc-resources",
            "kserve-localmodel-resources",
            "kserve-resources",
            "kserve-runtime-configs",
        )
    },
    "vllm-stack": "vllm-production-stack/chart",
    # They have no values, either.
    "kserve-llmisvc-crd": "kserve/chart-kserve-crd",
    "kserve-localmodel-crd": "kserve/chart-kserve-crd",
    "opensearch-dashboards": "opensearch/dashboards-chart",
    "secrets-store-csi-driver-provider-aws": "secrets-store-csi-driver/provider-aws-chart",
}
"""Where a chart is, other than in a folder of its name."""


def _folder(name: str) -> Path:
    return REFERENCE / _FOLDERS.get(name, f"{name}/chart")


def merged(defaults: Any, values: Any) -> Any:
    """Values over defaults, as Helm coalesces them."""
    if isinstance(defaults, dict) and isinstance(values, dict):
        return {key: merged(defaults.get(key), values.get(key)) for key in {**defaults, **values}}
    return defaults if values is None else values


SUB_CHARTS: dict[str, dict[str, Any]] = {
    # Read by templates/configmap.yaml, commented out in values.yaml.
    "aws-for-fluent-bit": {"additionalFilters": None, "additionalInputs": None, "additionalOutputs": None},
    # In values.schema.json, commented out in values.yaml.
    "cert-manager": {"webhook": {"podDisruptionBudget": {"maxUnavailable": None}}},
    "grafana": {"rbac": {"useExistingClusterRole": None}},
    # Read by templates/validatingwebhookconfiguration.yaml, commented out in values.yaml.
    "istiod": {"base": {"validationFailurePolicy": None}},
    # Read by templates/services/operator.yaml, and not in values.yaml.
    "kai-scheduler": {"operator": {"resources": {}}},
    # Read by templates/_helpers.tpl, commented out in values.yaml.
    "oauth2-proxy": {"config": {"existingSecret": None}},
    "opensearch": {"persistence": {"storageClass": None}},
    # Read by templates/metrics-configmap.yaml, commented out in values.yaml.
    "dcgm-exporter": {"customMetrics": None},
    "kube-prometheus-stack": {
        "grafana": "grafana",
        # Of these the reference has no values: what was seen to take effect.
        "kube-state-metrics": {"metricLabelsAllowlist": [], "resources": {}},
        "prometheus-node-exporter": {"resources": {}, "tolerations": []},
    },
}
"""Where the values of a sub-chart are, or values themselves that a chart has and its values.yaml lacks."""
FREE_FORM: dict[str, list[tuple[str, ...]]] = {
    "argo-workflows": [("controller", "pdb")],
    "kuberay-operator": [("resources",)],
    "descheduler": [("deschedulerPolicy",)],
    "lws": [("podSecurityContext",), ("resources",)],
    "vllm-stack": [("servingEngineSpec", "containerSecurityContext"), ("routerSpec", "resources", "limits")],
    "gateway": [("podAnnotations",)],
    "istiod": [("meshConfig",)],
    "jupyterhub": [("hub", "config")],
    "mlflow": [("podSecurityContext",)],
    "kube-prometheus-stack": [("grafana", "grafana.ini")],
    "opensearch": [("resources",)],
}
"""Value paths that hold a configuration file as keys, with some of its defaults."""


def chart_schema(name: str) -> dict[str, Any] | None:
    """The chart's JSON schema of its values, where it has one."""
    path = _folder(name) / "values.schema.json"
    if not path.is_file():
        return None
    schema: dict[str, Any] = json.loads(path.read_text())
    schema["$schema"] = _DRAFTS.get(schema.get("$schema", ""), schema.get("$schema", _DRAFT))
    return schema


_DRAFT = "http://json-schema.org/draft-07/schema#"
_DRAFTS = {f"https://{_DRAFT.partition('//')[2]}": _DRAFT, "http://json-schema.org/schema#": _DRAFT}
"""Names of the draft as nobody else spells them: ACK's charts, and Istio's, which means the newest."""


def unknown_paths(values: Mapping[str, Any], defaults: Any, path: str = "") -> list[str]:
    """Value paths that the chart does not have. What it leaves empty is free-form."""
    found = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if key not in defaults:
            found.append(here)
        elif isinstance(value, Mapping) and defaults[key]:
            found += unknown_paths(value, defaults[key], here)
    return found


SHARING = (
    GpuSharing(mode="time-slicing", config="time-slicing-4", replicas=4),
    GpuSharing(mode="mps", config="mps-2", replicas=2),
    GpuSharing(mode="mig", config="mig-mixed", mig_strategy="mixed", mig_profile="1g.10gb"),
)
CONNECTORS: list[dict[str, Any]] = [
    {"type": "oidc", "id": "okta", "name": "Okta", "issuer": "https://acme.okta.com", "clientId": "x", "groups": True},
    {"type": "github", "id": "git-hub", "name": "GitHub", "clientId": "y", "organisations": [{"name": "acme"}]},
    {
        "type": "ldap",
        "id": "ad",
        "name": "Acme",
        "host": "ad.acme.example:636",
        "bindDn": "cn=dex,ou=services,dc=acme,dc=example",
        "users": "ou=people,dc=acme,dc=example",
        "groups": "ou=groups,dc=acme,dc=example",
    },
]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "katib-settings": [{"database": "metadata", "suggestionMemoryMib": 2048}],
    "model-registry-settings": [{"database": "metadata"}],
    "trainer-runtimes": [
        {"frameworks": ["torch"], "groups": False},
        {"serviceAccount": "default-editor", "sharedMemoryGib": 64},
    ],
    "kubeflow-pipelines-settings": [
        {
            "database": "pipelines",
            "databaseCertificates": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "caching": False,
            "keepHours": 1,
            "timezone": "Europe/Berlin",
            "version1Profiles": ["team-a", "team-b"],
        }
    ],
    "argo-workflows": [{"keepHours": 1, "parallelism": 10, "archiveLogs": False, "archiveDays": 90}],
    "argo-workflows-namespaces": [{"namespaces": ["team-a", "team-b", "workflows"]}],
    "kuberay-operator": [{"batchScheduler": "volcano", "memoryMib": 1024}],
    "ray-namespaces": [{"namespaces": ["team-a", "team-b"]}],
    "spark-namespaces": [{"namespaces": ["team-a", "team-b"], "catalogue": False}],
    "spark-operator": [{"workers": 20, "memoryMib": 4096}],
    "kubeflow-dashboard-settings": [
        {
            "registration": True,
            "admins": ["root@example.com"],
            "links": [{"text": "Wiki", "link": "https://wiki.example.com/"}],
        }
    ],
    "kubeflow-notebooks-settings": [
        {
            "images": ["quay.io/jupyter/scipy-notebook:2026-08-01"],
            "customImages": False,
            "storageClass": "efs-home",
            "mounts": ["efs-home-team", "lustre-scratch"],
            "groups": ["gpu"],
            "chooseNodes": False,
            "idleMinutes": None,
        }
    ],
    "kubeflow-profiles": [
        {
            "profiles": {
                "vision": {
                    "owner": "ann@example.com",
                    "contributors": ["bob@example.com"],
                    "viewers": ["cid@example.com"],
                    "quota": {"requests.nvidia.com/gpu": "4", "requests.cpu": "64"},
                },
                "language": {"owner": "dan@example.com"},
            },
        }
    ],
    "aws-dranet": [{"instanceTypes": ["p9.48xlarge"]}],
    "aws-efa-k8s-device-plugin": [{"instanceTypes": ["p9.48xlarge"]}],
    "dcgm-exporter": [{"podLabels": ["^app$"]}],
    "dra-driver-nvidia-gpu": [{"instanceTypes": ["p6e-gb200.36xlarge"]}],
    "gpu-operator": [{"migManager": True}, {"failRequestsGreaterThanOne": False}],
    "hami": [{"splitCount": 4, "memoryScaling": 1.5, "nodePolicy": "spread", "gpuPolicy": "binpack"}],
    "aws-load-balancer-controller": [{"wafv2": True}],
    "aws-for-fluent-bit": [{"excludeNamespaces": ["noisy", "kube-system"], "memoryMib": 512}],
    "aws-mountpoint-s3-csi-driver": [{"buckets": ["open-data"]}],
    "cert-manager": [{"dns01": False}],
    "cert-manager-acme": [{"server": "staging", "email": "ops@example.com"}],
    "cluster-autoscaler": [{"balanceSimilarNodeGroups": True}, {"expander": ["random"]}],
    "karpenter": [{"nodeRepair": True, "spotToSpotConsolidation": True}],
    "karpenter-node-pools": [{"consolidateAfter": "Never", "expireAfter": "Never", "maxDisrupted": "1"}],
    "fluent-bit": [{"excludeNamespaces": ["noisy"], "memoryMib": 512}],
    "gpu-monitoring": [{"idlePercent": 10, "idleMinutes": 30, "pendingMinutes": 20}],
    "kube-prometheus-stack": [{"retentionDays": 30, "storageGib": 10, "remoteWrite": False, "anonymous": False}],
    "external-secrets": [{"databases": False}],
    "external-secrets-store": [{"namespaces": ["kubeflow"]}],
    "secrets-store-csi-driver": [{"syncSecrets": True, "rotationMinutes": 5}],
    "velero": [
        {"schedules": {}, "moveSnapshots": True},
        {"schedules": {"tenants": {"cron": "0 * * * *", "exceptNamespaces": ["kube-system"], "volumes": False}}},
    ],
    "volume-snapshot-classes": [{"deletionPolicy": "Retain"}],
    "descheduler": [{"schedule": "0 * * * *", "protectedPriority": 100, "minPodAge": "2h", "maxEvictionsPerNode": 1}],
    "image-prepull": [{"images": {"nvidia": ["nvcr.io/nvidia/pytorch:26.06-py3"], "fpga": ["acme/fpga:1"]}}],
    "keda": [{"queues": ["inference-*"], "cloudwatch": True, "prometheus": False}],
    "kserve-gateway": [{"maxReplicas": 20}],
    "kserve-gpu-runtimes": [{"gpus": 8, "memoryGib": 512, "sharedMemoryGib": 64}],
    "kserve-llmisvc-resources": [{"memoryMib": 2048}],
    "kserve-localmodel-nodes": [{"sizeGib": 500}],
    "kserve-models": [{"namespaces": ["models", "team-a", "team-b"]}],
    "kserve-resources": [{"mode": "knative", "domain": "serving.example.com"}, {"memoryMib": 2048}],
    "kserve-runtime-configs": [{"runtimes": ["paddle", "sklearn"]}],
    "neuron": [{"scheduler": True, "nodeRecovery": True}, {"instanceTypes": ["trn9.xlarge"], "problemDetector": False}],
    "node-feature-discovery": [{"labelNamespaces": ["acme.example"]}],
    "prometheus-adapter": [
        {"rules": [{"series": "vllm:num_requests_waiting", "name": "waiting"}]},
        {"rules": [{"series": "requests_total", "name": "requests", "aggregate": "avg", "rateMinutes": 2}]},
    ],
    "external-dns": [{"sources": ["ingress", "gateway-httproute"], "policy": "sync"}],
    "kyverno-baseline": [{"action": "Enforce", "exceptNamespaces": ["legacy"]}],
    "kueue": [
        {"pods": True, "fairSharing": True, "replicas": 1, "mostRetries": 5, "retrySeconds": 30, "pullMinutes": 60},
    ],
    "kueue-queues": [
        {"topology": False, "reclaim": "Never", "preemptOwn": "LowerOrNewerEqualPriority", "queueing": "StrictFIFO"},
        {"network": False, "packing": "unconstrained", "weights": {"language": 2.5}, "preemptToBorrow": True},
        {"packing": "required", "borrowing": False, "provisioningRetries": 0},
    ],
    "namespace-defaults": [
        {
            "namespaces": [
                {"name": "team-a"},
                {"name": "team-b", "podSecurity": "restricted", "toCidrs": [], "fromNamespaces": ["monitoring"]},
                {"name": "default", "create": False, "toNamespaces": ["team-a"], "toCidrs": ["10.0.0.0/8"]},
            ]
        }
    ],
    "istio-ingressgateway": [{"minReplicas": 1, "maxReplicas": 1, "memoryMib": 512}],
    "istio-policies": [{"denyByDefault": False, "strictNamespaces": ["team-a"], "accessLogs": False}],
    "istiod": [{"memoryMib": 2048, "proxyMemoryMib": 128, "metrics": True}],
    "cognito-login": [{"groups": ["platform-admins"]}, {"checkSignature": False}],
    "dex": [{"connectors": CONNECTORS}],
    "oauth2-proxy": [{"emailDomains": ["example.com", "example.org"]}],
    "knative-serving": [{"startMinutes": 60, "requestSeconds": 7200, "idleSeconds": 300}],
    "opencost": [{"ui": False}],
    "opensearch": [{"replicas": 1, "storageGib": 20, "memoryGib": 4, "retentionDays": 3}],
    "jupyterhub": [
        {"admins": ["anna@example.com"], "home": "gp3", "homeGib": 50, "maxHours": 24, "idleMinutes": 30},
        {"cores": 0.5, "memoryGib": 2, "acceleratedMemoryGib": 200},
    ],
    "feast-redis": [{"memoryMib": 2048, "storageGib": 16}],
    "feast-store": [
        {
            "project": "vision",
            "prefix": "tables/features",
            "repository": {"url": "https://github.com/acme/features", "ref": "v1.2.0", "path": "vision/features"},
            "materialize": "15 * * * *",
            "database": "metadata",
            "memoryMib": 4096,
        }
    ],
    "mlflow": [{"replicas": 1, "workers": 4, "memoryMib": 4096}],
    "priority-classes": [{"default": "training"}],
    "static-volumes": [{"namespaces": ["default", "team-a", "team-b"]}],
    "storage-classes": [{"iops": 6000, "throughput": 500, "fileSystem": "xfs", "default": False}],
    "vllm": [
        {
            "models": [
                {"name": "qwen", "path": "qwen2.5-7b-instruct"},
                {"name": "large", "path": "llama/70b", "gpus": 8, "replicas": 2, "cpu": 64, "memoryGib": 512},
                {"name": "short", "path": "short", "maxModelLen": 4096, "args": ["--enforce-eager"]},
            ],
            "image": "docker.io/vllm/vllm-openai:v0.23.0",
            "routing": "prefixaware",
        }
    ],
    "vpc-cni": [{"networkPolicy": True}],
    "multikueue": [
        {
            "clusters": {
                "datacentre": {"secret": "acme/clusters/datacentre"},
                "frankfurt": {"secret": "acme/clusters/frankfurt"},
            },
            "quota": {"cpu": "512", "memory": "4Ti", "nvidia.com/gpu": "64"},
        }
    ],
    "multikueue-worker": [{"pods": True}],
    "kai-config": [{"placement": "spread", "replicas": 1}],
    "volcano": [{"replicas": 1, "memoryMib": 4096}],
}
"""Settings that change what is installed, besides the defaults."""


def handles() -> list[ClusterHandle]:
    """Clusters that differ in what the functions of add-ons look at."""
    shared = tuple(pool(f"gpu-{sharing.mode}", sharing=sharing) for sharing in SHARING)
    return [
        fake_handle(),
        fake_handle(node_pools=(SYSTEM, *shared), internet=False, region="eu-south-2"),
        fake_handle(
            node_pools=(), storage=Storage(), observability=None, tags={}, region="cn-north-1", partition="aws-cn"
        ),
        fake_handle(edge=edge(), databases={"pipelines": database()}, storage=storage(("backups", "data", "logs"))),
        everything(),
    ]


def everything() -> ClusterHandle:
    """A cluster with all that an add-on may stand on."""
    return fake_handle(
        edge=replace(edge(), entries=("kubeflow", "grafana", "mlflow", "jupyterhub", "argo")),
        databases=databases(),
        registry=registry(),
        analytics=analytics(),
        storage=storage(("data", "artifacts", "models", "backups", "logs")),
        addons=frozenset(discover()),
    )


def is_ground(handle: ClusterHandle, key: str) -> bool:
    """Whether a cluster has what a key of the stack file makes, as `stands_on` names it."""
    if key == "network.internet":
        return handle.internet
    place: Any = handle
    for name in key.split("."):
        place = place.get(name) if isinstance(place, Mapping) else getattr(place, _FIELDS.get(name, name), None)
    return place is not None and place not in ({}, ())


_FIELDS = {"zone": "zone_id"}
"""Keys of the stack file that the handle spells in another way."""


def fitting(addon: AddOn[Any]) -> list[ClusterHandle]:
    """The clusters that have what an add-on stands on; it is not installed on others."""
    found = [handle for handle in handles() if all(is_ground(handle, key) for key in addon.stands_on)]
    assert found, f"{addon.name}: no cluster here has {', '.join(addon.stands_on)}"
    return found


def cases(addon: AddOn[Any]) -> list[tuple[ClusterHandle, AddOnSettings]]:
    settings = [addon.settings.model_validate(raw) for raw in ({}, *SETTINGS.get(addon.name, []))]
    return [(handle, item) for handle in fitting(addon) for item in settings]
