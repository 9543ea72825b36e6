"""Karpenter's CRDs: in a chart of their own, since Helm never upgrades those that come with the main one."""

from addons.spec import AddOn, AddOnSettings, Chart, Ready

ADDON = AddOn(
    name="karpenter-crd",
    group="scaling",
    summary="the kinds that Karpenter reads: NodePool, EC2NodeClass and others",
    docs="https://karpenter.sh/docs/upgrading/upgrade-guide/#crd-upgrades",
    source=Chart(
        repo="oci://public.ecr.aws/karpenter",
        name="karpenter-crd",
        # renovate: datasource=docker depName=public.ecr.aws/karpenter/karpenter-crd
        version="1.14.1",
    ),
    settings=AddOnSettings,
    owns_crds=(
        "capacitybuffers.autoscaling.x-k8s.io",
        "ec2nodeclasses.karpenter.k8s.aws",
        "nodeclaims.karpenter.sh",
        "nodeoverlays.karpenter.sh",
        "nodepools.karpenter.sh",
    ),
    ready=(Ready(kind="CustomResourceDefinition", name="nodepools.karpenter.sh"),),
)
