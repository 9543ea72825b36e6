"""How add-ons render their charts otherwise than ../shared/reference/chart-facts.json did, and why that is known.

The facts are of each chart with its own values, mostly. Where an add-on's values take hooks or webhooks away, or turn
something on, the facts' `combinations_checked` say what was seen; `adjusted` puts that into the facts.
"""

import json
import re
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
        into: The namespace that the add-on has then, where it is not named like the chart.
        renamed: The release in the facts and the add-on's, where objects are named like the release alone.
        sub_chart: A sub-chart that is off, with all that it renders.
        without_crds: CRDs that are another chart's here.
        without_objects: Objects that are gone, by `kind/name`, with what value paths change in them.
        without_workloads: Workloads that are gone, by `kind/name`, with their images and what value paths change there.
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
        more_webhooks: Webhooks that are there besides, as the facts have them.
        workloads: Workloads that are there besides.
        tolerations: Value paths of their tolerations, by `kind/name`.
        containers: Containers that are there besides, by the value paths of their image.
        images: Images that pods have besides: of containers in lists of the values, of pods made at run time.
        without_images: Images of containers that the values take away.
        unset: Value paths of images that only run once the path is set, which the add-on does not.
        words: Words of the facts and those of this chart, which nobody rendered, but which differs from theirs in them
            alone.
        crds_elsewhere: CRDs of the chart's folder that another add-on brings first: Helm leaves what is there alone.
        crds: The folder of ../shared/reference whose CRDs are all the chart's, where the facts lack some.
    """

    reason: str
    namespace: str | None = None
    into: str | None = None
    renamed: tuple[str, str] | None = None
    sub_chart: str | None = None
    without_crds: frozenset[str] = frozenset()
    without_objects: frozenset[str] = frozenset()
    without_workloads: frozenset[str] = frozenset()
    version: str | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    release: str | None = None
    hooks: bool = True
    without_webhooks: frozenset[str] = frozenset()
    failure_policies: Mapping[str, str] = field(default_factory=dict)
    webhooks: tuple[str, ...] = ()
    more_webhooks: tuple[Mapping[str, Any], ...] = ()
    workloads: tuple[Mapping[str, Any], ...] = ()
    tolerations: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    without_images: frozenset[str] = frozenset()
    unset: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)
    crds_elsewhere: frozenset[str] = frozenset()
    crds: str | None = None


_ACK: Final = frozenset({"fieldexports.services.k8s.aws", "iamroleselectors.services.k8s.aws"})
_ACK_FIRST: Final = "every controller's chart brings these CRDs, and Helm's installCRDs passes over what is there"

RENDERINGS: Final[Mapping[str, Rendering]] = {
    "argo-workflows": Rendering(
        reason="the image of the steps' sidecars is in the controller's arguments",
        images=("quay.io/argoproj/argoexec:v4.0.6",),
        unset=frozenset({"customArtifactRepository"}),
    ),
    "ecr-chart": Rendering(
        reason=f"generated as the chart of S3 is; {_ACK_FIRST}",
        words={
            "buckets.s3.services.k8s.aws": "repositories.ecr.services.k8s.aws",
            "1.10.0": "1.8.1",
            "s3": "ecr",
        },
        crds="ack-ecr",
        crds_elsewhere=_ACK,
    ),
    "s3-chart": Rendering(reason=_ACK_FIRST, crds_elsewhere=_ACK),
    "sagemaker-chart": Rendering(reason=_ACK_FIRST, crds_elsewhere=_ACK),
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
    "cni": Rendering(
        reason="the DaemonSet is named by the chart alone; Kubeflow has it there, too: its pods are privileged",
        namespace="istio-system",
        into="kube-system",
    ),
    "gateway": Rendering(
        reason="named like Kubeflow's gateway, where istiod is; the image `auto` is istiod's",
        namespace="istio-ingress",
        into="istio-system",
        renamed=("istio-ingress", "istio-ingressgateway"),
        without_images=frozenset({"auto (replaced by the Istio injector)"}),
    ),
    "istiod": Rendering(
        reason="base.validationFailurePolicy=Fail is effective; the proxies' image is in the injector's configuration",
        failure_policies={"rev.validation.istio.io": "Fail"},
        images=("registry.istio.io/release/proxyv2:1.30.3",),
    ),
    "oauth2-proxy": Rendering(
        reason="beside Dex, whose secret it shares; nothing in the chart asks for a namespace",
        namespace="oauth2-proxy",
        into="dex",
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
    "jobset": Rendering(
        reason="a webhook without a failure policy has the API's default",
        failure_policies={
            f"{name}.x-k8s.io": "Fail"
            for name in (
                "mutate--v1-pod",
                "mutate-jobset-x-k8s-io-v1alpha2-jobset",
                "validate--v1-pod",
                "validate-jobset-x-k8s-io-v1alpha2-jobset",
            )
        },
    ),
    "kueue": Rendering(
        reason="controllerManagerConfigYaml without pod, deployment, statefulset in integrations.frameworks: their"
        " webhooks' failure policy is Ignore (combinations_checked)",
        failure_policies={
            f"{part}{kind}.kb.io": "Ignore" for part in ("m", "v") for kind in ("deployment", "pod", "statefulset")
        },
    ),
    "kubeflow-trainer": Rendering(
        reason="jobset.install is the condition of the sub-chart (Chart.yaml); runtimes.defaultEnabled=false, with no"
        " runtime enabled, renders no installer (templates/runtimes)",
        sub_chart="jobset",
        without_webhooks=frozenset(
            f"{name}.x-k8s.io"
            for name in (
                "mutate--v1-pod",
                "mutate-jobset-x-k8s-io-v1alpha2-jobset",
                "validate--v1-pod",
                "validate-jobset-x-k8s-io-v1alpha2-jobset",
            )
        ),
        without_objects=frozenset({"ConfigMap/kubeflow-trainer-runtimes-installer"}),
        hooks=False,
    ),
    "vllm-stack": Rendering(
        reason="rendered with one model; servingEngineSpec.modelSpec is the settings', empty by itself, and names its"
        " image in each",
        without_images=frozenset({"docker.io/vllm/vllm-openai:latest"}),
    ),
    "kserve-resources": Rendering(
        reason="what it puts beside model servers stands in its configuration",
        images=(
            "docker.io/kserve/agent:v0.20.0",
            "docker.io/kserve/art-explainer:v0.20.0",
            "docker.io/kserve/router:v0.20.0",
            "docker.io/kserve/storage-initializer:v0.20.0",
        ),
    ),
    "kserve-runtime-configs": Rendering(
        reason="kserve.servingruntime.enabled=true renders the runtimes, which are custom resources;"
        " kserve.llmisvcConfigs.enabled=false, the default, does not render LLMInferenceServiceConfigs",
        images=(
            "docker.io/kserve/autogluonserver:v0.20.0",
            "docker.io/kserve/huggingfaceserver:v0.20.0",
            "docker.io/kserve/huggingfaceserver:v0.20.0-gpu",
            "docker.io/kserve/lgbserver:v0.20.0",
            "docker.io/kserve/paddleserver:v0.20.0",
            "docker.io/kserve/pmmlserver:v0.20.0",
            "docker.io/kserve/predictiveserver:v0.20.0",
            "docker.io/kserve/sklearnserver:v0.20.0",
            "docker.io/kserve/xgbserver:v0.20.0",
            "docker.io/pytorch/torchserve-kfs:0.9.0",
            "docker.io/seldonio/mlserver:1.5.0",
            "docker.io/tensorflow/serving:2.6.2",
            "docker.io/vllm/vllm-openai:latest",
            "nvcr.io/nvidia/tritonserver:23.05-py3",
        ),
        without_objects=frozenset(
            f"LLMInferenceServiceConfig/kserve-config-llm-{name}"
            for name in (
                "decode-template",
                "decode-worker-data-parallel",
                "prefill-template",
                "prefill-worker-data-parallel",
                "router-route",
                "scheduler",
                "scheduler-latency-predictor",
                "template",
                "tracing",
                "worker-data-parallel",
            )
        ),
    ),
    "kserve-llmisvc-crd": Rendering(
        reason="the template of this CRD renders nothing where another release has it (helm's `lookup`)",
        without_crds=frozenset({"clusterstoragecontainers.serving.kserve.io"}),
    ),
    "kserve-llmisvc-resources": Rendering(
        reason="kserve.createSharedResources=false renders no shared resource (templates/common)",
        without_objects=frozenset(
            {"ClusterStorageContainer/default", "ConfigMap/inferenceservice-config", "Issuer/selfsigned-issuer"}
        ),
    ),
    "mlflow": Rendering(
        reason="databaseMigration=true with a database adds a container of the server's image"
        " (templates/deployment.yaml); the hook's Secret is left out where one of its name is there"
        " (templates/flask_secret.yaml), as mlflow-database makes it",
        hooks=False,
        containers={
            f"initImages.mlflowDbMigration.{part}": "Deployment/mlflow:mlflow-db-migration"
            for part in ("repository", "tag")
        },
    ),
    "jupyterhub": Rendering(
        reason="prePuller.hook.enabled=false removes all hooks; prePuller.continuous, scheduling.userScheduler and"
        " scheduling.userPlaceholder are off, and with them what runs their images"
        " (templates/image-puller, templates/scheduling)",
        hooks=False,
        without_workloads=frozenset(
            {
                "DaemonSet/continuous-image-puller",
                "Deployment/user-scheduler",
                "StatefulSet/user-placeholder",
            }
        ),
        images=("quay.io/jupyterhub/k8s-singleuser-sample:4.4.0",),
        containers={f"singleuser.image.{part}": "pods of users, which the hub makes" for part in ("name", "tag")},
    ),
    "volcano": Rendering(
        reason="custom.enabled_admissions says which webhooks its server registers when it starts: /podgroups/mutate is"
        " one more (pkg/webhooks/admission/podgroups/mutate)",
        more_webhooks=(
            {
                "name": "mutatepodgroup.volcano.sh",
                "failure_policy": "Fail",
                "rules": ["CREATE scheduling.volcano.sh/podgroups"],
                "namespace_selector": {
                    "matchExpressions": [
                        {
                            "key": "kubernetes.io/metadata.name",
                            "operator": "NotIn",
                            "values": ["volcano-system", "kube-system"],
                        }
                    ]
                },
                "object_selector": None,
            },
        ),
    ),
    "kai-scheduler": Rendering(
        reason="kaiConfigDeployer.enabled, topologyMigration.enabled and postCleanup.enabled=false leave the hooks of"
        " the CRD upgrader alone; defaultShard.enabled=false renders no shard; the operator makes its webhooks"
        " (pkg/operator/operands/{admission,pod_group_controller,queue_controller})",
        without_workloads=frozenset({"Job/kai-config-deployer", "Job/post-delete-cleanup", "Job/topology-migration"}),
        # Of the Config, which kai-config has as an object.
        unset=frozenset(
            {
                "admission.image.name",
                "binder.image.name",
                "binder.resourceReservationImage.name",
                "nodescaleadjuster.image.name",
                "nodescaleadjuster.scalingPodImage.name",
                "numaPlacementExporter.image.name",
                "podgroupcontroller.image.name",
                "podgrouper.image.name",
                "queuecontroller.image.name",
                "scheduler.image.name",
            }
        ),
        webhooks=("Fail",) * 5,
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
    facts = _named(chart, facts, rendering)
    facts["images"] = [rendering.moved.get(image, image) for image in facts["images"]]
    facts["services"] = [*(facts.get("services") or []), *rendering.services]
    _switched_on(facts, rendering.switches)
    if rendering.sub_chart is not None:
        _without_sub_chart(facts, rendering.sub_chart)
    assert rendering.without_crds <= set(facts["crds"])
    facts["crds"] = [crd for crd in facts["crds"] if crd not in rendering.without_crds]
    if rendering.without_objects:
        _without_objects(facts, rendering.without_objects)
    if not rendering.hooks:
        _without_hooks(facts)
    if rendering.without_workloads:
        _without_workloads(facts, rendering.without_workloads)
    assert rendering.without_images <= set(facts["images"])
    facts["images"] = sorted({*facts["images"], *rendering.images} - rendering.without_images)
    facts["workloads"] += rendering.workloads
    by_category, by_workload = facts["value_paths"]["by_category"], facts["value_paths"]["by_workload"]
    for workload, path in rendering.tolerations.items():
        by_category["tolerations"]["effective"][path] = [workload]
        by_workload.setdefault(workload, {})["tolerations"] = [path]
    for path, container in rendering.containers.items():
        by_category["image_tag" if path.endswith(".tag") else "image_repository"]["effective"][path] = [container]
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
    facts["webhooks"] += rendering.more_webhooks
    if rendering.crds:
        crds = _crds(rendering.crds)
        assert crds > set(facts["crds"])
        facts["crds"] = sorted(crds)
    assert rendering.crds_elsewhere <= set(facts["crds"])
    facts["crds"] = sorted(set(facts["crds"]) - rendering.crds_elsewhere)
    return facts


def _named(chart: str, facts: dict[str, Any], rendering: Rendering) -> dict[str, Any]:
    """A copy of the facts with the add-on's release, namespace and version."""
    for old, new in rendering.words.items():
        assert old in json.dumps(facts)
        facts = json.loads(json.dumps(facts).replace(old, new))
    if rendering.release is not None:
        assert facts["release"] == rendering.release
        facts = json.loads(json.dumps(facts).replace(f"{rendering.release}-{chart}", chart))
        facts["release"] = chart
    facts = json.loads(json.dumps(facts))
    if rendering.namespace is not None:
        assert facts["namespace"] == rendering.namespace
        facts["namespace"] = rendering.into or chart
    if rendering.renamed is not None:
        _rename(facts, *rendering.renamed)
    if rendering.version is not None:
        assert facts["version"] != rendering.version
        facts["version"] = rendering.version
    return facts


