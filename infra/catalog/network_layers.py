"""How much of EC2's network nodes know about: the layers of switches above an instance.

EKS labels nodes with the switch of each layer, `topology.k8s.aws/network-node-layer-1` at the top of the network and
the last one next to the instance.

Sources: EC2 user guide, "Prerequisites for Amazon EC2 topology" and "How Amazon EC2 topology works" (2026-08); for the
labels, kubernetes/cloud-provider-aws, pkg/providers/v1/instances_v2.go and well_known_labels.go.
"""

from typing import Final

_LABEL: Final = "topology.k8s.aws/network-node-layer"

_FOUR: Final = ("p6-b200.48xlarge", "p6-b300.48xlarge")
_THREE: Final = (
    "hpc6a.48xlarge",
    "hpc6id.32xlarge",
    "hpc7a.12xlarge",
    "hpc7a.24xlarge",
    "hpc7a.48xlarge",
    "hpc7a.96xlarge",
    "hpc7g.16xlarge",
    "hpc7g.4xlarge",
    "hpc7g.8xlarge",
    "hpc8a.96xlarge",
    "p3dn.24xlarge",
    "p4d.24xlarge",
    "p4de.24xlarge",
    "p5.48xlarge",
    "p5e.48xlarge",
    "p5en.48xlarge",
    "p6e-gb200.36xlarge",
    "trn1.2xlarge",
    "trn1.32xlarge",
    "trn1n.32xlarge",
    "trn2.48xlarge",
    "trn2u.48xlarge",
)
_THREE_FAMILIES: Final = ("g6e.", "g7e.")
_REGIONS: Final = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ca-central-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eusc-de-east-1",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-gov-west-1",
        "us-west-1",
        "us-west-2",
    }
)


def network_layers(instance_type: str, region: str) -> int:
    """How many layers of switches AWS tells of an instance type in a region: 3 or 4, and 0 where it tells nothing."""
    if region not in _REGIONS:
        return 0
    if instance_type in _FOUR:
        return 4
    return 3 if instance_type in _THREE or instance_type.startswith(_THREE_FAMILIES) else 0


def layer_label(layer: int) -> str:
    """The label of the switch of one layer, from 1 at the top."""
    return f"{_LABEL}-{layer}"
