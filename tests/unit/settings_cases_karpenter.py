"""Mistakes in what Karpenter is told to take over."""

from typing import Final

from tests.unit.settings_stack import Table

_SETTINGS: Final = "addons.settings.karpenter-node-pools"
_ADDONS: Final = {
    "addons.enable": ["karpenter-crd", "karpenter", "karpenter-node-pools"],
    "addons.disable": ["cluster-autoscaler"],
}


def karpenter(table: Table) -> None:
    def wrong(name: str, groups: list[str], *words: str, **patch: object) -> None:
        table.add(name, {**_ADDONS, f"{_SETTINGS}.groups": groups, **patch}, f"{_SETTINGS}.groups[0]", *words)

    wrong(
        "karpenter-unknown-group", ["gpuu"], "'gpuu' is not a node group", "did you mean 'gpu'?", "known: gpu, system"
    )
    wrong("karpenter-system-group", ["system"], "system cannot be Karpenter's", "never on nodes of its own")
    wrong("karpenter-group-with-nodes", ["gpu"], "min is 1, and Karpenter keeps no nodes", **{"nodeGroups[1].min": 1})
    wrong(
        "karpenter-fixed-size",
        ["gpu"],
        "autoscaling.enabled is false",
        **{"nodeGroups[1].autoscaling": {"enabled": False}, "nodeGroups[1].desired": 2},
    )
    wrong(
        "karpenter-shared-gpus",
        ["gpu"],
        "Karpenter counts whole ones",
        **{"nodeGroups[1].gpu": {"sharing": {"mode": "time-slicing", "replicas": 4}}},
    )
    wrong("karpenter-image-not-pinned", ["gpu"], "set releaseVersion", **{"nodeGroups[1].os": "bottlerocket"})
    table.add(
        "karpenter-beside-the-autoscaler",
        {"addons.enable": _ADDONS["addons.enable"]},
        "addons.enable",
        "cluster-autoscaler conflicts with karpenter",
    )
