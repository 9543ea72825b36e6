"""What the AWS Controllers for Kubernetes share: their namespace, and the kinds FieldExport and IAMRoleSelector."""

from typing import Final

from addons.ack import CRDS, NAMESPACE
from addons.spec import AddOn, AddOnSettings, Kustomization, Ready

_GROUP: Final = "services.k8s.aws"


class AckCrdsSettings(AddOnSettings):
    """Settings of what the controllers share: none."""


ADDON = AddOn(
    name=CRDS,
    group="engines",
    summary="the namespace and the kinds that the AWS Controllers for Kubernetes share",
    docs="https://aws-controllers-k8s.github.io/community/",
    # Of the SageMaker controller's release; the other controllers' have the same two.
    # renovate: datasource=github-tags depName=aws-controllers-k8s/sagemaker-controller
    source=Kustomization(version="v1.9.1"),
    settings=AckCrdsSettings,
    presets=("full",),
    namespace=NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    owns_crds=(f"fieldexports.{_GROUP}", f"iamroleselectors.{_GROUP}"),
    ready=(Ready(kind="CustomResourceDefinition", name=f"fieldexports.{_GROUP}"),),
)
