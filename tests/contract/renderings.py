"""How add-ons render their charts otherwise than ../shared/reference/chart-facts.json did, and why that is known.

The facts are of each chart with its own values, mostly. Where an add-on's values take hooks or webhooks away, or turn
something on, the facts' `combinations_checked` say what was seen; `adjusted` puts that into the facts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from infra.images import ImageReference

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """What an add-on's values, or its release's name, change in a chart's facts.

    Attributes:
        reason: The values, and where their effect was seen.
        namespace: The namespace in the facts, where the add-on has one of its own.
        sub_chart: A sub-chart that is off, with all that it renders.
        version: The version that is installed, where the facts are of another one.
        moved: Images of the facts' version, as the installed one has them.
        switches: Switches that an add-on's settings may turn on: what takes effect then counts.
        services: Services that are there besides.
        release: The release in the facts, where the add-on's is named like the chart: `<release>-<chart>` is `<chart>`
            then, as in every chart with Helm's own helper for names (`service_account_name_pattern`).
        hooks: Whether the chart's hooks are still there.
        without_webhooks: Webhooks that are gone.
        failure_policies: Failure policies that are other ones.
        webhooks: Webhooks that the software makes when it runs: the failure policy of each.
        workloads: Workloads that are there besides.
        tolerations: Value paths of their tolerations, by `kind/name`.
        images: Images that pods have besides: of containers in lists of the values, of pods made at run time.
        without_images: Images of containers that the values take away.
        unset: Value paths of images that only run once the path is set, which the add-on does not.
        crds: The folder of ../shared/reference whose CRDs are all the chart's, where the facts lack some.
    """

    reason: str
    namespace: str | None = None
    sub_chart: str | None = None
    version: str | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    release: str | None = None
    hooks: bool = True
    without_webhooks: frozenset[str] = frozenset()
    failure_policies: Mapping[str, str] = field(default_factory=dict)
    webhooks: tuple[str, ...] = ()
    workloads: tuple[Mapping[str, Any], ...] = ()
    tolerations: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    without_images: frozenset[str] = frozenset()
    unset: frozenset[str] = frozenset()
    crds: str | None = None


RENDERINGS: Final[Mapping[str, Rendering]] = {
    "aws-load-balancer-controller": Rendering(
        reason="enableServiceMutatorWebhook=false removes mservice only; webhookConfig.ingressValdationFailurePolicy is"
        " effective",
        without_webhooks=frozenset({"mservice.elbv2.k8s.aws"}),
        failure_policies={"vingress.elbv2.k8s.aws": "Ignore"},
    ),
    "kyverno": Rendering(
        reason="CRDs of the sub-chart kyverno-api, and webhooks that Kyverno makes when it runs",
        crds="kyverno",
        webhooks=("Fail", "Fail", "Fail", "Fail", "Fail", "Ignore"),
    ),
    "external-secrets": Rendering(
        reason="CRD templates are added when the chart is packaged (the facts' note)",
        crds="external-secrets",
    ),
    "secrets-store-csi-driver": Rendering(
        reason="linux.crds.enabled=false removes all hooks", release="csi-secrets-store", hooks=False
    ),
    "secrets-store-csi-driver-provider-aws": Rendering(reason="named like the chart", release="secrets-provider-aws"),
    "velero": Rendering(
        reason="deployNodeAgent=true with nodeAgent.tolerations takes effect on DaemonSet/node-agent; upgradeCRDs=false"
        " removes all hooks; the plugin's image is whatever initContainers[].image says",
        hooks=False,
        workloads=(
            {
                "kind": "DaemonSet",
                "name": "node-agent",
                "service_account": "velero-server",
                "containers": [{"name": "node-agent", "image": "docker.io/velero/velero:v1.18.1"}],
                "tolerates": {"nvidia.com/gpu:NoSchedule": False, "any custom NoSchedule": False},
            },
        ),
        tolerations={"DaemonSet/node-agent": "nodeAgent.tolerations"},
        images=("docker.io/velero/velero-plugin-for-aws:v1.14.0",),
    ),
    "cert-manager": Rendering(
        reason="the acmesolver is in the controller's arguments",
        images=("quay.io/jetstack/cert-manager-acmesolver:v1.21.1",),
    ),
    "node-feature-discovery": Rendering(
        reason="postDeleteCleanup=false removes all hooks; the release is named after the add-on",
        release="nfd",
        hooks=False,
    ),
    "kube-prometheus-stack": Rendering(
        reason="prometheusOperator.admissionWebhooks.certManager.enabled=true: no hook is left; images of custom"
        " resources and of the operator's arguments",
        hooks=False,
        images=(
            "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1",
            "quay.io/prometheus/alertmanager:v0.34.0",
            "quay.io/prometheus/prometheus:v3.14.0-distroless",
        ),
        unset=frozenset({"prometheus.prometheusSpec.thanos.image"}),
    ),
    "dcgm-exporter": Rendering(
        reason="nothing in the chart asks for a namespace of Prometheus, which may not be there", namespace="monitoring"
    ),
    "gpu-operator": Rendering(
        reason="nfd.enabled=false is the condition of the sub-chart (Chart.yaml); images of operands that are on, in"
        " the ClusterPolicy",
        sub_chart="node-feature-discovery",
        images=("nvcr.io/nvidia/k8s-device-plugin:v0.20.0", "nvcr.io/nvidia/cloud-native/k8s-mig-manager:v0.15.0"),
        unset=frozenset(
            f"{operand}.{part}"
            for operand in (
                "ccManager",
                "dcgm",
                "dcgmExporter",
                "driver",
                "driver.manager",
                "gdrcopy",
                "gds",
                "kataManager",
                "kataSandboxDevicePlugin",
                "nodeStatusExporter",
                "sandboxDevicePlugin",
                "toolkit",
                "vfioManager",
                "vfioManager.driverManager",
                "vgpuDeviceManager",
                "vgpuManager",
                "vgpuManager.driverManager",
            )
            for part in ("image", "repository")
        ),
    ),
    "neuron-helm-chart": Rendering(
        reason="values.yaml of 1.9.0, whose templates have the paths and names of 1.0.0, which was rendered;"
        " scheduler.enabled=true brings both schedulers and a service",
        version="1.9.0",
        moved={
            "public.ecr.aws/neuron/neuron-device-plugin:2.22.4.0": (
                "public.ecr.aws/neuron/neuron-device-plugin:2.31.0.0"
            ),
            "public.ecr.aws/neuron/neuron-node-recovery:1.2.0": "public.ecr.aws/neuron/neuron-node-recovery:1.11.0",
            "registry.k8s.io/node-problem-detector/node-problem-detector:v0.8.19": (
                "registry.k8s.io/node-problem-detector/node-problem-detector:v1.35.2"
            ),
        },
        switches=frozenset({"scheduler.enabled=true"}),
        services=("k8s-neuron-scheduler ClusterIP 12345",),
        images=(
            "public.ecr.aws/eks-distro/kubernetes/kube-scheduler:v1.31.12-eks-1-31-30",
            "public.ecr.aws/neuron/neuron-scheduler:2.31.0.0",
        ),
    ),
    "hami": Rendering(reason="scheduler.certManager.enabled=true: all hooks disappear", hooks=False),
    "opensearch": Rendering(
        reason="persistence.enableInitChown=false takes the container fsgroup-volume away (templates/statefulset.yaml)",
        without_images=frozenset({"docker.io/library/busybox:latest"}),
        unset=frozenset({"persistence.image"}),
    ),
}


def adjusted(chart: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a chart as its add-on renders it."""
    rendering = RENDERINGS.get(chart)
    if rendering is None:
        return facts
    if rendering.release is not None:
        assert facts["release"] == rendering.release
        facts = json.loads(json.dumps(facts).replace(f"{rendering.release}-{chart}", chart))
        facts["release"] = chart
    facts = json.loads(json.dumps(facts))
    if rendering.namespace is not None:
        assert facts["namespace"] == rendering.namespace
        facts["namespace"] = chart
    if rendering.version is not None:
        assert facts["version"] != rendering.version
        facts["version"] = rendering.version
    facts["images"] = [rendering.moved.get(image, image) for image in facts["images"]]
    facts["services"] = [*(facts.get("services") or []), *rendering.services]
    _switched_on(facts, rendering.switches)
    if rendering.sub_chart is not None:
        _without_sub_chart(facts, rendering.sub_chart)
    if not rendering.hooks:
        _without_hooks(facts)
    assert rendering.without_images <= set(facts["images"])
    facts["images"] = sorted({*facts["images"], *rendering.images} - rendering.without_images)
    facts["workloads"] += rendering.workloads
    by_category, by_workload = facts["value_paths"]["by_category"], facts["value_paths"]["by_workload"]
    for workload, path in rendering.tolerations.items():
        by_category["tolerations"]["effective"][path] = [workload]
        by_workload.setdefault(workload, {})["tolerations"] = [path]
    for category in by_category.values():
        category["effective"] = {
            path: sets for path, sets in category.get("effective", {}).items() if path not in rendering.unset
        }
    names = {webhook["name"] for webhook in facts["webhooks"]}
    assert names >= {*rendering.without_webhooks, *rendering.failure_policies}
    facts["webhooks"] = [
        {**webhook, "failure_policy": rendering.failure_policies.get(webhook["name"], webhook["failure_policy"])}
        for webhook in facts["webhooks"]
        if webhook["name"] not in rendering.without_webhooks
    ] + [{"name": "at run time", "failure_policy": policy} for policy in rendering.webhooks]
    if rendering.crds:
        crds = _crds(rendering.crds)
        assert crds > set(facts["crds"])
        facts["crds"] = sorted(crds)
    return facts


