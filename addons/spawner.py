"""The form in which people ask for a notebook: which images, devices, nodes and volumes it offers. Pure.

Keys are those of the Jupyter web app's `spawner_ui_config.yaml`.

Source: components/crud-web-apps/jupyter of kubeflow/notebooks v1.11.0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi

from infra.catalog import names
from infra.handle import NodePool, Taint

Options = list[dict[str, Any]]

ANY: Final = "any_group"
"""The choice of all node groups that are meant for notebooks. No group's name holds an underscore."""
_HOME: Final = "/home/jovyan"
_NEURON: Final = {names.NEURON_RESOURCE: "AWS Neuron device", names.NEURON_CORE_RESOURCE: "AWS Neuron core"}


def groups(pools: Sequence[NodePool], wanted: Sequence[str] | None) -> dict[str, list[NodePool]]:
    """The node groups that notebooks may use, with their pools.

    Args:
        pools: The cluster's.
        wanted: Names of groups; None for those without EFA, whose nodes are for jobs, and without FPGAs, and of those
            without accelerators for the ones that the platform's own controllers leave alone, where there is one.
    """
    known = [pool for pool in pools if names.GROUP_LABEL in pool.labels]
    if wanted is None:
        fitting = [pool for pool in known if not pool.efa_interfaces and pool.accelerator != "fpga"]
        plain = [pool for pool in fitting if pool.accelerator is None]
        spared = {pool.group for pool in plain if pool.system}
        keep = spared != {pool.group for pool in plain}
        wanted = [pool.group for pool in fitting if not (keep and pool.group in spared)]
    found: dict[str, list[NodePool]] = {}
    for pool in known:
        if pool.group in wanted:
            found.setdefault(pool.group, []).append(pool)
    return dict(sorted(found.items()))


def form(
    *,
    images: Sequence[pulumi.Input[str]],
    code_images: Sequence[pulumi.Input[str]],
    custom_images: bool,
    cpu: float,
    memory_gib: float,
    volume_gib: int,
    storage_class: str | None,
    mounts: Mapping[str, str],
    offered: Mapping[str, Sequence[NodePool]],
    choose_nodes: bool,
    defaults: Sequence[str],
) -> dict[str, Any]:
    """The form.

    Args:
        images: Of JupyterLab; the first is the default.
        code_images: Of code-server.
        custom_images: Whether people may name any image.
        cpu: Of a notebook that says nothing else.
        memory_gib: The same in GiB.
        volume_gib: Of its home, a new volume.
        storage_class: Of that volume; None for the cluster's default.
        mounts: Claims that are mounted unless taken off, and where.
        offered: Node groups, as `groups` finds them.
        choose_nodes: Whether people may choose another group, or none.
        defaults: PodDefaults that are chosen unless taken off.
    """
    spec = {
        **({"storageClassName": storage_class} if storage_class else {}),
        "resources": {"requests": {"storage": f"{volume_gib}Gi"}},
        "accessModes": ["ReadWriteOnce"],
    }
    home = {"mount": _HOME, "newPvc": {"metadata": {"name": "{notebook-name}-workspace"}, "spec": spec}}
    volumes = [
        {"mount": mount, "existingSource": {"persistentVolumeClaim": {"claimName": claim}}}
        for claim, mount in mounts.items()
    ]
    vendors = devices(pool for pools in offered.values() for pool in pools)
    placement = affinities(offered)
    return {
        "spawnerFormDefaults": {
            "allowCustomImage": custom_images,
            "hideRegistry": True,
            "hideTag": False,
            "imagePullPolicy": {"value": "IfNotPresent"},
            "image": _images(images),
            "imageGroupOne": _images(code_images),
            "imageGroupTwo": _images(()),
            # A notebook may use what is free on its node, but never more memory than it asked for.
            "cpu": {"value": f"{cpu:g}", "limitFactor": "none"},
            "memory": {"value": f"{memory_gib:g}Gi", "limitFactor": "1"},
            "gpus": {
                "value": {
                    "vendor": vendors[0]["limitsKey"] if vendors else "",
                    "vendors": vendors,
                    "num": "none",
                }
            },
            "workspaceVolume": {"value": home},
            "dataVolumes": {"value": volumes},
            "affinityConfig": {
                "readOnly": bool(placement) and not choose_nodes,
                "value": ANY if placement else "",
                "options": placement,
            },
            "tolerationGroup": {"value": "", "options": tolerations(offered)},
            "shm": {"value": True},
            "configurations": {"value": list(defaults)},
            "environment": {"value": {}},
        }
    }


