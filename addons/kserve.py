"""What the add-ons of KServe share: one release, its charts, and where it lives."""

from typing import Final

from addons.spec import Chart, Image

# renovate: datasource=docker depName=ghcr.io/kserve/charts/kserve-resources
VERSION: Final = "v0.20.0"
"""KServe installs and tests all its charts at one version."""
NAMESPACE: Final = "kserve"
GATEWAY: Final = "kserve-ingress-gateway"
"""The Gateway to which KServe's routes attach."""
LOCAL_MODEL_LABEL: Final = ("kserve/localmodel", "worker")
"""On nodes that keep models on their disks: the chart's own selector."""


def chart(name: str) -> Chart:
    """One of KServe's charts."""
    return Chart(repo="oci://ghcr.io/kserve/charts", name=name, version=VERSION)


def image(name: str, path: str, *, tag: bool = True) -> Image:
    """An image of KServe's own.

    Args:
        name: Below `docker.io/kserve/`.
        path: The value path that holds `image` and `tag`.
        tag: Whether there is a tag of its own.
    """
    return Image(
        reference=f"docker.io/kserve/{name}:{VERSION}",
        repository=f"{path}.image",
        tag=f"{path}.tag" if tag else None,
    )
