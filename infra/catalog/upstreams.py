"""The registries whose images ECR can cache by a pull-through rule.

Source: `data/upstreams.json` (ECR user guide, "Sync an upstream registry with an Amazon ECR private registry"; the URLs
from the API reference, CreatePullThroughCacheRule). Any other host, such as nvcr.io or gcr.io, cannot be cached.
"""

from dataclasses import dataclass

from infra.catalog.errors import UnknownNameError
from infra.catalog.table import table


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A registry that ECR can cache.

    Attributes:
        host: As images name it, such as `docker.io`.
        url: As ECR names it, such as `registry-1.docker.io`.
        slug: Short name, for prefixes of at most 30 characters.
        credentials: Whether ECR asks for a Secrets Manager secret.
    """

    host: str
    url: str
    slug: str
    credentials: bool


def hosts() -> tuple[str, ...]:
    """The hosts of all upstream registries, sorted."""
    return table("upstreams").names()


def upstream(host: str) -> Upstream:
    """The upstream registry of a host.

    Raises:
        UnknownNameError: ECR cannot cache it.
    """
    row = table("upstreams").row(host)
    if row is None:
        raise UnknownNameError("upstream registry", host, hosts())
    return Upstream(host=host, url=row["url"], slug=row["slug"], credentials=row["credentials"])