def _rename(facts: dict[str, Any], old: str, new: str) -> None:
    """Give objects that are named like the release the name of another release."""
    assert facts["release"] == old
    namespace = facts["namespace"]
    named = re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])")
    facts.update(json.loads(named.sub(new, json.dumps(facts))), namespace=namespace)


def _without_hooks(facts: dict[str, Any]) -> None:
    hooks = {f"{item['kind']}/{item['name']}" for item in facts["hooks"]}
    assert hooks
    facts["hooks"] = []
    facts["service_accounts"] = [item for item in facts["service_accounts"] if "hook" not in item]
    _leave(facts, [item for item in facts["workloads"] if "hook" not in item], hooks)


def _without_workloads(facts: dict[str, Any], gone: frozenset[str]) -> None:
    left = [item for item in facts["workloads"] if f"{item['kind']}/{item['name']}" not in gone]
    assert len(facts["workloads"]) - len(left) == len(gone)
    _leave(facts, left, set(gone))


def _leave(facts: dict[str, Any], workloads: list[dict[str, Any]], gone: set[str]) -> None:
    """Leave these workloads, the images that they run, and what value paths change in objects that are not gone."""
    facts["workloads"] = workloads
    running = {str(ImageReference.parse(container["image"])) for item in workloads for container in item["containers"]}
    facts["images"] = [image for image in facts["images"] if str(ImageReference.parse(image)) in running]
    for category in facts["value_paths"]["by_category"].values():
        left = {
            path: [changed for changed in objects if changed.partition(":")[0] not in gone]
            for path, objects in category.get("effective", {}).items()
        }
        category["effective"] = {path: objects for path, objects in left.items() if objects}


