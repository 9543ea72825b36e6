"""Argo's kinds: Workflow, CronWorkflow and so on, for the controllers of Argo Workflows and of Kubeflow Pipelines.

And the namespace of the former, in which its account on a database may be made before it starts.
"""

from typing import Final

from addons.argo import NAMESPACE
from addons.spec import AddOn, AddOnSettings, Kustomization, Ready

_GROUP: Final = "argoproj.io"
_KINDS: Final = (
    "clusterworkflowtemplates",
    "cronworkflows",
    "workflowartifactgctasks",
    "workfloweventbindings",
    "workflows",
    "workflowtaskresults",
    "workflowtasksets",
    "workflowtemplates",
)


class ArgoCrdsSettings(AddOnSettings):
    """Settings of Argo's kinds: none."""


ADDON = AddOn(
    name="argo-crds",
    group="engines",
    summary="the kinds of Argo, which Argo Workflows and Kubeflow Pipelines share",
    docs="https://argo-workflows.readthedocs.io/en/latest/installation/",
    # The minimal ones: they keep whatever is in a workflow, so one set serves the controllers of both releases. Every
    # field of 3.7's is in 4.0's.
    # renovate: datasource=github-tags depName=argoproj/argo-workflows
    source=Kustomization(version="v4.0.6"),
    settings=ArgoCrdsSettings,
    presets=("full",),
    namespace=NAMESPACE,
    create_namespace=True,
    secrets=True,
    owns_crds=tuple(f"{kind}.{_GROUP}" for kind in _KINDS),
    ready=(Ready(kind="CustomResourceDefinition", name=f"workflows.{_GROUP}"),),
)
