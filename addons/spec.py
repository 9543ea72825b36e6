"""AddOn and its parts: what one file of the catalogue declares. Pure, frozen, checked when built.

Nothing here knows a cluster. A function of an add-on takes the ClusterHandle and the add-on's own
settings and returns plain data, which may hold Outputs; `addons.install` turns it into resources.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import Field

from infra.handle import ClusterHandle, PodSecurity
from infra.images import ImageReference
from infra.kubernetes import BUILT_IN_NAMESPACES
from infra.model import Model
from infra.surroundings import Surroundings

FailurePolicy = Literal["Fail", "Ignore"]

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_CRD_NAME = re.compile(r"[a-z0-9]+(\.[a-z0-9][-a-z0-9]*)+")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_CHART_VERSION = re.compile(r"v?\d+\.\d+\.\d+")
_EKS_ADDON_VERSION: Final = r"^v\d+\.\d+\.\d+-eksbuild\.\d+$"
_CHART_REPOSITORIES: Final = ("https://", "oci://")


class AddOnSettings(Model):
    """Base of every add-on's settings: `addons.settings.<name>` in a stack file."""


class ManagedSettings(AddOnSettings):
    """Settings of an EKS managed add-on."""

    version: str | None = Field(default=None, pattern=_EKS_ADDON_VERSION)
    """An exact add-on version, such as `v1.20.0-eksbuild.1`. By default the catalogue's pin for the
    cluster's Kubernetes version, and where it has none, AWS's default at the time of `up`."""


S = TypeVar("S", bound=AddOnSettings)
Values = dict[str, Any]
"""Helm values or an EKS add-on's configuration values, keys as the chart spells them."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart at an exact version.

    Attributes:
        repo: `https://...` of a chart repository, or `oci://...` of the registry path that
            holds the chart.
        name: The chart's name in it.
        version: Exact; a leading `v` where the chart has one.
        skip_crds: Leave its CRDs to another add-on, which this one needs.
    """

    repo: str
    name: str
    version: str
    skip_crds: bool = False

    def __post_init__(self) -> None:
        """Refuse a range and a repository that Helm cannot read."""
        if not _CHART_VERSION.fullmatch(self.version):
            raise ValueError(f"chart {self.name}: {self.version!r} is not an exact version")
        if not self.repo.startswith(_CHART_REPOSITORIES):
            raise ValueError(f"chart {self.name}: {self.repo!r} must start with https:// or oci://")


@dataclass(frozen=True, kw_only=True)
class EksAddon:
    """An add-on that EKS installs and patches, by the name that `DescribeAddonVersions` lists."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Objects that the makers publish as one YAML file at an exact version. Pulumi fetches it where it runs, as charts.

    Attributes:
        url: `https://...`, with the version in it.
        version: Exact, as the URL has it.
    """

    url: str
    version: str

    def __post_init__(self) -> None:
        """Refuse what could change under one name."""
        if not _CHART_VERSION.fullmatch(self.version):
            raise ValueError(f"manifest {self.url}: {self.version!r} is not an exact version")
        # A tag may begin with the name of what it is a version of.
        tag = re.compile(rf"/([^/?#]+-)?{re.escape(self.version)}/")
        if not self.url.startswith("https://") or not tag.search(self.url):
            wanted = f"/{self.version}/, or /<name>-{self.version}/, in it"
            raise ValueError(f"manifest {self.url}: must start with https:// and have {wanted}")


@dataclass(frozen=True, kw_only=True)
class Kustomization:
    """Objects that the makers publish as kustomize directories, with changes of ours: `addons/kustomize/<add-on>/`.

    The directory is static: what differs between stacks stands in objects of our own, which the changes point at.
    Pulumi builds it where it runs, and fetches the makers' directories at the commit that it names.

    Attributes:
        version: The makers' release.
    """

    version: str


@dataclass(frozen=True, kw_only=True)
class Objects(Generic[S]):
    """Kubernetes objects of our own.

    Attributes:
        build: The objects as plain dicts in YAML spelling. `apiVersion`, `kind`,
            `metadata.name` and `metadata.namespace` are plain; other values may be Outputs.
        gate: Whether other add-ons wait for the last of them alone, which waits for all: where they are very many.
    """

    build: Callable[[ClusterHandle, S], Sequence[Mapping[str, Any]]]
    gate: bool = False


