"""Names of container images, as charts and people write them."""

import re
from dataclasses import dataclass
from typing import Final

from infra.catalog.zones import dns_suffix

DOCKER_HUB: Final = "docker.io"
_DOCKER_HUB_HOSTS: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_OFFICIAL: Final = "library"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
PATTERN: Final = (
    rf"^(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$"
)
"""Source: distribution/reference's grammar, without hosts in capitals or with a port, which no ECR name could hold."""


@dataclass(frozen=True, order=True, kw_only=True)
class ImageReference:
    """A container image by its full name: Docker Hub and its `library/` are spelt out."""

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ImageReference":
        """Read what stands after `image:` in a manifest.

        Raises:
            ValueError: It is not the name of an image.
        """
        found = re.match(PATTERN, text)
        if found is None:
            raise ValueError(f"{text!r} is not an image: host/path:tag or host/path@sha256:...")
        first, slash, rest = found["name"].partition("/")
        host, path = (first, rest) if slash and ("." in first or first == "localhost") else ("", found["name"])
        if not host or host in _DOCKER_HUB_HOSTS:
            host, path = DOCKER_HUB, path if "/" in path else f"{_OFFICIAL}/{path}"
        return cls(host=host, path=path, tag=found["tag"], digest=found["digest"])

    @property
    def repository(self) -> str:
        """The name without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def version(self) -> str:
        """What follows the repository: `:tag`, `@digest` or both."""
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        """The whole name."""
        return self.repository + self.version


def ecr_host(account: str, region: str) -> str:
    """The host of an account's private ECR registry in a region."""
    return f"{account}.dkr.ecr.{region}.{dns_suffix(region)}"


def ecr_home(host: str) -> tuple[str, str] | None:
    """The account and the region of a private ECR registry; None for any other host."""
    found = re.fullmatch(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.]+", host)
    return (found[1], found[2]) if found else None
