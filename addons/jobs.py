"""What the jobs of an engine run as: an account in each of their namespaces, and what it may do with the buckets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from addons.iam import allow, policy
from addons.roles import GROUP
from addons.s3 import keeping, reading, through
from addons.spec import AddOnSettings, Identity
from infra.handle import ClusterHandle
from infra.kubernetes import Namespace
from infra.surroundings import Surroundings

Statement = dict[str, Any]

_READ: Final = ("data", "models")
_WRITE: Final = "artifacts"


class JobSettings(AddOnSettings):
    """Where jobs may run."""

    namespaces: tuple[Namespace, ...] = ()
    """More namespaces, which are there already, whose jobs get an account like the one in the namespace of the
    add-on."""


def problems(own: str, around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    """A tenant may not be called like the namespace that an engine's add-on makes."""
    if own in around.tenants:
        yield "", f"makes the namespace {own}, and there is a tenant of this name; call the tenant something else"


def others(settings: JobSettings, own: str) -> tuple[str, ...]:
    """The namespaces of the settings, without the add-on's own."""
    return tuple(name for name in dict.fromkeys(settings.namespaces) if name != own)


def accounts(name: str, namespaces: Iterable[str], rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A service account in each namespace, with a role on what is in it.

    Args:
        name: Of the account, of the role and of its binding.
        namespaces: Where.
        rules: What the account may do with objects of its namespace; none: nothing.
    """
    found: list[dict[str, Any]] = []
    for namespace in namespaces:
        metadata = {"name": name, "namespace": namespace}
        found.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        if rules:
            role = {"apiGroup": GROUP, "kind": "Role", "name": name}
            subject = {"kind": "ServiceAccount", **metadata}
            found += [
                {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": list(rules)},
                {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "RoleBinding",
                    "metadata": metadata,
                    "roleRef": role,
                    "subjects": [subject],
                },
            ]
    return found


def identity(account: str, namespace: str, prefix: str) -> Identity[Any]:
    """The account's permissions on the buckets: `bucket_statements`."""
    return Identity(service_account=account, namespace=namespace, policy=partial(_policy, namespace, prefix))


def _policy(namespace: str, prefix: str, handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    statements = bucket_statements(handle, f"{prefix}/{namespace}")
    return policy(*statements) if statements else None


def bucket_statements(handle: ClusterHandle, place: str) -> list[Statement]:
    """Read what is in the buckets for data and models, and read and write what is below `place` among the artifacts.

    Of the buckets that there are; none where there is none of them.

    Sources: S3 API reference, "HeadObject", permissions; S3 user guide, "Using server-side encryption with AWS KMS
        keys".
    """
    read = [handle.storage.buckets[role] for role in _READ if role in handle.storage.buckets]
    own = handle.storage.buckets.get(_WRITE)
    statements = []
    if read:
        statements += reading(read)
    if own is not None:
        statements += [
            # Of the whole bucket: for who may not list it S3 answers "forbidden" where there is no object, and clients
            # that look whether something is there fail.
            allow("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", on=own.arn),
            keeping(own, place),
        ]
    keys = [bucket.key_arn for bucket in read if bucket.key_arn is not None]
    if own is not None and own.key_arn is not None:
        statements.append(allow("kms:Decrypt", "kms:GenerateDataKey", on=own.key_arn, when=through(handle.region)))
    elif keys:
        # All buckets of a stack have one key.
        statements.append(allow("kms:Decrypt", on=keys[0], when=through(handle.region)))
    return statements
