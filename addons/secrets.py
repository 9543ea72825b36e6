"""Kubernetes Secrets that nobody wrote: made of random bytes in the cluster, or kept equal to a secret elsewhere.

Their values are in no plan, state, manifest or value. The add-on that uses one needs `external-secrets-store`, and its
namespace must be one of `slipway.io/secrets: shared` to name a store.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import pulumi

STORE: Final = "secrets-manager"
"""The ClusterSecretStore of the add-on external-secrets-store: AWS Secrets Manager."""
_API: Final = "external-secrets.io/v1"
_GENERATORS: Final = "generators.external-secrets.io/v1alpha1"
_REFRESH: Final = "15m"
_AWAIT: Final = {"pulumi.com/waitFor": "condition=Ready"}
"""Pulumi goes on when the Secret is there."""

Template = Mapping[str, pulumi.Input[str]]
"""Key of the Secret to its value, a Go template in which `{{ .<key> }}` is what was fetched or made."""


def generated(
    namespace: str,
    name: str,
    keys: Sequence[str],
    *,
    length: int = 32,
    encoding: Literal["raw", "hex", "base64"] = "raw",
    template: Template | None = None,
) -> list[dict[str, Any]]:
    """A Secret with a random value under each key: letters and digits, made once and never again.

    Args:
        namespace: Where.
        name: The Secret's name.
        keys: One value each.
        length: Characters of each value, before encoding.
        encoding: How they are written; `hex` doubles their number.
        template: What the Secret holds instead of the bare values.
    """
    generator = {
        "apiVersion": _GENERATORS,
        "kind": "Password",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "length": length,
            # Letters and digits alone need no quoting in connection strings and shells.
            "symbols": 0,
            "digits": length // 4,
            "noUpper": False,
            "allowRepeat": True,
            "encoding": encoding,
            "secretKeys": list(keys),
        },
    }
    source = {"sourceRef": {"generatorRef": {"apiVersion": _GENERATORS, "kind": "Password", "name": name}}}
    spec = {"refreshPolicy": "CreatedOnce", "dataFrom": [source], "target": _target(name, template)}
    return [generator, _external_secret(namespace, name, spec)]


def external(
    namespace: str,
    name: str,
    remote: pulumi.Input[str],
    keys: Mapping[str, str],
    *,
    store: str = STORE,
    template: Template | None = None,
) -> dict[str, Any]:
    """A Secret kept equal to a secret of a store.

    Args:
        namespace: Where.
        name: The Secret's name.
        remote: The secret's name or ARN in the store; a JSON object.
        keys: Key of the Secret to property of the remote one.
        store: A ClusterSecretStore.
        template: What the Secret holds instead of these keys.
    """
    spec = {
        "refreshInterval": _REFRESH,
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": store},
        "data": [
            {"secretKey": key, "remoteRef": {"key": remote, "property": property_}} for key, property_ in keys.items()
        ],
        "target": _target(name, template),
    }
    return _external_secret(namespace, name, spec)


def _external_secret(namespace: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace, "annotations": _AWAIT},
        "spec": spec,
    }


def _target(name: str, template: Template | None) -> dict[str, Any]:
    return {"name": name, **({"template": {"engineVersion": "v2", "data": dict(template)}} if template else {})}
