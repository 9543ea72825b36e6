"""ECR out of the cluster: repositories as Kubernetes objects, below a path of their own."""

from typing import Any, Final

import pulumi

from addons import ack
from addons.iam import allow, policy
from addons.spec import AddOn, AddOnSettings, Identity, Ready, Values
from infra.catalog.zones import dns_suffix
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=public.ecr.aws/aws-controllers-k8s/ecr-chart
_VERSION: Final = "1.8.1"
_PLACE: Final = "k8s"
"""Below the platform's name. The stack's own repositories and its copies of upstream images are beside it."""
_GROUP: Final = "ecr.services.k8s.aws"


class AckEcrControllerSettings(AddOnSettings):
    """Settings of the ECR controller: none."""


def _values(handle: ClusterHandle, _settings: AckEcrControllerSettings) -> Values:
    # Rules for caches and templates are of the whole registry, which is the stack's.
    return ack.values(handle, ["Repository"], deletion="retain", memory_mib=128)


def _policy(handle: ClusterHandle, _settings: AckEcrControllerSettings) -> dict[str, Any]:
    """Repositories `<platform>/k8s/...`, without policies of their own: nobody else's account is let in.

    Sources: pkg/resource/repository/sdk.go and hooks.go of aws-controllers-k8s/ecr-controller v1.8.1; ECR user guide,
        "Encryption at rest", required permissions.
    """
    place = f"arn:{handle.partition}:ecr:{handle.region}:"
    key = handle.storage.volume_key_arn
    through = {"StringEquals": {"kms:ViaService": f"ecr.{handle.region}.{dns_suffix(handle.region)}"}}
    return policy(
        allow(
            "ecr:CreateRepository",
            "ecr:DeleteLifecyclePolicy",
            "ecr:DeleteRepository",
            "ecr:DescribeRepositories",
            "ecr:GetLifecyclePolicy",
            "ecr:GetRepositoryPolicy",
            "ecr:ListTagsForResource",
            "ecr:PutImageScanningConfiguration",
            "ecr:PutImageTagMutability",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource",
            "ecr:UntagResource",
            on=pulumi.Output.concat(place, handle.account_id, f":repository/{handle.name}/{_PLACE}/*"),
        ),
        *(
            []
            if key is None
            else [allow("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant", on=key, when=through)]
        ),
    )


ADDON = AddOn(
    name=ack.account("ecr"),
    group="engines",
    summary="ECR repositories as Kubernetes objects, below a path of their own",
    docs="https://aws-controllers-k8s.github.io/community/docs/tutorials/ecr-example/",
    source=ack.chart("ecr", _VERSION),
    settings=AckEcrControllerSettings,
    presets=("full",),
    namespace=ack.NAMESPACE,
    values=_values,
    images=(ack.image("ecr", _VERSION),),
    identities=(Identity(service_account=ack.account("ecr"), policy=_policy, irsa="serviceAccount.annotations"),),
    needs=(ack.CRDS, "coredns"),
    owns_crds=tuple(
        f"{kind}.{_GROUP}" for kind in ("pullthroughcacherules", "repositories", "repositorycreationtemplates")
    ),
    ready=(Ready(kind="Deployment", name=ack.deployment("ecr")),),
)