@dataclass(frozen=True, kw_only=True)
class Identity(Generic[S]):
    """AWS permissions of one service account.

    Attributes:
        service_account: The name that the chart really creates.
        namespace: Where it lives; None for the add-on's own.
        policy: The IAM policy document, which may hold Outputs; None where managed policies say
            it all.
        managed_policies: Names under `arn:<partition>:iam::aws:policy/`.
        irsa: The value path that takes the service account's annotations when IRSA is the back
            end; None for an EKS add-on, which takes the role itself, and for a manifest or a kustomization, whose
            service account is annotated on its way to the cluster.
        tags: AWS tags of the role, besides the platform's.
    """

    service_account: str
    namespace: str | None = None
    policy: Callable[[ClusterHandle, S], Mapping[str, Any] | None] | None = None
    managed_policies: tuple[str, ...] = ()
    irsa: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an identity that may do nothing."""
        if self.policy is None and not self.managed_policies:
            raise ValueError(f"identity {self.service_account}: no policy")


@dataclass(frozen=True, kw_only=True)
class Image:
    """A container image of a chart, and the value paths that say where it is pulled from.

    One of three forms: `whole` alone; `repository` alone, which takes `host/path`; `registry`, which takes the host and
    what stands before the path, with or without `repository`, which then takes the path. Objects of our own have no
    value paths: their image is found where its reference stands.

    Attributes:
        reference: As the chart renders it by itself, with its tag.
        registry: The value path of the host.
        repository: The value path of the repository.
        tag: The value path of the tag.
        whole: The value path of the whole name.
    """

    reference: str
    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    whole: str | None = None

    def __post_init__(self) -> None:
        """Refuse an image without a version or without a form."""
        if not self.upstream.version:
            raise ValueError(f"image {self.reference}: no tag")
        if self.whole is not None and (self.registry is not None or self.repository is not None):
            raise ValueError(f"image {self.reference}: has the value path whole, and registry or repository too")
        if self.registry is not None and self.repository is None and self.upstream.path not in self.reference:
            # A mirror has library/busybox, and the chart would go on asking for busybox.
            raise ValueError(f"image {self.reference}: needs the value path of its repository")

    @property
    def has_path(self) -> bool:
        """Whether a value path says where it is pulled from."""
        return any((self.whole, self.registry, self.repository))

    @property
    def upstream(self) -> ImageReference:
        """Where the chart pulls it from by itself."""
        return ImageReference.parse(self.reference)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """An admission webhook that the add-on brings.

    Attributes:
        intercepts: The kinds it sees.
        failure_policy: With `Fail`, objects of these kinds cannot be made while its pods are
            not ready.
        except_namespaces: Namespaces whose objects it never sees.
        opt_in: Whether it sees only what carries a label of its own, or lives in a namespace that does: it holds up
            nobody who did not ask for it.
    """

    intercepts: frozenset[str]
    failure_policy: FailurePolicy
    except_namespaces: frozenset[str] = frozenset()
    opt_in: bool = False

    def blocks(self, kinds: frozenset[str], namespace: str) -> bool:
        """Whether making objects of these kinds in this namespace waits for the webhook's pods."""
        blocking = self.failure_policy == "Fail" and not self.opt_in
        return blocking and namespace not in self.except_namespaces and bool(self.intercepts & kinds)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in the values the cluster's scheduling facts go; the facts are the cluster's.

    Attributes:
        accelerated: Value paths of toleration lists of DaemonSets that must reach tainted
            nodes. The tolerations of the cluster's taints are added to what `values` puts there.
    """

    accelerated: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A web page of the add-on, at `<name>.<domain>` where `edge.entries` has the name.

    Attributes:
        name: The first label of its host.
        service: The Service behind it.
        namespace: Of the Service; None for the add-on's own.
        port: The Service's port.
        target_port: The pods' port, to which the load balancer goes directly.
        health_path: What answers 200 without a login.
        health_port: Where, if not at `target_port`.
        own_login: Whether it asks people who they are by itself. Others are only let out with `edge.login`.
    """

    name: str
    service: str
    port: int
    target_port: int
    health_path: str
    namespace: str | None = None
    health_port: int | None = None
    own_login: bool = False


