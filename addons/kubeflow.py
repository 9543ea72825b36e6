"""Kubeflow, as its add-ons know it: names that have to agree, and the release that they come from."""

from typing import Final

from addons.istio import GATEWAY_ACCOUNT
from addons.istio import NAMESPACE as MESH

# renovate: datasource=github-tags depName=kubeflow/community-distribution
RELEASE: Final = "26.03.1"
"""Of kubeflow/community-distribution; the directories below addons/kustomize name its commit."""
NAMESPACE: Final = "kubeflow"
ENTRY: Final = "kubeflow"
"""The first label of its host."""

GATEWAY_PRINCIPAL: Final = f"cluster.local/ns/{MESH}/sa/{GATEWAY_ACCOUNT}"
PIPELINES_PRINCIPAL: Final = f"cluster.local/ns/{NAMESPACE}/sa/ml-pipeline-ui"
NOTEBOOKS_PRINCIPAL: Final = f"cluster.local/ns/{NAMESPACE}/sa/notebook-controller-service-account"
"""Who calls the pods of a profile on somebody's behalf, as the mesh names them."""

EDITOR: Final = "default-editor"
"""The service account of a profile that notebooks and the steps of pipelines run as."""

USE_AWS: Final = "aws"
USE_PIPELINES: Final = "access-ml-pipeline"
USE_MLFLOW: Final = "mlflow"
USE_SHARED_MEMORY: Final = "shared-memory"
"""PodDefaults of each profile; a pod asks for one by a label of the same name that is `true`."""
