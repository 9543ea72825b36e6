"""KAI: a scheduler beside Kubernetes' own that shares GPUs fairly among queues. What it runs is another add-on."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.catalog import names
from infra.handle import ClusterHandle

_NAME: Final = "kai-scheduler"
# renovate: datasource=docker depName=ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler
_VERSION: Final = "v0.17.0"
_HOME: Final = "ghcr.io/kai-scheduler/kai-scheduler"
_RESOURCES: Final[dict[str, Any]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "1Gi"},
}


def _values(handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    return {
        "global": {"resourceReservation": {"namespaceLabels": {names.PLATFORM_LABEL: "true"}}},
        "operator": {"resources": _RESOURCES},
        # Objects of ours, which are waited for: the webhooks of what the operator starts refuse queues until it runs.
        "kaiConfig": {"render": False},
        "kaiConfigDeployer": {"enabled": False},
        "defaultShard": {"enabled": False},
        # It would copy Kueue's topologies once; ours are objects.
        "topologyMigration": {"enabled": False},
        # What the operator started goes with its configuration, before this release does.
        "postCleanup": {"enabled": False},
        # Where tenants have queues, pods name one of these.
        "defaultQueue": {"createDefaultQueue": "kai-queues" not in handle.addons},
    }


def _image(part: str, path: str) -> Image:
    return Image(reference=f"{_HOME}/{part}:{_VERSION}", registry="global.registry", repository=path)


ADDON = AddOn(
    name=_NAME,
    group="scheduling",
    summary="a scheduler that shares GPUs fairly among queues, and places gangs by topology",
    docs="https://github.com/kai-scheduler/KAI-Scheduler",
    source=Chart(
        repo=f"oci://{_HOME}",
        name=_NAME,
        version=_VERSION,
    ),
    settings=AddOnSettings,
    namespace=_NAME,
    create_namespace=True,
    values=_values,
    images=(_image("operator", "operator.image.name"), _image("crd-upgrader", "crdupgrader.image.name")),
    needs=("coredns",),
    # Two schedulers that both fill GPU nodes take each other's room.
    conflicts=("volcano",),
    owns_crds=(
        "bindrequests.scheduling.run.ai",
        "configs.kai.scheduler",
        "podgroups.scheduling.run.ai",
        "queues.scheduling.run.ai",
        "schedulingshards.kai.scheduler",
        "topologies.kai.scheduler",
    ),
    # Its operator makes them. Of pods they see those that name this scheduler; topologies, groups and queues are kinds
    # of its own, of which others have some of the same names.
    webhooks=tuple(
        Webhook(intercepts=frozenset({kind}), failure_policy="Fail", opt_in=True)
        for kind in ("Pod", "Pod", "Topology", "PodGroup", "Queue")
    ),
    ready=(Ready(kind="Deployment", name="kai-operator"),),
)
