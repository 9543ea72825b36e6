"""One selected add-on becomes one component: namespace, identities, then what it installs."""

import dataclasses
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from addons.objects import ConfigFile, Directory, KubernetesObject, logical_name, namespace, type_of
from addons.registry import Selected
from addons.settings import IdentityBackend
from addons.spec import AddOn, Chart, EksAddon, Entry, Identity, Kustomization, ManagedSettings, Manifest, Objects
from addons.transforms import changed, transform
from addons.values import images_of, objects_of, values_of
from infra import naming
from infra.catalog import eks, names
from infra.handle import ClusterHandle
from infra.identity import WorkloadIdentity, WorkloadIdentityArgs
from infra.images import ImageReference
from infra.problems import Problem, SettingsError


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
    everything = tuple(ordered)
    reasons = left_out(everything, handle)
    if not before_nodes:
        _refuse(everything, reasons)
    handle = _knowing(handle, (each for each in everything if each.addon.name not in reasons))
    for selected in everything:
        addon = selected.addon
        if addon.before_nodes is not before_nodes:
            continue
        earlier = tuple(dict.fromkeys(item for name in selected.after for item in installed[name].resources))
        reason = reasons.get(addon.name)
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
    kept = _kept(ordered, handle)
    handle = _knowing(handle, kept)
    ours = [each for each in kept if not isinstance(each.addon.source, EksAddon)]
    return {each.addon.name: images_of(each.addon, each.settings, handle) for each in ours}


def entries(ordered: Iterable[Selected], handle: ClusterHandle) -> tuple[Entry, ...]:
    """The web pages that `install` gives a way in to: those that the edge's entries name."""
    named = handle.edge.entries if handle.edge else ()
    return tuple(entry for each in _kept(ordered, handle) for entry in each.addon.entries if entry.name in named)


def left_out(ordered: Iterable[Selected], handle: ClusterHandle) -> dict[str, str]:
    """Which add-ons that came with the preset are of no use on this cluster, and why.

    What needs one of them is left out too. An add-on that is enabled by name never is.
    """
    reasons: dict[str, str] = {}
    for each in ordered:
        if each.by_name:
            continue
        addon = each.addon
        reason = addon.applies(handle)
        if reason is None:
            gone = [name for name in addon.needs if name in reasons]
            choice = [name for name in each.after if name in addon.needs_one_of]
            gone += choice if choice and all(name in reasons for name in choice) else []
            reason = f"needs {' and '.join(gone)}, which {_is(gone)} left out" if gone else None
        if reason is not None:
            reasons[addon.name] = reason
    return reasons


def _knowing(handle: ClusterHandle, kept: Iterable[Selected]) -> ClusterHandle:
    """The handle with the names of the add-ons that are installed, and their settings."""
    settings = {each.addon.name: each.settings for each in kept}
    return dataclasses.replace(handle, addons=frozenset(settings), settings=settings)


def _refuse(ordered: Sequence[Selected], reasons: Mapping[str, str]) -> None:
    """An add-on that is enabled by name cannot do without what it needs.

    Raises:
        SettingsError: With every one that would have to.
    """
    problems = []
    for each in ordered:
        gone = [name for name in each.addon.needs if name in reasons]
        if each.by_name and gone:
            why = "; ".join(f"{name}, which is left out: {reasons[name]}" for name in gone)
            problems.append(Problem("addons.enable", f"{each.addon.name} needs {why}"))
    if problems:
        raise SettingsError(problems)


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _kept(ordered: Iterable[Selected], handle: ClusterHandle) -> list[Selected]:
    everything = tuple(ordered)
    reasons = left_out(everything, handle)
    return [each for each in everything if each.addon.name not in reasons]


def binding(entry: Entry, namespace: str, target_group: pulumi.Input[str]) -> dict[str, Any]:
    """The TargetGroupBinding of an entry. Security groups are the stack's, so it names none.

    Source: AWS Load Balancer Controller, "TargetGroupBinding".
    """
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": entry.service, "namespace": entry.namespace or namespace},
        "spec": {
            "serviceRef": {"name": entry.service, "port": entry.port},
            "targetGroupARN": target_group,
            "targetType": "ip",
        },
    }


def _space_of(manifest: Mapping[str, Any], namespaces: Container[str]) -> str | None:
    """The namespace that an object is in, or is about as a profile is: it has its name. None where that may be all."""
    metadata = manifest["metadata"]
    space: str | None = metadata.get("namespace") or (metadata["name"] if metadata["name"] in namespaces else None)
    return space


