"""JupyterHub: the lighter notebook service, for a team that needs notebooks on GPUs and none of Kubeflow."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pulumi
from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Entry, Image, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle, Edge, Login, NodePool, NotebookImage
from infra.surroundings import Surroundings

_NAME: Final = "jupyterhub"
# renovate: datasource=helm depName=jupyterhub registryUrl=https://hub.jupyter.org/helm-chart/
_VERSION: Final = "4.4.0"
_LOGIN: Final = Path(__file__).parents[2] / "hub_login.py"
_PROXY: Final = Path(__file__).parents[2] / "hub_proxy.mjs"
_PORT: Final = 80
_POD_PORT: Final = 8000
_SECONDS: Final = 60
_START_SECONDS: Final = 600
"""For pulling the image, and for the server itself, once there is a node."""
_RESOURCES: Final = {"neuron": names.NEURON_RESOURCE, "nvidia": names.GPU_RESOURCE}


class JupyterhubSettings(AddOnSettings):
    """Settings of JupyterHub."""

    admins: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    """Addresses of people who may see and stop everybody's server."""

    home: Literal["gp3"] | Annotated[str, Field(pattern=r"^efs-[a-z0-9-]+$")] | None = None
    """The storage class of homes: `efs-<file system>`, or `gp3` for a disk each, which keeps a person's servers in one
    zone. By default the first EFS file system of the stack, and gp3 where it has none."""

    home_gib: Annotated[int, Field(ge=1, le=16_384)] = 20
    """Size of a home on a disk; EFS grows by itself."""

    cores: Annotated[float, Field(gt=0, le=192)] = 2
    """Cores that a server is sure of."""

    memory_gib: Annotated[int, Field(ge=1, le=2048)] = 8
    """Memory of a server without an accelerator."""

    accelerated_memory_gib: Annotated[int, Field(ge=1, le=2048)] = 64
    """Memory of a server with an accelerator."""

    idle_minutes: Annotated[int, Field(ge=5)] = 60
    """Stop a server in which nothing has run for so long. What is in the home stays."""

    max_hours: Annotated[int, Field(ge=1)] | None = None
    """Stop every server after so long, whatever runs in it."""


def _values(handle: ClusterHandle, settings: JupyterhubSettings) -> Values:
    images = handle.registry.notebook_images if handle.registry else ()
    waits = [pool.provision_minutes * _SECONDS for pool in handle.node_pools]
    return {
        "hub": _hub(handle, settings),
        "proxy": {
            # The load balancer comes to the pod; there is none but the platform's.
            "service": {"type": "ClusterIP"},
            "chp": {
                "extraEnv": dict(_kept_from_servers(handle)),
                "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            },
        },
        "singleuser": {
            "serviceAccountName": "notebook",
            "startTimeout": max(waits, default=0) + _START_SECONDS,
            "cpu": {"guarantee": settings.cores},
            "memory": _memory(settings.memory_gib),
            "storage": _home(handle, settings),
            # It would take a privileged container: instances answer pods no metadata, at a hop limit of 1.
            "cloudMetadata": {"blockWithIptables": False},
            # Databases, endpoints of AWS in the VPC and services of the cluster have private addresses.
            "networkPolicy": {"egressAllowRules": {"privateIPs": True}},
            "profileList": list(_profiles(handle, settings, images)),
        },
        # Kubernetes' scheduler and cluster-autoscaler do; a second scheduler is one more to keep in step with.
        "scheduling": {"userScheduler": {"enabled": False}, "userPlaceholder": {"enabled": False}},
        # image-prepull pulls large images to accelerated nodes.
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        "cull": {
            "enabled": True,
            "timeout": settings.idle_minutes * _SECONDS,
            "every": 5 * _SECONDS,
            "maxAge": (settings.max_hours or 0) * _SECONDS * _SECONDS,
        },
    }


def _hub(handle: ClusterHandle, settings: JupyterhubSettings) -> Values:
    return {
        # Keys that jupyterhub-users made. The one between hub and proxy the chart makes, and finds again.
        "existingSecret": "jupyterhub-keys",
        "config": {
            # Lets nobody in: what the configuration below names takes its place.
            "JupyterHub": {"authenticator_class": "null"},
            # Whoever the load balancer has let in.
            "Authenticator": {"allow_all": True, "admin_users": list(settings.admins)},
        },
        "extraConfig": {"login": _LOGIN.read_text()},
        "extraEnv": dict(_login(handle)),
        "db": {"pvc": {"storageClassName": "gp3"}},
        "resources": {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "1Gi"}},
    }


def _login(handle: ClusterHandle) -> Iterator[tuple[str, pulumi.Input[str]]]:
    """Whose tokens count. Source: Application Load Balancer user guide, "User claims encoding"."""
    edge = handle.edge
    if edge is None or edge.login is None:
        return
    yield from _signed_by(handle, edge, edge.login)


def _signed_by(handle: ClusterHandle, edge: Edge, login: Login) -> Iterator[tuple[str, pulumi.Input[str]]]:
    region = handle.region
    keys = f"https://public-keys.auth.elb.{region}.amazonaws.com"
    if handle.partition == "aws-us-gov":
        keys = f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}"
    yield "LOGIN_SIGNER", edge.load_balancer_arn
    yield "LOGIN_CLIENT", login.client_id
    yield "LOGIN_ISSUER", login.issuer
    yield "LOGIN_KEYS", keys


