"""The CRDs of KServe's model cache: models that lie on the disks of nodes."""

from typing import Final

from addons import kserve
from addons.spec import AddOn, AddOnSettings, Ready

_GROUP: Final = "serving.kserve.io"
_KINDS: Final = ("localmodelcaches", "localmodelnamespacecaches", "localmodelnodegroups", "localmodelnodes")


class LocalModelCrdSettings(AddOnSettings):
    """Settings of the CRDs: none."""


ADDON = AddOn(
    name="kserve-localmodel-crd",
    group="serving",
    summary="the kinds of the model cache: LocalModelCache and others",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/modelcache/localmodel",
    source=kserve.chart("kserve-localmodel-crd"),
    settings=LocalModelCrdSettings,
    namespace=kserve.NAMESPACE,
    needs=("kserve-crd",),
    owns_crds=tuple(f"{kind}.{_GROUP}" for kind in _KINDS),
    ready=(Ready(kind="CustomResourceDefinition", name=f"localmodelcaches.{_GROUP}"),),
)
