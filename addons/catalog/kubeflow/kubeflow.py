"""Kubeflow's ground: its namespace in the mesh, the roles that its parts add to, and its gateway."""

from collections.abc import Iterator
from typing import Final

from addons.istio import GATEWAY, GATEWAY_HEALTH_PATH, GATEWAY_HEALTH_PORT, GATEWAY_PORT, GATEWAY_TARGET_PORT
from addons.istio import NAMESPACE as MESH
from addons.kubeflow import ENTRY, NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Entry, Kustomization, Ready
from infra.surroundings import Surroundings

_NAME: Final = "kubeflow"


def _problems(around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    edge = around.edge
    if edge and ENTRY in edge.entries and edge.login is None and "dex" not in around.addons:
        yield "", f"nobody could come in at {edge.host(ENTRY)}: edge.login is null; keep it, or enable dex"


ADDON = AddOn(
    name=_NAME,
    group="kubeflow",
    summary="the namespace, roles and gateway that Kubeflow's parts stand on",
    docs="https://github.com/kubeflow/community-distribution",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    # Its parts have Secrets from the platform's store.
    secrets=True,
    namespace_labels={"control-plane": "kubeflow", "istio-injection": "enabled"},
    problems=_problems,
    entries=(
        Entry(
            name=ENTRY,
            service=GATEWAY,
            namespace=MESH,
            port=GATEWAY_PORT,
            target_port=GATEWAY_TARGET_PORT,
            health_path=GATEWAY_HEALTH_PATH,
            health_port=GATEWAY_HEALTH_PORT,
            # There is always one: see needs_one_of.
            own_login=True,
        ),
    ),
    needs=("istio-base", "istio-ingressgateway", "istiod"),
    needs_one_of=("cognito-login", "dex"),
    creates=frozenset({"ClusterRole", "Gateway", "NetworkPolicy"}),
    ready=(Ready(kind="Gateway", name="kubeflow-gateway"),),
)