def _switched_on(facts: dict[str, Any], switches: frozenset[str]) -> None:
    """What takes effect once something is on counts where an add-on can turn it on."""
    for category in facts["value_paths"]["by_category"].values():
        for path, found in category.get("effective_when_enabled", {}).items():
            if switches and set(found["needs"]) <= switches:
                category.setdefault("effective", {})[path] = found["sets"]


def _without_objects(facts: dict[str, Any], gone: frozenset[str]) -> None:
    held = facts["images_in_args_env_configs"]
    left = {image: holders for image, holders in held.items() if set(holders) - gone}
    assert len(left) < len(held)
    facts["images_in_args_env_configs"] = left
    others = {
        kind: [name for name in each if f"{kind}/{name}" not in gone]
        for kind, each in facts.get("other_objects", {}).items()
    }
    facts["other_objects"] = {kind: each for kind, each in others.items() if each}
    for category in facts["value_paths"]["by_category"].values():
        changes = {
            path: [changed for changed in objects if changed.partition(" ")[0] not in gone]
            for path, objects in category.get("effective", {}).items()
        }
        category["effective"] = {path: objects for path, objects in changes.items() if objects}


def _without_sub_chart(facts: dict[str, Any], name: str) -> None:
    """What a sub-chart renders has its name in its own, or is an account or a CRD of its own."""
    for kind in ("workloads", "service_accounts", "hooks"):
        left = [item for item in facts[kind] if name not in item["name"]]
        assert len(left) < len(facts[kind]) or kind == "hooks"
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
