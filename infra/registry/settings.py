"""Settings of the registry: ECR repositories, mirrors of upstream registries, notebook images."""

from typing import Annotated, Literal

from pydantic import Field

from infra.images import PATTERN
from infra.model import Model
from infra.network.settings import RetentionDays

_ANY_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:"
RepositoryName = Annotated[
    str, Field(pattern=r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$", max_length=120)
]
TagFilter = Annotated[str, Field(pattern=r"^[0-9A-Za-z._*-]{1,128}$")]
CacheSecret = Annotated[str, Field(pattern=rf"^{_ANY_ARN}ecr-pullthroughcache/[A-Za-z0-9/_+=.@-]+$")]
Secret = Annotated[str, Field(pattern=rf"^{_ANY_ARN}[A-Za-z0-9/_+=.@-]+$")]
Image = Annotated[str, Field(pattern=PATTERN.replace("?P<name>", "").replace("?P<tag>", "").replace("?P<digest>", ""))]
Host = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]
Notebook = Literal["cpu", "gpu", "neuron"]


class RepositorySettings(Model):
    """A private ECR repository: encrypted, scanned on push, its tags cannot be moved."""

    name: RepositoryName
    """Name after the platform's: `team/model` becomes <platform>/team/model."""
    mutable_tags: Annotated[tuple[TagFilter, ...], Field(max_length=5)] = ()
    """Tags that a push may overwrite all the same, such as latest or dev-*."""
    keep_images: Annotated[int, Field(ge=1)] = 100
    """Tagged images that are kept; the oldest go first."""
    disposable: bool = False
    """`destroy` may delete it, with all images."""


class UpstreamSettings(Model):
    """An upstream registry that ECR caches: an image is copied into the account when it is pulled first."""

    host: str
    """Such as registry.k8s.io."""
    secret_arn: CacheSecret | None = None
    """Secret with `username` and `accessToken`, its name beginning with ecr-pullthroughcache/, for hosts that ask for
    a login: docker.io, ghcr.io, registry.gitlab.com, cgr.dev."""


class RegistrySettings(Model):
    """ECR: repositories, mirrors of upstream registries, notebook images."""

    repositories: tuple[RepositorySettings, ...] = ()
    """Repositories of your own."""
    untagged_days: Annotated[int, Field(ge=1)] = 14
    """Days that images without a tag are kept, in every repository."""
    pull_through: tuple[UpstreamSettings, ...] = ()
    """Registries to cache. Add-ons pull through the cache then. Needs nodes that reach the internet."""
    mirror: bool | None = None
    """Copy every image of the add-ons into ECR beforehand, and pull it from there. By default where network.internet is
    false."""
    mirror_images: tuple[Image, ...] = ()
    """Other images to copy, with their tags."""
    mirror_secrets: dict[Host, Secret] = Field(default_factory=dict)
    """Host to secret with `username` and `accessToken`: log in there to copy. Docker Hub limits pulls without login."""
    notebook_images: tuple[Notebook, ...] = ()
    """Notebook images to build from the folder images/."""
    build_log_days: RetentionDays = 30
    """Days that logs of copies and builds are kept."""

    def mirrors(self, *, internet: bool) -> bool:
        """Whether images are copied beforehand. `internet`: whether nodes reach it."""
        return not internet if self.mirror is None else self.mirror