@dataclass(frozen=True, kw_only=True)
class Ready:
    """An object that shows that the add-on runs, in its namespace or cluster-wide."""

    kind: str
    name: str


def _no_values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    return {}


def _always(_handle: ClusterHandle) -> str | None:
    return None


def _no_problems(_around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    return iter(())


def _no_identities(_handle: ClusterHandle, _settings: AddOnSettings) -> Sequence[Identity[Any]]:
    return ()


@dataclass(frozen=True, kw_only=True)
class AddOn(Generic[S]):
    """One add-on. The file's name is its name, with `_` for `-`; the folder's name is its group.

    Attributes:
        name: In stack files, messages and resource names.
        group: What it is about, such as `storage`.
        summary: One line for lists.
        docs: A page of its makers.
        source: What is installed: a chart, an EKS managed add-on, a manifest, a kustomization or objects of our own.
        settings: The model of `addons.settings.<name>`.
        presets: The presets that bring it; empty for an add-on that is only enabled by name.
        applies: Why it would be useless on a cluster, or None. Asked of add-ons that come with
            a preset; one that is enabled by name is installed in any case (its nodes may come from
            elsewhere).
        namespace: Where it is installed.
        create_namespace: Whether it makes that namespace.
        pod_security: The Pod Security Standard that the namespace enforces.
        privileged_with: Names of add-ons whose pods in the namespace need privileged. Where none of them is installed,
            it enforces baseline instead. Empty: `pod_security` holds in any case.
        secrets: Whether ExternalSecrets in the namespace that it makes may name the platform's store.
        namespace_labels: More labels of the namespace that it makes.
        values: Helm values, or configuration values of an EKS add-on.
        images: The images of its pods, so that they can be pulled from a mirror. Those of EKS add-ons come from AWS's
            own registries and are not listed.
        endpoints: Interface endpoints that a private cluster needs for it, as `infra.network.endpoints` names them,
            besides those that every private cluster has.
        identities: Service accounts with AWS permissions.
        identities_of: More of them, which depend on the settings.
        entries: Its web pages.
        problems: What its settings contradict in the rest of the stack file: the key below its settings (empty for the
            add-on as a whole), and the message.
        needs: Names of add-ons that must be there first.
        needs_one_of: Names of add-ons of which one must be there first.
        follows: Names of add-ons that it comes after where both are selected: it looks once, when it starts, for what
            they bring, and does without where they are not.
        conflicts: Names of add-ons that cannot be there too.
        stands_on: Keys of the stack file that must be set, such as `edge.zone` or `storage.buckets.backups`. Where it
            is enabled by name and one is not, that is a mistake; where a preset brings it, `applies` says that it is
            left out.
        owns_crds: Full names of the CustomResourceDefinitions that come with it.
        webhooks: Admission webhooks that come with it.
        creates: Kinds it creates that another add-on's webhook may intercept.
        placement: Value paths for tolerations.
        before_nodes: Whether it must exist before the first node starts.
        ready: What shows that it runs.
        timeout_minutes: How long an installation may take. GPU nodes that come up meanwhile count: the pods of
            DaemonSets on them are waited for.
    """

    name: str
    group: str
    summary: str
    docs: str
    source: Chart | EksAddon | Manifest | Kustomization | Objects[S]
    settings: type[S]
    presets: tuple[str, ...] = ()
    applies: Callable[[ClusterHandle], str | None] = _always
    namespace: str = "kube-system"
    create_namespace: bool = False
    pod_security: PodSecurity = "baseline"
    privileged_with: tuple[str, ...] = ()
    secrets: bool = False
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    values: Callable[[ClusterHandle, S], Values] = _no_values
    images: tuple[Image, ...] = ()
    endpoints: tuple[str, ...] = ()
    identities: tuple[Identity[S], ...] = ()
    identities_of: Callable[[ClusterHandle, S], Sequence[Identity[S]]] = _no_identities
    entries: tuple[Entry, ...] = ()
    problems: Callable[[Surroundings, S], Iterator[tuple[str, str]]] = _no_problems
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    stands_on: tuple[str, ...] = ()
    owns_crds: tuple[str, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    creates: frozenset[str] = frozenset()
    placement: Placement = field(default_factory=Placement)
    before_nodes: bool = False
    ready: tuple[Ready, ...] = ()
    timeout_minutes: int = 20

    @property
    def always_applies(self) -> bool:
        """Whether a preset that brings it brings it to every cluster."""
        return self.applies is _always

    @property
    def directory(self) -> str:
        """Where its kustomization is, below the project's root."""
        return f"addons/kustomize/{self.name}"

    @property
    def has_identities(self) -> bool:
        """Whether it may have service accounts with AWS permissions."""
        return bool(self.identities) or self.identities_of is not _no_identities

    def standard(self, installed: Container[str]) -> PodSecurity:
        """What its namespace enforces among these add-ons."""
        needless = self.privileged_with and not any(name in installed for name in self.privileged_with)
        return "baseline" if needless else self.pod_security

    @property
    def makes(self) -> frozenset[str]:
        """Every kind that it creates and a webhook may intercept, its namespace and its pods included."""
        pods = frozenset[str]() if isinstance(self.source, Objects) else frozenset({"Pod"})
        return self.creates | pods | (frozenset({"Namespace"}) if self.create_namespace else frozenset())

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself, with every contradiction at once."""
        found = [*self._bad_names(), *self._bad_source(), *self._bad_images(), *self._bad_relations()]
        if found:
            raise ValueError(f"add-on {self.name}: {'; '.join(found)}")

    def _bad_names(self) -> list[str]:
        labels = {"name": self.name, "namespace": self.namespace}
        kinds = self.creates.union(*(webhook.intercepts for webhook in self.webhooks))
        return [
            *(
                f"{what} {value!r} is not a DNS label"
                for what, value in labels.items()
                if not _DNS_LABEL.fullmatch(value)
            ),
            *(
                f"{crd!r} is not a full CRD name (<plural>.<group>)"
                for crd in self.owns_crds
                if not _CRD_NAME.fullmatch(crd)
            ),
            *([] if self.docs.startswith("https://") else [f"docs {self.docs!r} is not a link"]),
            *(f"{kind!r} is not a kind" for kind in sorted(kinds) if not _KIND.fullmatch(kind)),
        ]

    def _bad_source(self) -> list[str]:
        found = []
        if isinstance(self.source, Objects | Manifest | Kustomization):
            if self.values is not _no_values:
                found.append("objects take no values")
            if self.placement.accelerated:
                found.append("objects have no value path for tolerations")
        if not isinstance(self.source, Objects) and not self.ready:
            found.append("names nothing that shows that it is there")
        if isinstance(self.source, EksAddon):
            if not issubclass(self.settings, ManagedSettings):
                found.append("an EKS add-on's settings must extend ManagedSettings")
            if len(self.identities) > 1:
                found.append("EKS gives a managed add-on one role under IRSA, so one identity")
        if isinstance(self.source, Chart):
            found += [
                f"identity {identity.service_account} has no value path for IRSA's annotation"
                for identity in self.identities
                if identity.irsa is None
            ]
        return found

    def _bad_images(self) -> list[str]:
        found = []
        if self.images and isinstance(self.source, EksAddon):
            found.append("EKS itself says where a managed add-on's images come from")
        for image in self.images:
            if isinstance(self.source, Chart) and not image.has_path:
                found.append(f"image {image.reference} needs the value path whole, or registry or repository")
            if isinstance(self.source, Objects | Manifest | Kustomization) and image.has_path:
                found.append(f"image {image.reference}: objects take no values")
        return found

    def _bad_relations(self) -> list[str]:
        found = []
        if self.name in (*self.needs, *self.conflicts):
            found.append("names itself in needs or conflicts")
        if self.privileged_with and self.pod_security != "privileged":
            found.append(f"privileged_with, but the namespace is {self.pod_security}")
        found += [f"both needs and conflicts with {name}" for name in sorted(set(self.needs) & set(self.conflicts))]
        if len(self.needs_one_of) == 1:
            found.append("needs_one_of names one add-on; say so in needs")
        if (self.secrets or self.namespace_labels) and not self.create_namespace:
            found.append("labels a namespace that it does not make")
        if self.create_namespace and self.namespace in BUILT_IN_NAMESPACES:
            found.append(f"cannot create the namespace {self.namespace}, which every cluster has")
        if self.timeout_minutes <= 0:
            found.append("timeout_minutes must be positive")
        return found
