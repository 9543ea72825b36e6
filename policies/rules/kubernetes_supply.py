"""Where Kubernetes objects go, and what they are made of: providers, images and charts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.around import Around
from policies.kubernetes import RELEASE
from policies.model import Fault, rule
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.model import Resource
from slipway.wire import UNKNOWN

_COMPONENTS: Final = (
    "slipway:",
    "eks:index:",
    "kubernetes:kustomize/",
    "kubernetes:yaml/",
    "kubernetes:helm.sh/v4:",
)
"""Beginnings of the types of components, which need no provider of their own: what they make has one."""
_CLOUDLESS: Final = ("pulumi",)
_PROVIDER: Final = "pulumi:providers:kubernetes"
_CLUSTER: Final = "aws:eks/cluster:Cluster"


@rule(
    id="kubernetes-explicit-provider",
    severity="critical",
    title="Every resource has an explicit provider, and Kubernetes objects one made from the plan's own cluster.",
    why="A default provider takes the account, region and kubeconfig at hand: objects land in another cluster.",
    fix="pass the stack's provider (handle.aws, handle.kubernetes) to what the program makes; no key decides this",
    source="https://www.pulumi.com/docs/iac/concepts/providers/",
    key="cluster",
    types=(),
    scope="stack",
)
def explicit_provider(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Pulumi calls default providers `default`, or `default_<version>`. Components are told by their types."""
    if resource.package in _CLOUDLESS or resource.type.startswith(_COMPONENTS):
        return
    provider = resource.provider_urn
    called = provider.rpartition("::")[2]
    if not provider or called == "default" or called.startswith("default_"):
        yield Fault(what="it has no provider of its own, so a default one would be used")
    elif resource.package == "kubernetes":
        yield from around.once(("kubernetes-explicit-provider", provider), lambda: tuple(_elsewhere(provider, around)))


def _elsewhere(provider: str, around: Around) -> Iterator[Fault]:
    found = around.plan.get(provider)
    if found is None or found.type != _PROVIDER:
        yield Fault(what=f"its provider {provider.rpartition('::')[2]} is none of the plan's for Kubernetes")
    elif not found.inputs.get("kubeconfig") or not any(
        _makes_cluster(each, around) for each in _sources(found, around)
    ):
        yield Fault(what=f"the kubeconfig of its provider {found.name} does not come from the plan's cluster")


def _sources(provider: Resource, around: Around) -> tuple[Resource, ...]:
    return around.behind(provider, "kubeconfig")


def _makes_cluster(resource: Resource, around: Around) -> bool:
    """The cluster, or the component that makes it."""
    return resource.type == _CLUSTER or any(each.type == _CLUSTER for each in around.plan.children(resource))


_MOVING: Final = re.compile(
    r"(latest|stable|main|master|nightly|edge|head|dev|devel|develop|canary|rolling|snapshot|trunk|unstable)"
    r"(-(?!v?\d+\.\d|\d{4}|[0-9a-f]{7,}).*)?|.*[-_.]latest",
    re.IGNORECASE,
)
"""Tags by which registries mean another image each day. Not those that go on with a version, a day or a commit, such as
`stable-2.14.1`."""
_PICTURE: Final = re.compile(r"https?://.*|.*\.(gif|ico|jpe?g|png|svg|webp)", re.IGNORECASE)
_PATTERNS: Final = ("kubernetes:kyverno.io/", "kubernetes:policies.kyverno.io/", "kubernetes:admissionregistration.")
"""Kinds that say what images others may have: patterns, not images."""
_TAGS: Final = frozenset({"tag", "imageTag"})
_NO_REFERENCE: Final = frozenset(" \n*{}$<>")


