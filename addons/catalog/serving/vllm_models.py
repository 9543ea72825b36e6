"""The namespace of vLLM's stack, with the account that its servers copy models with."""

from typing import Any, Final

from addons.jobs import accounts
from addons.models import ACCOUNT, STANDS_ON, reader, without_bucket
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "vllm"


def _objects(_handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    return accounts(ACCOUNT, (_NAMESPACE,), ())


ADDON = AddOn(
    name="vllm-models",
    group="serving",
    summary="the namespace of vLLM's stack, with an account that may read the bucket for models",
    docs="https://docs.vllm.ai/projects/production-stack/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    applies=without_bucket,
    namespace=_NAMESPACE,
    create_namespace=True,
    identities=(reader(),),
    stands_on=(STANDS_ON,),
    creates=frozenset({"ServiceAccount"}),
)
