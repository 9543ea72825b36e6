"""Kubernetes objects as Pulumi resources, without the SDK's typed classes.

`pulumi_kubernetes.core.v1` takes a second to import, more than all the rest of a plan; the engine
only sees the type and the properties, which are the object itself in YAML spelling.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import pulumi

from infra.catalog import names
from infra.handle import PodSecurity

NOT_AWAITED: Final[Mapping[str, str]] = {"pulumi.com/skipAwait": "true"}
"""Annotation of what need not run for the rest to go on. Pulumi waits for a DaemonSet's pod on every node, on one that
pulls for minutes or is broken, too, and fails in the end. Source: pulumi/pulumi-kubernetes#428 and #2953."""

_ROOT: Final = ".."
"""The project's root from `main` of Pulumi.yaml: the engine starts plugins, too, in the program's folder."""


class KubernetesObject(pulumi.CustomResource):
    """One Kubernetes object, of the type that the SDK's class for its kind would have."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """Register the object.

        Args:
            name: The logical name.
            manifest: The object as in YAML, at least `apiVersion`, `kind` and `metadata`.
            opts: Must name the cluster's provider.
        """
        super().__init__(
            type_of(manifest["apiVersion"], manifest["kind"]),
            name,
            dict(manifest),
            # The engine picks the plugin by the SDK's version, as for the SDK's own classes.
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_sdk_version()), opts),
        )


class ConfigFile(pulumi.ComponentResource):
    """The objects of a YAML file, made by the kubernetes plugin, which fetches it: `kubernetes.yaml.v2.ConfigFile`."""

    def __init__(self, name: str, url: str, opts: pulumi.ResourceOptions) -> None:
        """Register the component.

        Args:
            name: The logical name.
            url: Of the file.
            opts: Must name the cluster's provider.
        """
        super().__init__(
            "kubernetes:yaml/v2:ConfigFile",
            name,
            {"file": url},
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_sdk_version()), opts),
            remote=True,
        )


class Directory(pulumi.ComponentResource):
    """The objects of a kustomization, built by the kubernetes plugin: `kubernetes.kustomize.v2.Directory`."""

    def __init__(self, name: str, directory: str, opts: pulumi.ResourceOptions) -> None:
        """Register the component.

        Args:
            name: The logical name.
            directory: Below the project's root.
            opts: Must name the cluster's provider.
        """
        super().__init__(
            "kubernetes:kustomize/v2:Directory",
            name,
            {"directory": f"{_ROOT}/{directory}"},
            pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_sdk_version()), opts),
            remote=True,
        )


def namespace(
    name: str, pod_security: PodSecurity, *, platform: bool = False, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A namespace that enforces a Pod Security Standard, and warns of what the standard refuses.

    Args:
        name: Its name.
        pod_security: The standard.
        platform: Marks those of add-ons.
        labels: More labels.

    Source: Kubernetes, "Enforce Pod Security Standards with Namespace Labels".
    """
    own: dict[str, str] = {f"pod-security.kubernetes.io/{mode}": pod_security for mode in ("enforce", "audit", "warn")}
    if platform:
        own[names.PLATFORM_LABEL] = "true"
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {**own, **(labels or {})}}}


@cache
def _sdk_version() -> str:
    return version("pulumi-kubernetes")


def type_of(api_version: str, kind: str) -> str:
    """The Pulumi type of a Kubernetes object, such as `kubernetes:core/v1:Namespace`."""
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def logical_name(addon: str, manifest: Mapping[str, Any]) -> str:
    """`<add-on>-<kind>-<name>`, with the namespace where it has one."""
    metadata = manifest["metadata"]
    parts = [addon, manifest["kind"].lower(), metadata["name"]]
    return "-".join([*parts, *([metadata["namespace"]] if "namespace" in metadata else [])])
