"""One selected add-on becomes one component: namespace, identities, then what it installs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from addons.objects import ConfigFile, KubernetesObject, logical_name, namespace
from addons.registry import Selected
from addons.settings import IdentityBackend
from addons.spec import AddOn, Chart, EksAddon, Identity, ManagedSettings, Manifest, Objects
from addons.values import images_of, objects_of, values_of
from infra import naming
from infra.catalog import eks
from infra.handle import ClusterHandle
from infra.identity import WorkloadIdentity, WorkloadIdentityArgs
from infra.images import ImageReference


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What became of a selected add-on.

    Attributes:
        name: The add-on.
        version: The chart's or EKS add-on's version; None for objects of our own and for what
            was left out.
        resources: What others wait for. Where the add-on was left out, what it would have
            waited for.
        left_out: Why it was not installed; None where it was.
        warnings: What the user should know.
    """

    name: str
    version: pulumi.Input[str] | None
    resources: tuple[pulumi.Resource, ...]
    left_out: str | None = None
    warnings: tuple[str, ...] = ()


def install(
    ordered: Iterable[Selected],
    handle: ClusterHandle,
    *,
    before_nodes: bool,
    backend: IdentityBackend,
    done: Mapping[str, Installed] | None = None,
    parent: pulumi.Resource | None = None,
) -> dict[str, Installed]:
    """Install the add-ons of one stage; call it once before the node groups and once after them.

    Args:
        ordered: All selected add-ons, as `addons.registry.select` gives them.
        handle: The cluster. In the second call with its node groups and storage.
        before_nodes: Which stage.
        backend: How service accounts get their roles.
        done: What the first call returned.
        parent: The resource that the components hang under.

    Returns:
        `done` and what this call added, in order of installation.
    """
    installed = dict(done or {})
    for selected in ordered:
        addon = selected.addon
        if addon.before_nodes is not before_nodes:
            continue
        earlier = tuple(dict.fromkeys(item for name in selected.after for item in installed[name].resources))
        reason = _left_out(selected, handle)
        if reason is not None:
            installed[addon.name] = Installed(name=addon.name, version=None, resources=earlier, left_out=reason)
            continue
        component = AddOnComponent(selected, handle, backend=backend, after=earlier, parent=parent)
        installed[addon.name] = Installed(
            name=addon.name,
            version=component.version,
            resources=component.resources,
            warnings=component.warnings,
        )
    return installed


def images(ordered: Iterable[Selected], handle: ClusterHandle) -> dict[str, tuple[ImageReference, ...]]:
    """The images of what `install` installs on this cluster, where they come from upstream, by add-on.

    EKS add-ons have none: EKS pulls theirs from registries of its own in the cluster's region.
    """
    ours = [each for each in ordered if not isinstance(each.addon.source, EksAddon) and _left_out(each, handle) is None]
    return {each.addon.name: images_of(each.addon, each.settings, handle) for each in ours}


def _left_out(selected: Selected, handle: ClusterHandle) -> str | None:
    return None if selected.by_name else selected.addon.applies(handle)