def _images(images: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    return {"value": images[0] if images else "", "options": list(images)}


def devices(pools: Iterable[NodePool]) -> Options:
    """What the nodes offer besides CPU and memory, whole GPUs first.

    A shared GPU is asked for as the plugin then calls it.
    """
    found: dict[str, str] = {}
    for pool in pools:
        if pool.accelerator == "nvidia":
            shared = pool.sharing.resources if pool.sharing else {}
            found |= {resource: _nvidia(resource) for resource in shared or (names.GPU_RESOURCE,)}
        elif pool.accelerator == "neuron":
            found |= _NEURON
    order = [names.GPU_RESOURCE, *_NEURON]
    ranked = sorted(found, key=lambda each: (each not in order, order.index(each) if each in order else 0, each))
    return [{"limitsKey": resource, "uiName": found[resource]} for resource in ranked]


def _nvidia(resource: str) -> str:
    kind = resource.removeprefix("nvidia.com/")
    return "NVIDIA GPU" if resource == names.GPU_RESOURCE else f"NVIDIA {kind.replace('mig-', 'MIG ')}"


def affinities(offered: Mapping[str, Sequence[NodePool]]) -> Options:
    """Where a notebook may run: on any of the groups, or on one of them.

    Nodes that AWS may take back are the second choice: the kernel's state would go with them.
    """
    if not offered:
        return []
    return [
        {"configKey": ANY, "displayName": f"Any of {', '.join(offered)}", "affinity": _affinity(list(offered))},
        *(
            {"configKey": group, "displayName": _described(group, pools), "affinity": _affinity([group])}
            for group, pools in offered.items()
        ),
    ]


def _affinity(wanted: Sequence[str]) -> dict[str, Any]:
    steady = {"key": names.CAPACITY_LABEL, "operator": "NotIn", "values": ["spot"]}
    return {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": names.GROUP_LABEL, "operator": "In", "values": list(wanted)}]}
                ]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "preference": {"matchExpressions": [steady]}}
            ],
        }
    }


def _described(group: str, pools: Sequence[NodePool]) -> str:
    types = list(dict.fromkeys(each for pool in pools for each in pool.instance_types))
    zones = list(dict.fromkeys(pool.zone_id for pool in pools))
    spot = ", spot" if any(pool.capacity == "spot" for pool in pools) else ""
    return f"{group}: {', '.join(types)} in {', '.join(zones)}{spot}"


def tolerations(offered: Mapping[str, Sequence[NodePool]]) -> Options:
    """What lets a notebook onto nodes that are kept free for others, a choice for each set of taints.

    A pod that asks for a GPU or a Neuron device tolerates its taint by itself: EKS has the API server's admission
    plugin ExtendedResourceToleration. A part of a GPU (MIG), or a taint of the stack file's own, has to be chosen.
    """
    by_taints: dict[tuple[Taint, ...], list[str]] = {}
    for group, pools in offered.items():
        for taints in dict.fromkeys(pool.taints for pool in pools if pool.taints):
            by_taints.setdefault(taints, []).append(group)
    return list(_tolerations(by_taints))


def _tolerations(by_taints: Mapping[tuple[Taint, ...], Sequence[str]]) -> Iterator[dict[str, Any]]:
    for taints, members in by_taints.items():
        yield {
            "groupKey": "_".join(members),
            "displayName": f"Nodes of {', '.join(members)} ({', '.join(taint.key for taint in taints)})",
            "tolerations": [taint.toleration for taint in taints],
        }
