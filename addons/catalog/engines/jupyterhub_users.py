"""What JupyterHub's people have: a namespace for their servers, an account for them on AWS, and the hub's own keys."""

from typing import Any, Final

from addons.iam import policy
from addons.jobs import bucket_statements
from addons.secrets import generated
from addons.spec import AddOn, AddOnSettings, Identity, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "jupyterhub"
_KEYS: Final = "jupyterhub-keys"
_SERVICE_ACCOUNT: Final = "notebook"


def _objects(_handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    return [
        # By these names the chart looks for them: 32 bytes each, as hexadecimal digits.
        *generated(
            _NAMESPACE,
            _KEYS,
            ["cookie", "crypt"],
            encoding="hex",
            template={
                "hub.config.JupyterHub.cookie_secret": "{{ .cookie }}",
                "hub.config.CryptKeeper.keys": "{{ .crypt }}",
            },
        ),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": _SERVICE_ACCOUNT, "namespace": _NAMESPACE},
        },
    ]


def _policy(handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    statements = bucket_statements(handle, _NAMESPACE)
    return policy(*statements) if statements else None


ADDON = AddOn(
    name="jupyterhub-users",
    group="engines",
    summary="the namespace and the AWS account of JupyterHub's notebooks, and the hub's keys",
    docs="https://z2jh.jupyter.org/en/stable/jupyterhub/customizing/user-environment.html",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    namespace=_NAMESPACE,
    create_namespace=True,
    pod_security="baseline",
    secrets=True,
    identities=(Identity(service_account=_SERVICE_ACCOUNT, policy=_policy),),
    # Homes are claims that the hub makes in the namespace: they go with it, while somebody can delete the volumes.
    needs=("external-secrets-store", "storage-classes"),
    creates=frozenset({"ExternalSecret"}),
)