@rule(
    id="kubernetes-images-pinned",
    severity="high",
    title=(
        "Images in objects, and in charts' values where they are named in full, have a tag that stays,"
        " or a digest: never latest."
    ),
    why="A node that comes at night pulls another image than the one that was tested: one job has two versions of it.",
    fix=(
        "name the tag or digest: in an add-on's image keys under addons.settings, or at the pin in addons/catalog"
        " that the image comes from"
    ),
    source="https://kubernetes.io/docs/concepts/containers/images/#image-names",
    key="addons",
    types=(),
)
def images_pinned(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """Wherever a key is `image` or ends so, in built-in kinds, custom resources and charts' values.

    What charts fill in by themselves is not seen; an image without a tag in their values may get one from the chart, so
    there it is a fault in a list of containers alone, and a tag that moves everywhere.
    """
    if resource.package != "kubernetes" or resource.type.startswith(_PATTERNS):
        return
    unknown = None
    chart = resource.type == RELEASE
    for keys, value, whole in _named_images(inputs.value, (), whole=not chart):
        path = ".".join(keys)
        if value == UNKNOWN:
            unknown = unknown or path
            continue
        tag = value if keys[-1] in _TAGS else _tag(value)
        if tag is None and whole and not _PICTURE.fullmatch(value):
            yield Fault(path=path, what=f"{value}; an image needs a tag or a digest")
        elif tag is not None and _MOVING.fullmatch(tag):
            yield Fault(path=path, what=f"{value}; the tag {tag} means another image each day")
    if unknown:
        raise UnknownUntilUpError(unknown)


def _named_images(value: Any, keys: tuple[str, ...], *, whole: bool) -> Iterator[tuple[tuple[str, ...], str, bool]]:  # noqa: ANN401  # any wire value
    """Keys, text, and whether that must be a full reference, of what names an image or a tag of one."""
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        if isinstance(item, Mapping):
            full = whole or ("apiVersion" in item and "kind" in item) or (type(key) is int and "name" in item)
            yield from _named_images(item, (*keys, str(key)), whole=full)
        elif isinstance(item, list):
            yield from _named_images(item, (*keys, str(key)), whole=whole)
        elif isinstance(item, str) and item and not _NO_REFERENCE & set(item):
            if type(key) is str and key in _TAGS and value.get("digest"):
                continue  # the digest decides
            if type(key) is str and _names(key):
                yield (*keys, key), item, whole
            elif keys and keys[-1] == "images" and ":" in item:
                yield (*keys, str(key)), item, False


def _names(key: str) -> bool:
    return key.endswith(("image", "Image", "IMAGE")) or key in _TAGS


def _tag(reference: str) -> str | None:
    """What pins an image: its digest, else its tag; None where it has neither."""
    before, _, digest = reference.partition("@")
    return digest or before.rpartition("/")[2].partition(":")[2] or None


_EXACT: Final = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
"""One version. Helm takes anything less for a range. Source: Semantic Versioning 2.0.0; Helm, `--version`."""


@rule(
    id="kubernetes-charts-pinned",
    severity="high",
    title="Every Helm release names one exact version of its chart, and the repository that it comes from.",
    why="A range takes what its authors publish: an `up` that was to change a label upgrades an operator under jobs.",
    fix="give the exact version and the repository's address at the chart's pin in addons/catalog; no key decides this",
    source="https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/",
    key="addons",
    types=(RELEASE,),
)
def charts_pinned(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """A chart in the project's own folders goes with its commit. A bare name means a repository of somebody's machine.

    The provider puts the version that it finds in place of a range, and empty texts where nothing is said, before the
    engine shows a release to a pack (pulumi-kubernetes `helm_release.go`, `Check`): a range is told by `slipway check`
    alone, but where something else in the release is unknown.

    Kustomizations and manifests of others are components whose inputs no plan shows: their pins are tested where they
    stand, in addons/kustomize and addons/catalog.
    """
    chart = inputs.get("chart")
    if not isinstance(chart, str) or chart.startswith((".", "/")):
        return
    version = inputs.get("version")
    if chart.startswith("https://") or "@sha256:" in chart:
        return  # one archive, or one digest
    if not version:
        yield Fault(path="version", what=f"{chart} has no version, so the newest is taken")
    elif not isinstance(version, str) or not _EXACT.fullmatch(version):
        yield Fault(path="version", what=f"{version}; it must be one exact version, such as 1.2.3")
    repository = inputs.get("repositoryOpts.repo")
    if chart.startswith("oci://"):
        return
    if not repository:
        yield Fault(path="repositoryOpts.repo", what=f"{chart} is looked for in repositories of this machine")
    elif not str(repository).startswith("https://"):
        yield Fault(path="repositoryOpts.repo", what="the repository is not read by https")
