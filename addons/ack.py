"""What the AWS Controllers for Kubernetes have in common: they make AWS resources out of objects of the cluster.

Whoever may make such an object has the controller's permissions, so these are few, and hold for names that begin with
the platform's alone.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from addons.spec import Chart, Image, Values
from addons.tags import separable
from infra.handle import ClusterHandle

NAMESPACE: Final = "ack-system"
CRDS: Final = "ack-crds"
"""The add-on with the namespace, and with the kinds that every controller's chart brings too: Helm leaves what is there
alone (`installCRDs` in helm/helm's pkg/action/install.go)."""
_MARKS: Final = (
    "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
    "services.k8s.aws/namespace=%K8S_NAMESPACE%",
)
"""The charts' own tags, which the controller fills in."""

Service = Literal["ecr", "s3", "sagemaker"]


def chart(service: Service, version: str) -> Chart:
    """The chart of a service's controller."""
    return Chart(repo="oci://public.ecr.aws/aws-controllers-k8s", name=f"{service}-chart", version=version)


def image(service: Service, version: str) -> Image:
    """The image of a service's controller."""
    return Image(
        reference=f"public.ecr.aws/aws-controllers-k8s/{service}-controller:{version}",
        repository="image.repository",
        tag="image.tag",
    )


def account(service: Service) -> str:
    """The service account, and the release."""
    return f"ack-{service}-controller"


def deployment(service: Service) -> str:
    """The controller's Deployment."""
    return f"{account(service)}-{service}-chart"


def values(
    handle: ClusterHandle, kinds: Sequence[str], *, deletion: Literal["delete", "retain"], memory_mib: int
) -> Values:
    """The values of a controller's chart.

    Args:
        handle: The cluster.
        kinds: What it looks after, of all kinds that it knows.
        deletion: What becomes of the AWS resource when its object goes.
        memory_mib: The controller's memory.
    """
    memory: dict[str, Any] = {"memory": f"{memory_mib}Mi"}
    return {
        "aws": {"region": handle.region},
        "deletionPolicy": deletion,
        "reconcile": {"resources": list(kinds)},
        "resourceTags": [*_MARKS, *(f"{key}={value}" for key, value in sorted(separable(handle.tags).items()))],
        # No roles of other accounts, and nothing of another namespace in an object.
        "enableCARM": False,
        "enableCrossNamespace": False,
        "resources": {"requests": {"cpu": "50m", **memory}, "limits": memory},
    }