def proxy_options() -> str:
    """Options of Node with which the proxy loads `addons/hub_proxy.mjs`: it has no volume to put a file on."""
    return f"--import=data:text/javascript;base64,{base64.b64encode(_PROXY.read_bytes()).decode()}"


def _kept_from_servers(handle: ClusterHandle) -> Iterator[tuple[str, str]]:
    if handle.edge is not None and handle.edge.login is not None:
        yield "LOGIN_COOKIE", handle.edge.login.session_cookie
        yield "NODE_OPTIONS", proxy_options()


def _home(handle: ClusterHandle, settings: JupyterhubSettings) -> Values:
    shared = next((f"efs-{volume.name}" for volume in handle.storage.efs), "gp3")
    storage_class = settings.home or shared
    mode = "ReadWriteOnce" if storage_class == "gp3" else "ReadWriteMany"
    return {
        "capacity": f"{settings.home_gib}Gi",
        "homeMountPath": "/home/jovyan",
        "dynamic": {"storageClass": storage_class, "storageAccessModes": [mode]},
    }


def _memory(gib: int) -> Values:
    return {"guarantee": f"{gib}G", "limit": f"{gib}G"}


def _profiles(
    handle: ClusterHandle, settings: JupyterhubSettings, images: tuple[NotebookImage, ...]
) -> Iterator[dict[str, Any]]:
    """What people choose from: a server without an accelerator, then one for each accelerated group of the cluster.

    Source: Zero to JupyterHub, "Using multiple profiles to let users select their environment"; KubeSpawner 7.0.
    """
    yield {
        "slug": "cpu",
        "display_name": "CPU",
        "description": f"{settings.cores:g} cores, {settings.memory_gib} GB",
        "default": True,
        "kubespawner_override": _image(images, None),
    }
    seen = set()
    for pool in handle.node_pools:
        if pool.group not in seen and pool.accelerator in _RESOURCES:
            seen.add(pool.group)
            yield _accelerated(pool, settings, images)


def _accelerated(pool: NodePool, settings: JupyterhubSettings, images: tuple[NotebookImage, ...]) -> dict[str, Any]:
    shared = pool.sharing.resources if pool.sharing else {}
    resource = next(iter(sorted(shared)), _RESOURCES[str(pool.accelerator)])
    one = {resource: "1"}
    return {
        "slug": f"group-{pool.group}",
        "display_name": f"{pool.group}: {' or '.join(pool.instance_types)}",
        "description": f"one {resource}, {settings.accelerated_memory_gib} GB; {pool.capacity}",
        "kubespawner_override": {
            **_image(images, pool.accelerator),
            "mem_guarantee": f"{settings.accelerated_memory_gib}G",
            "mem_limit": f"{settings.accelerated_memory_gib}G",
            "extra_resource_guarantees": one,
            "extra_resource_limits": one,
            "node_selector": {names.GROUP_LABEL: pool.group},
            "tolerations": [taint.toleration for taint in pool.taints],
        },
    }


def _image(images: tuple[NotebookImage, ...], accelerator: str | None) -> Values:
    """The account's image for this accelerator, else its plain one, else the chart's."""
    fitting = [
        *(each for each in images if each.accelerator == accelerator),
        *(each for each in images if not each.accelerator),
    ]
    return {"image": fitting[0].uri} if fitting else {}


def _problems(around: Surroundings, settings: JupyterhubSettings) -> Iterator[tuple[str, str]]:
    if around.edge is not None and _NAME not in around.edge.entries:
        yield "", f"nobody gets to it: add {_NAME} to edge.entries"
    classes = ["gp3", *(f"efs-{each.name}" for each in around.storage.efs)]
    if settings.home is not None and settings.home not in classes:
        yield "home", f"{settings.home!r} is not a storage class of the stack: {', '.join(classes)}"


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="the lighter notebook service: servers on chosen nodes, without Kubeflow",
    docs="https://z2jh.jupyter.org/",
    source=Chart(
        repo="https://hub.jupyter.org/helm-chart/",
        name=_NAME,
        version=_VERSION,
    ),
    settings=JupyterhubSettings,
    namespace=_NAME,
    values=_values,
    images=(
        Image(reference=f"quay.io/jupyterhub/k8s-hub:{_VERSION}", repository="hub.image.name", tag="hub.image.tag"),
        Image(
            reference="quay.io/jupyterhub/configurable-http-proxy:5.2.0",
            repository="proxy.chp.image.name",
            tag="proxy.chp.image.tag",
        ),
        # Of servers, where the account has no notebook image.
        Image(
            reference=f"quay.io/jupyterhub/k8s-singleuser-sample:{_VERSION}",
            repository="singleuser.image.name",
            tag="singleuser.image.tag",
        ),
    ),
    entries=(
        Entry(
            name=_NAME,
            service="proxy-public",
            port=_PORT,
            target_port=_POD_PORT,
            health_path="/_chp_healthz",
        ),
    ),
    needs=("coredns", "jupyterhub-users", "storage-classes"),
    # People sign in at one place, and the hub believes the load balancer alone.
    conflicts=("dex",),
    # The keys with which the load balancer signs are on the internet.
    stands_on=("edge.login", "network.internet"),
    creates=frozenset({"NetworkPolicy", "PersistentVolumeClaim", "Service"}),
    ready=(Ready(kind="Deployment", name="hub"), Ready(kind="Deployment", name="proxy")),
    problems=_problems,
)
