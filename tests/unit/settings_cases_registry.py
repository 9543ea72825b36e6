"""Mistakes in the registry: repositories, mirrors of upstream registries, notebook images."""

from collections.abc import Mapping
from typing import Any, Final

from tests.unit.settings_stack import Table

SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
ABROAD = SECRET.replace("us-west-2", "eu-west-1")
BUCKET: Final[Mapping[str, Any]] = {"storage.buckets.artifacts": {}}


def registry(table: Table) -> None:
    repositories(table)
    caches(table)
    mirrors(table)


def repositories(table: Table) -> None:
    add, here = table.add, "registry.repositories"
    add(
        "repository-name-illegal",
        {here: [{"name": "Team/Model"}]},
        f"{here}[0].name",
        "'Team/Model' does not match",
        schema=True,
    )
    add(
        "repository-name-taken",
        {here: [{"name": "mirror/model"}]},
        f"{here}[0].name",
        "'mirror/model': Slipway's own repositories begin so",
        "docker-hub",
        "choose another name",
    )
    add(
        "repository-name-of-a-notebook-image",
        {here: [{"name": "notebook-gpu"}]},
        f"{here}[0].name",
        "'notebook-gpu': Slipway's own",
        "notebook-*",
    )
    add(
        "repository-twice",
        {here: [{"name": "team/a"}, {"name": "team/b"}, {"name": "team/a"}]},
        f"{here}[2].name",
        "'team/a' stands here twice",
    )
    add(
        "repository-with-too-many-mutable-tags",
        {here: [{"name": "team/a", "mutableTags": ["a", "b", "c", "d", "e", "f"]}]},
        f"{here}[0].mutableTags",
        "at most 5",
        schema=True,
    )
    add("repository-keeps-nothing", {here: [{"name": "a", "keepImages": 0}]}, f"{here}[0].keepImages", "0", schema=True)


def caches(table: Table) -> None:
    add, here = table.add, "registry.pullThrough"
    add(
        "cache-without-internet",
        {here: [{"host": "quay.io"}], "network.internet": False, **BUCKET},
        here,
        "the first pull of each image goes to the internet, and network.internet is false; use mirror",
    )
    add(
        "cache-of-an-unknown-host",
        {here: [{"host": "nvcr.io"}]},
        f"{here}[0].host",
        "ECR cannot cache 'nvcr.io'",
        "it caches: cgr.dev, docker.io, ghcr.io",
        "mirror copies from any host",
    )
    add(
        "cache-of-a-misspelt-host",
        {here: [{"host": "registry.k8s.oi"}]},
        f"{here}[0].host",
        "did you mean 'registry.k8s.io'?",
    )
    add(
        "cache-twice",
        {here: [{"host": "quay.io"}, {"host": "quay.io"}]},
        f"{here}[1].host",
        "'quay.io' is registry.pullThrough[0] too",
    )
    add(
        "cache-without-its-login",
        {here: [{"host": "docker.io"}]},
        f"{here}[0].secretArn",
        "is required: docker.io asks for a login",
        "ecr-pullthroughcache/",
    )
    add(
        "cache-with-a-login-too-many",
        {here: [{"host": "quay.io", "secretArn": SECRET}]},
        f"{here}[0].secretArn",
        "quay.io asks for no login; leave it out",
    )
    add(
        "cache-with-a-secret-of-another-name",
        {here: [{"host": "ghcr.io", "secretArn": SECRET.replace("ecr-pullthroughcache", "github")}]},
        f"{here}[0].secretArn",
        "does not match",
        "ecr-pullthroughcache/",
        schema=True,
    )
    add(
        "cache-with-a-secret-abroad",
        {here: [{"host": "ghcr.io", "secretArn": ABROAD}]},
        f"{here}[0].secretArn",
        "is in eu-west-1 of account 123456789012; the registry is in us-west-2",
    )
    add(
        "cache-with-a-secret-of-another-account",
        {here: [{"host": "ghcr.io", "secretArn": SECRET}], "platform.accountId": "210987654321"},
        f"{here}[0].secretArn",
        "the registry is in us-west-2 of account 210987654321",
    )


def mirrors(table: Table) -> None:
    add = table.add
    add(
        "mirror-without-a-bucket",
        {"registry.mirror": True},
        "registry.mirror",
        "is on; needs storage.buckets.artifacts for the list of images",
    )
    add(
        "mirror-by-default-without-a-bucket",
        {"registry": {}, "network.internet": False},
        "registry.mirror",
        "is on, its default where network.internet is false; needs storage.buckets.artifacts",
    )
    add(
        "mirror-images-without-mirror",
        {"registry.mirrorImages": ["quay.io/org/app:v1"]},
        "registry.mirrorImages",
        "goes with mirror: true",
    )
    add(
        "mirror-secrets-without-mirror",
        {"registry.mirrorSecrets": {"docker.io": SECRET}},
        "registry.mirrorSecrets",
        "goes with mirror: true",
    )
    add(
        "mirror-image-illegal",
        {"registry": {"mirror": True, "mirrorImages": ["quay.io/Org/app"]}, **BUCKET},
        "registry.mirrorImages[0]",
        "'quay.io/Org/app' does not match",
        schema=True,
    )
    add(
        "mirror-image-without-a-tag",
        {"registry": {"mirror": True, "mirrorImages": ["busybox"]}, **BUCKET},
        "registry.mirrorImages[0]",
        "'busybox' has no tag; write docker.io/library/busybox:<tag>",
    )
    add(
        "mirror-image-of-a-private-registry",
        {
            "registry": {"mirror": True, "mirrorImages": ["123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1"]},
            **BUCKET,
        },
        "registry.mirrorImages[0]",
        "is in a private ECR registry; pull it from there, or replicate it",
    )
    add(
        "mirror-image-with-a-name-too-long",
        {"registry": {"mirror": True, "mirrorImages": [f"quay.io/{'a' * 240}:v1"]}, **BUCKET},
        "registry.mirrorImages[0]",
        "its copy's name has 258 characters",
        "ECR takes 256",
    )
    add(
        "mirror-secret-abroad",
        {"registry": {"mirror": True, "mirrorSecrets": {"docker.io": ABROAD}}, **BUCKET},
        "registry.mirrorSecrets.docker.io",
        "is in eu-west-1",
    )
    add(
        "notebook-images-without-a-bucket",
        {"registry.notebookImages": ["cpu"]},
        "registry.notebookImages",
        "needs storage.buckets.artifacts for the sources of the builds",
    )
    add(
        "notebook-image-unknown",
        {"registry.notebookImages": ["tpu"], **BUCKET},
        "registry.notebookImages[0]",
        "'tpu' is not allowed",
        "cpu, gpu, neuron",
        schema=True,
    )
    add(
        "notebook-image-twice",
        {"registry.notebookImages": ["gpu", "cpu", "gpu"], **BUCKET},
        "registry.notebookImages[2]",
        "'gpu' stands here twice",
    )
    add(
        "build-logs-for-odd-days",
        {"registry.buildLogDays": 31},
        "registry.buildLogDays",
        "31",
        schema=True,
    )
