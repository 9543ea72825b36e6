"""What the parts of Feast agree on: versions, and where they find each other."""

from typing import Final

# renovate: datasource=github-tags depName=feast-dev/feast extractVersion=^v(?<version>.+)$
VERSION: Final = "0.66.0"
SERVER: Final = f"quay.io/feastdev/feature-server:{VERSION}"
CRON_JOB: Final = "quay.io/openshift/origin-cli:4.17"
"""What starts a materialization: it runs a command in the server's pod."""

NAMESPACE: Final = "feast"
REDIS: Final = "feast-redis"
"""The online store, and the Secret with its password."""
REDIS_PORT: Final = 6379
REDIS_HOST: Final = f"{REDIS}.{NAMESPACE}.svc.cluster.local"
