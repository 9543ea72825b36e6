"""The queue of each tenant's namespace, through which its jobs come to the tenant's quotas.

They are apart from the quotas so that namespaces can go between the two: jobs go with their namespace, and Kueue keeps
a queue with quotas until no job has any of them.
"""

from collections.abc import Iterator
from typing import Any

from addons import kueue
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    return [queue for tenant in handle.tenants for queue in _queues(handle, tenant.name)]


def _queues(handle: ClusterHandle, tenant: str) -> Iterator[dict[str, Any]]:
    yield _queue(tenant, kueue.LOCAL_QUEUE, tenant)
    # A job is in a queue of the same name in both clusters: there it waits for its tenant's quotas.
    if "multikueue" in handle.addons:
        yield _queue(tenant, kueue.BURST, kueue.BURST)
    elif "multikueue-worker" in handle.addons:
        yield _queue(tenant, kueue.BURST, tenant)


def _queue(namespace: str, name: str, cluster_queue: str) -> dict[str, Any]:
    return {
        "apiVersion": kueue.API,
        "kind": "LocalQueue",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterQueue": cluster_queue},
    }


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.tenants else "the stack has no tenants"


ADDON = AddOn(
    name="kueue-local-queues",
    group="scheduling",
    summary="the queue in each tenant's namespace, where its jobs wait",
    docs="https://kueue.sigs.k8s.io/docs/concepts/local_queue/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("training",),
    applies=_applies,
    namespace="kueue-system",
    needs=("kueue", "kueue-queues"),
    # Which make the other queue that some are in front of, and the namespaces.
    follows=("multikueue", "multikueue-worker", "tenants"),
    creates=frozenset({"LocalQueue"}),
)
