"""A namespace for model servers, with an account that may read the bucket for models, and nothing else."""

from typing import Any, Final

from addons.jobs import JobSettings, accounts, others
from addons.models import ACCOUNT, STANDS_ON, reader, without_bucket
from addons.spec import AddOn, Identity, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "models"


class KserveModelsSettings(JobSettings):
    """Where models may be served by the account `models`, besides the namespace `models`."""


def _objects(_handle: ClusterHandle, settings: KserveModelsSettings) -> list[dict[str, Any]]:
    """No secret hangs on the account: the container that copies a model takes the role of its pod then."""
    return accounts(ACCOUNT, (_NAMESPACE, *others(settings, _NAMESPACE)), ())


def _identities(_handle: ClusterHandle, settings: KserveModelsSettings) -> list[Identity[Any]]:
    return [reader(namespace=namespace) for namespace in others(settings, _NAMESPACE)]


ADDON = AddOn(
    name="kserve-models",
    group="serving",
    summary="namespaces for model servers, with an account that may read the bucket for models",
    docs="https://kserve.github.io/website/docs/model-serving/storage/providers/s3",
    source=Objects(build=_objects),
    settings=KserveModelsSettings,
    presets=("inference",),
    applies=without_bucket,
    namespace=_NAMESPACE,
    create_namespace=True,
    identities=(reader(),),
    identities_of=_identities,
    # The controllers outlive the namespace, and let go of what is served in it.
    needs=("kserve-resources",),
    follows=(
        "keda",
        "kserve-llmisvc-configs",
        "kserve-llmisvc-resources",
        "kserve-localmodel-resources",
        "kubeflow-profiles",
        "namespace-defaults",
        "tenants",
    ),
    stands_on=(STANDS_ON,),
    creates=frozenset({"ServiceAccount"}),
)