class AddOnComponent(pulumi.ComponentResource):
    """One add-on on one cluster: its namespace, the roles of its service accounts, and its source.

    Attributes:
        version: The version that is installed; None for objects of our own.
        resources: What came of the source; depend on these.
        warnings: What the user should know.

    Changing an add-on's namespace replaces it; its version and values are updated in place.
    """

    version: pulumi.Input[str] | None
    resources: tuple[pulumi.Resource, ...]
    warnings: tuple[str, ...]

    def __init__(
        self,
        selected: Selected,
        handle: ClusterHandle,
        *,
        backend: IdentityBackend,
        after: tuple[pulumi.Resource, ...],
        parent: pulumi.Resource | None,
    ) -> None:
        """Create everything, each child after `after`, the control plane and the handle's nodes."""
        addon = selected.addon
        super().__init__(
            naming.type_token("addons", "AddOn"),
            addon.name,
            None,
            pulumi.ResourceOptions(parent=parent, providers=[handle.aws, handle.kubernetes]),
        )
        self._selected = selected
        self._handle = handle
        self._after = (handle.control_plane, *handle.nodes, *after)
        self.warnings = ()
        spaces = self._namespace(addon)
        identities = dict(self._identities(addon, backend))
        ready = [*spaces, *(item for one in identities.values() for item in one.ready)]
        irsa = backend == "irsa"
        roles = {name: one.role_arn for name, one in identities.items()} if irsa else {}
        match addon.source:
            case Chart() as chart:
                self.version = chart.version
                self.resources = (self._release(chart, roles, ready),)
            case EksAddon() as managed:
                self.version = self._managed_version(managed)
                self.resources = (self._managed(managed, roles, ready),)
            case Manifest() as manifest:
                self.version = manifest.version
                self.resources = (self._manifest(manifest, ready),)
            case Objects():
                self.version = None
                self.resources = self._objects(ready)
        self.register_outputs(
            {
                "namespace": addon.namespace,
                "version": self.version,
                "ready": [f"{target.kind}/{target.name}" for target in addon.ready],
            }
        )

    def _opts(self, provider: pulumi.ProviderResource, after: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        timeout = f"{self._selected.addon.timeout_minutes}m"
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            depends_on=list(dict.fromkeys((*self._after, *after))),
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout),
        )

    def _namespace(self, addon: AddOn[Any]) -> list[pulumi.Resource]:
        if not addon.create_namespace:
            return []
        return [self._object(namespace(addon.namespace, addon.pod_security, platform=True), ())]

    def _identities(self, addon: AddOn[Any], backend: IdentityBackend) -> Iterator[tuple[str, WorkloadIdentity]]:
        """The service accounts that may do something on this cluster, and their roles."""
        for identity in addon.identities:
            policy = identity.policy and identity.policy(self._handle, self._selected.settings)
            if policy is not None or identity.managed_policies:
                yield identity.service_account, self._identity(identity, policy, backend)

    def _identity(
        self, identity: Identity[Any], policy: Mapping[str, Any] | None, backend: IdentityBackend
    ) -> WorkloadIdentity:
        addon, handle = self._selected.addon, self._handle
        return WorkloadIdentity(
            naming.safe_name(
                addon.name, identity.service_account, limit=naming.LIMITS["iam-role"] - naming.AUTONAME_SUFFIX
            ),
            WorkloadIdentityArgs(
                cluster=handle.name,
                cluster_name=handle.cluster_name,
                namespace=identity.namespace or addon.namespace,
                service_account=identity.service_account,
                oidc=handle.oidc,
                partition=handle.partition,
                backend=backend,
                policy=policy,
                managed_policies=identity.managed_policies,
                tags=handle.tags,
                permissions_boundary=handle.permissions_boundary,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _release(
        self, chart: Chart, roles: Mapping[str, pulumi.Output[str]], after: list[pulumi.Resource]
    ) -> pulumi.Resource:
        addon = self._selected.addon
        in_registry = chart.repo.startswith("oci://")
        return Release(
            addon.name,
            # The release's name is fixed: most charts name service accounts and workloads after it.
            name=addon.name,
            chart=f"{chart.repo}/{chart.name}" if in_registry else chart.name,
            repository_opts=None if in_registry else RepositoryOptsArgs(repo=chart.repo),
            version=chart.version,
            namespace=addon.namespace,
            create_namespace=False,
            skip_crds=chart.skip_crds or None,
            # A failed release stays for a look at its events; the next `up` upgrades it.
            atomic=False,
            skip_await=False,
            timeout=addon.timeout_minutes * 60,
            values=values_of(addon, self._selected.settings, self._handle, roles),
            opts=self._opts(self._handle.kubernetes, after),
        )

    def _manifest(self, manifest: Manifest, after: list[pulumi.Resource]) -> pulumi.Resource:
        return ConfigFile(
            self._selected.addon.name,
            manifest.url,
            pulumi.ResourceOptions(
                parent=self,
                providers=[self._handle.kubernetes],
                depends_on=list(dict.fromkeys((*self._after, *after))),
            ),
        )

    def _managed(
        self, managed: EksAddon, roles: Mapping[str, pulumi.Output[str]], after: list[pulumi.Resource]
    ) -> pulumi.Resource:
        addon, handle = self._selected.addon, self._handle
        values = values_of(addon, self._selected.settings, handle, {})
        return aws.eks.Addon(
            addon.name,
            cluster_name=handle.cluster_name,
            addon_name=managed.name,
            addon_version=self.version,
            configuration_values=(pulumi.Output.json_dumps(values, sort_keys=True) if values else None),
            service_account_role_arn=next(iter(roles.values()), None),
            # A new cluster carries self-managed copies of vpc-cni, kube-proxy and coredns.
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            preserve=False,
            tags=naming.tags(handle.tags, f"{handle.name}-{addon.name}"),
            opts=self._opts(handle.aws, after),
        )

    def _managed_version(self, managed: EksAddon) -> pulumi.Input[str]:
        settings, handle = self._selected.settings, self._handle
        if isinstance(settings, ManagedSettings) and settings.version is not None:
            return settings.version
        pin = eks.addon_version(managed.name, handle.kubernetes_version)
        if pin is not None:
            return pin.version
        name = self._selected.addon.name
        self.warnings = (
            f"{name}: no pinned version for Kubernetes {handle.kubernetes_version};"
            " AWS's default at the time of `up` is used;"
            f" pin it with addons.settings.{name}.version",
        )
        return aws.eks.get_addon_version_output(
            addon_name=managed.name,
            kubernetes_version=handle.kubernetes_version,
            opts=pulumi.InvokeOutputOptions(parent=self, provider=handle.aws),
        ).version

    def _objects(self, after: list[pulumi.Resource]) -> tuple[pulumi.Resource, ...]:
        manifests = objects_of(self._selected.addon, self._selected.settings, self._handle)
        namespaces = {
            manifest["metadata"]["name"]: self._object(manifest, after)
            for manifest in manifests
            if manifest["kind"] == "Namespace"
        }
        others = [
            self._object(
                manifest,
                [
                    *after,
                    *filter(None, [namespaces.get(manifest["metadata"].get("namespace", ""))]),
                ],
            )
            for manifest in manifests
            if manifest["kind"] != "Namespace"
        ]
        return (*namespaces.values(), *others)

    def _object(self, manifest: Mapping[str, Any], after: Iterable[pulumi.Resource]) -> pulumi.Resource:
        return KubernetesObject(
            logical_name(self._selected.addon.name, manifest),
            manifest,
            self._opts(self._handle.kubernetes, after),
        )
