"""What can be wrong with the registry, given the network and the buckets."""

from collections.abc import Iterator

from infra.catalog import upstreams
from infra.images import ImageReference, ecr_home
from infra.problems import Problem, nearest, one_of, repeated, shown
from infra.registry.settings import RegistrySettings, UpstreamSettings
from infra.surroundings import Surroundings

BUCKET = "artifacts"
"""The bucket that lists and sources of builds are put into."""
TENANTS = "tenants"
"""First part, after the platform, of the names of tenants' repositories."""
MIRROR = "mirror"
"""First part, after the platform, of the names of repositories with copied images."""
_NAME_LIMIT = 256
"""Source: ECR API reference, CreateRepository, `repositoryName`."""
NOTEBOOK = "notebook-"
"""How the repositories of notebook images begin, after the platform."""


def problems(registry: RegistrySettings, around: Surroundings) -> Iterator[Problem]:
    """Everything wrong with the registry."""
    yield from _repository_problems(registry)
    yield from _cache_problems(registry, around)
    yield from _mirror_problems(registry, around)
    if registry.notebook_images and BUCKET not in around.storage.buckets:
        yield Problem("registry.notebookImages", _no_bucket("the sources of the builds"))
    yield from repeated(registry.notebook_images, "registry.notebookImages")


def warnings(registry: RegistrySettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    for index, repository in enumerate(registry.repositories):
        if "*" in repository.mutable_tags:
            yield f"registry.repositories[{index}] {repository.name}: with mutableTags * any push may move any tag"


def _repository_problems(registry: RegistrySettings) -> Iterator[Problem]:
    names = [each.name for each in registry.repositories]
    ours = {MIRROR, TENANTS, *(upstreams.upstream(host).slug for host in upstreams.hosts())}
    for index, name in enumerate(names):
        path = f"registry.repositories[{index}].name"
        first = name.partition("/")[0]
        if first in ours or first.startswith(NOTEBOOK):
            taken = one_of([*sorted(ours), f"{NOTEBOOK}*"])
            yield Problem(path, f"{shown(name)}: Slipway's own repositories begin so ({taken}); choose another name")
        if names.index(name) != index:
            yield Problem(path, f"{shown(name)} stands here twice")


def _cache_problems(registry: RegistrySettings, around: Surroundings) -> Iterator[Problem]:
    # ECR user guide, "Amazon ECR interface VPC endpoints": the first pull of an image needs a route to the internet.
    if registry.pull_through and not around.network.internet:
        yield Problem(
            "registry.pullThrough",
            "the first pull of each image goes to the internet, and network.internet is false; use mirror",
        )
    seen: dict[str, int] = {}
    for index, each in enumerate(registry.pull_through):
        here = f"registry.pullThrough[{index}]"
        if each.host not in upstreams.hosts():
            yield Problem(
                f"{here}.host",
                f"ECR cannot cache {shown(each.host)}{nearest(each.host, upstreams.hosts())}; "
                f"it caches: {one_of(upstreams.hosts())}; mirror copies from any host",
            )
            continue
        if each.host in seen:
            yield Problem(f"{here}.host", f"{shown(each.host)} is registry.pullThrough[{seen[each.host]}] too")
        seen.setdefault(each.host, index)
        yield from _credential_problems(each, here, around)


def _credential_problems(each: UpstreamSettings, here: str, around: Surroundings) -> Iterator[Problem]:
    wanted = upstreams.upstream(each.host).credentials
    if wanted and each.secret_arn is None:
        yield Problem(
            f"{here}.secretArn",
            f"is required: {each.host} asks for a login; name a secret ecr-pullthroughcache/... with username and "
            "accessToken",
        )
    if each.secret_arn is not None and not wanted:
        yield Problem(f"{here}.secretArn", f"{each.host} asks for no login; leave it out")
    elif each.secret_arn is not None:
        yield from _foreign_secret(each.secret_arn, f"{here}.secretArn", around)


def _foreign_secret(arn: str, path: str, around: Surroundings) -> Iterator[Problem]:
    region, account = arn.split(":")[3:5]
    platform = around.platform
    if region != platform.region or account != (platform.account_id or account):
        where = f"{platform.region}" + (f" of account {platform.account_id}" if platform.account_id else "")
        yield Problem(
            path, f"is in {region} of account {account}; the registry is in {where}, and so must the secret be"
        )


def _mirror_problems(registry: RegistrySettings, around: Surroundings) -> Iterator[Problem]:
    if not registry.mirrors(internet=around.network.internet):
        for field, given in (("mirrorImages", registry.mirror_images), ("mirrorSecrets", registry.mirror_secrets)):
            if given:
                yield Problem(f"registry.{field}", "goes with mirror: true")
        return
    if BUCKET not in around.storage.buckets:
        default = "" if registry.mirror else ", its default where network.internet is false"
        yield Problem("registry.mirror", f"is on{default}; {_no_bucket('the list of images')}")
    for index, text in enumerate(registry.mirror_images):
        image = ImageReference.parse(text)
        path = f"registry.mirrorImages[{index}]"
        if not image.version:
            yield Problem(path, f"{shown(text)} has no tag; write {image.repository}:<tag>")
        if ecr_home(image.host) is not None:
            yield Problem(path, f"{shown(text)} is in a private ECR registry; pull it from there, or replicate it")
        name = f"{around.platform.name}/{MIRROR}/{image.repository}"
        if len(name) > _NAME_LIMIT:
            yield Problem(path, f"its copy's name has {len(name)} characters, {name}; ECR takes {_NAME_LIMIT}")
    for host, arn in registry.mirror_secrets.items():
        yield from _foreign_secret(arn, f"registry.mirrorSecrets.{host}", around)


def _no_bucket(what: str) -> str:
    return f"needs storage.buckets.{BUCKET} for {what}"
