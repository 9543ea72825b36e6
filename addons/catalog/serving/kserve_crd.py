"""KServe's CRDs: InferenceService and what it is made of."""

from typing import Final

from addons import kserve
from addons.spec import AddOn, AddOnSettings, Ready

_GROUP: Final = "serving.kserve.io"
_KINDS: Final = (
    "clusterservingruntimes",
    "clusterstoragecontainers",
    "inferencegraphs",
    "inferenceservices",
    "servingruntimes",
    "trainedmodels",
)


class KserveCrdSettings(AddOnSettings):
    """Settings of KServe's CRDs: none."""


ADDON = AddOn(
    name="kserve-crd",
    group="serving",
    summary="the kinds that KServe reads: InferenceService, ServingRuntime and others",
    docs="https://kserve.github.io/website/docs/reference/crd-api",
    source=kserve.chart("kserve-crd"),
    settings=KserveCrdSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    create_namespace=True,
    # The agent of the model cache writes to a directory of its node.
    pod_security="privileged",
    privileged_with=("kserve-localmodel-nodes", "kserve-localmodel-resources"),
    owns_crds=tuple(f"{kind}.{_GROUP}" for kind in _KINDS),
    ready=(Ready(kind="CustomResourceDefinition", name=f"inferenceservices.{_GROUP}"),),
)