def _without_hooks(facts: dict[str, Any]) -> None:
    hooks = {f"{item['kind']}/{item['name']}" for item in facts["hooks"]}
    assert hooks
    facts["hooks"] = []
    facts["workloads"] = [item for item in facts["workloads"] if "hook" not in item]
    facts["service_accounts"] = [item for item in facts["service_accounts"] if "hook" not in item]
    running = {
        str(ImageReference.parse(container["image"])) for item in facts["workloads"] for container in item["containers"]
    }
    facts["images"] = [image for image in facts["images"] if str(ImageReference.parse(image)) in running]
    for category in facts["value_paths"]["by_category"].values():
        left = {
            path: [changed for changed in objects if changed.partition(":")[0] not in hooks]
            for path, objects in category.get("effective", {}).items()
        }
        category["effective"] = {path: objects for path, objects in left.items() if objects}


def _switched_on(facts: dict[str, Any], switches: frozenset[str]) -> None:
    """What takes effect once something is on counts where an add-on can turn it on."""
    for category in facts["value_paths"]["by_category"].values():
        for path, found in category.get("effective_when_enabled", {}).items():
            if switches and set(found["needs"]) <= switches:
                category.setdefault("effective", {})[path] = found["sets"]


def _without_sub_chart(facts: dict[str, Any], name: str) -> None:
    """What a sub-chart renders has its name in its own, or is an account or a CRD of its own."""
    for kind in ("workloads", "service_accounts", "hooks"):
        left = [item for item in facts[kind] if name not in item["name"]]
        assert len(left) < len(facts[kind])
        facts[kind] = left
    owned = _crds(name)
    assert owned & set(facts["crds"])
    facts["crds"] = sorted(set(facts["crds"]) - owned)
    facts["images"] = [image for image in facts["images"] if f"/{name}:" not in image]
    for category in facts["value_paths"]["by_category"].values():
        category["effective"] = {
            path: sets for path, sets in category.get("effective", {}).items() if not path.startswith(f"{name}.")
        }


@cache
def _crds(folder: str) -> frozenset[str]:
    entries = json.loads((REFERENCE / "crd-index.json").read_text())
    return frozenset(
        f"{entry['plural']}.{entry['group']}" for entry in entries if entry["file"].startswith(f"{folder}/")
    )