def _by_name(manifests: Iterable[Mapping[str, Any]], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((each["metadata"]["name"], each) for each in manifests if each["kind"] == kind)


def _kept_for(manifest: Mapping[str, Any]) -> str | None:
    """The namespace whose claim alone may have this volume; None for anything else."""
    if manifest["kind"] != "PersistentVolume":
        return None
    space: str | None = manifest["spec"].get("claimRef", {}).get("namespace")
    return space


def _stays(manifest: Mapping[str, Any]) -> bool:
    """Whether an object stays in the cluster when it is taken out of the stack."""
    return bool(manifest["metadata"].get("annotations", {}).get(names.KEEP_ANNOTATION) == "true")


def _home(
    manifest: Mapping[str, Any], spaces: Mapping[str, Mapping[str, Any]], made: Mapping[str, pulumi.Resource]
) -> pulumi.Resource | None:
    """With which namespace a claim goes; deleted by itself it would wait for the pods that have it.

    With one that stays it would stay too: the engine leaves its deletion to the namespace.
    """
    space = manifest["metadata"].get("namespace")
    if manifest["kind"] != "PersistentVolumeClaim" or space not in spaces or _stays(spaces[space]):
        return None
    return made[space]


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
        by_account = {who: one.role_arn for who, one in identities.items()} if backend == "irsa" else {}
        roles = {account: role for (_, account), role in by_account.items()}
        match addon.source:
            case Chart() as chart:
                self.version = chart.version
                self.resources = (self._release(chart, roles, ready),)
            case EksAddon() as managed:
                self.version = self._managed_version(managed)
                self.resources = (self._managed(managed, roles, ready),)
            case Manifest() as manifest:
                self.version = manifest.version
                self.resources = (ConfigFile(addon.name, manifest.url, self._made_elsewhere(by_account, ready)),)
            case Kustomization() as kustomization:
                self.version = kustomization.version
                self.resources = (Directory(addon.name, addon.directory, self._made_elsewhere(by_account, ready)),)
            case Objects() as source:
                self.version = None
                self.resources = self._objects(source, by_account, identities, spaces)
        self.resources = (*self.resources, *self._bindings(self.resources))
        self.register_outputs(
            {
                "namespace": addon.namespace,
                "version": self.version,
                "ready": [f"{target.kind}/{target.name}" for target in addon.ready],
            }
        )

    def _opts(self, provider: pulumi.ProviderResource, after: Iterable[pulumi.Resource]) -> pulumi.ResourceOptions:
        timeout = f"{self._selected.addon.timeout_minutes}m"
        return pulumi.ResourceOptions(
            parent=self,
            provider=provider,
            depends_on=list(dict.fromkeys(after)),
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout),
        )

    def _namespace(self, addon: AddOn[Any]) -> list[pulumi.Resource]:
        if not addon.create_namespace:
            return []
        labels = {**addon.namespace_labels, **({names.SECRETS_LABEL: names.SECRETS_SHARED} if addon.secrets else {})}
        standard = addon.standard(self._handle.addons)
        return [self._object(namespace(addon.namespace, standard, platform=True, labels=labels), self._after)]

    def _identities(
        self, addon: AddOn[Any], backend: IdentityBackend
    ) -> Iterator[tuple[tuple[str, str], WorkloadIdentity]]:
        """The service accounts that may do something on this cluster, by namespace and name, and their roles."""
        settings = self._selected.settings
        fixed = ((identity, False) for identity in addon.identities)
        by_settings = ((identity, True) for identity in addon.identities_of(self._handle, settings))
        for identity, varies in (*fixed, *by_settings):
            policy = identity.policy and identity.policy(self._handle, settings)
            if policy is not None or identity.managed_policies:
                space = identity.namespace or addon.namespace
                # What depends on settings may be one account in each of many namespaces.
                words = [space] if varies else []
                made = self._identity(identity, policy, backend, [addon.name, *words, identity.service_account])
                yield (space, identity.service_account), made

    def _identity(
        self,
        identity: Identity[Any],
        policy: Mapping[str, Any] | None,
        backend: IdentityBackend,
        words: Sequence[str],
    ) -> WorkloadIdentity:
        addon, handle = self._selected.addon, self._handle
        return WorkloadIdentity(
            naming.safe_name(*words, limit=naming.LIMITS["iam-role"] - naming.AUTONAME_SUFFIX),
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
                tags={**handle.tags, **identity.tags},
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
            opts=self._opts(self._handle.kubernetes, (*self._after, *after)),
        )

    def _made_elsewhere(
        self, roles: Mapping[tuple[str, str], pulumi.Output[str]], after: list[pulumi.Resource]
    ) -> pulumi.ResourceOptions:
        """Options of a component whose objects the kubernetes plugin makes."""
        change = transform(self._selected.addon, self._handle, roles)
        return pulumi.ResourceOptions(
            parent=self,
            providers=[self._handle.kubernetes],
            depends_on=list(dict.fromkeys((*self._after, *after))),
            transforms=[change] if change else None,
        )

    def _bindings(self, behind: tuple[pulumi.Resource, ...]) -> Iterator[pulumi.Resource]:
        """Keep the members of the entries' target groups in step with their pods."""
        addon = self._selected.addon
        groups = self._handle.edge.target_groups if self._handle.edge else {}
        for entry in addon.entries:
            if entry.name in groups:
                manifest = binding(entry, addon.namespace, groups[entry.name])
                yield self._object(manifest, (*self._after, *behind))

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
            opts=self._opts(handle.aws, (*self._after, *after)),
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

    def _objects(
        self,
        source: Objects[Any],
        roles: Mapping[tuple[str, str], pulumi.Output[str]],
        identities: Mapping[tuple[str, str], WorkloadIdentity],
        after: list[pulumi.Resource],
    ) -> tuple[pulumi.Resource, ...]:
        """The objects, each after what its own namespace waits for: there may be a thousand namespaces."""
        manifests = [
            changed(type_of(each["apiVersion"], each["kind"]), each, {}, roles)
            for each in objects_of(self._selected.addon, self._selected.settings, self._handle)
        ]
        gate = manifests.pop() if source.gate and manifests else None
        here = dict(_by_name(manifests, "Namespace"))
        ready: dict[str, list[pulumi.Resource]] = {}
        for (home, _), identity in identities.items():
            ready.setdefault(home, []).extend(identity.ready)
        every = [item for items in ready.values() for item in items]
        first = (*self._after, *after, *(item for home, items in ready.items() if home not in here for item in items))
        # Kubernetes keeps a claim until no pod has it, and a volume until no claim has it; pods go with a namespace.
        volumes: dict[str, list[pulumi.Resource]] = {}
        for each in manifests:
            if space := _kept_for(each):
                volumes.setdefault(space, []).append(self._object(each, first))
        namespaces: dict[str, pulumi.Resource] = {
            name: self._object(manifest, (*first, *ready.get(name, ()), *volumes.get(name, ())))
            for name, manifest in here.items()
        }

        def made(manifest: Mapping[str, Any], accounts: Mapping[str, Sequence[pulumi.Resource]]) -> pulumi.Resource:
            space = _space_of(manifest, namespaces)
            if space is None:
                behind = (*first, *namespaces.values(), *(item for each in accounts.values() for item in each))
            elif space in namespaces:
                # It waits for all the rest.
                behind = (namespaces[space], *accounts.get(space, ()))
            else:
                behind = (*first, *every, *accounts.get(space, ()))
            return self._object(manifest, behind, within=_home(manifest, here, namespaces))

        # The controller that sees a profile makes the account that it misses, and the engine adopts nothing.
        accounts: dict[str, list[pulumi.Resource]] = {}
        for each in manifests:
            if each["kind"] == "ServiceAccount":
                accounts.setdefault(each["metadata"]["namespace"], []).append(made(each, {}))
        others = [
            made(each, accounts)
            for each in manifests
            if each["kind"] not in ("Namespace", "ServiceAccount") and not _kept_for(each)
        ]
        before = (item for each in (*volumes.values(), *accounts.values()) for item in each)
        found = (*namespaces.values(), *before, *others)
        return found if gate is None else (self._object(gate, (*first, *found)),)

    def _object(
        self,
        manifest: Mapping[str, Any],
        after: Iterable[pulumi.Resource],
        *,
        within: pulumi.Resource | None = None,
    ) -> pulumi.Resource:
        opts = self._opts(self._handle.kubernetes, after)
        opts.deleted_with = within
        if _stays(manifest):
            opts.retain_on_delete = True
        return KubernetesObject(logical_name(self._selected.addon.name, manifest), manifest, opts)
