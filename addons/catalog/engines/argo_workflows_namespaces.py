"""Namespaces for Argo's workflows: in each an account for their pods, with a role on the stack's buckets."""

from functools import partial
from typing import Any, Final

from addons.argo import ACCOUNT, NAMESPACE, PREFIX
from addons.jobs import JobSettings, accounts, identity, others, problems
from addons.objects import namespace
from addons.spec import AddOn, Identity, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "workflows"
_GROUP: Final = "argoproj.io"
_RULES: Final = (
    {"apiGroups": [_GROUP], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]},
    # Of workflows that ask for their files to be deleted.
    {"apiGroups": [_GROUP], "resources": ["workflowartifactgctasks"], "verbs": ["list", "watch"]},
    {"apiGroups": [_GROUP], "resources": ["workflowartifactgctasks/status"], "verbs": ["patch"]},
)
"""Source: Argo Workflows docs, "Workflow RBAC"; "Configuring Archive Logs and Artifact Garbage Collection"."""


class ArgoWorkflowsNamespacesSettings(JobSettings):
    """Where workflows may run, besides the namespace `workflows`."""


def _objects(_handle: ClusterHandle, settings: ArgoWorkflowsNamespacesSettings) -> list[dict[str, Any]]:
    own = namespace(_NAMESPACE, "baseline")
    return [own, *accounts(ACCOUNT, (_NAMESPACE, *others(settings, _NAMESPACE)), _RULES)]


def _identities(_handle: ClusterHandle, settings: ArgoWorkflowsNamespacesSettings) -> list[Identity[Any]]:
    return [identity(ACCOUNT, place, PREFIX) for place in others(settings, _NAMESPACE)]


ADDON = AddOn(
    name="argo-workflows-namespaces",
    group="engines",
    summary="namespaces for workflows, with an account that may use the stack's buckets",
    docs="https://argo-workflows.readthedocs.io/en/latest/service-accounts/",
    source=Objects(build=_objects),
    settings=ArgoWorkflowsNamespacesSettings,
    presets=("full",),
    namespace=NAMESPACE,
    identities=(identity(ACCOUNT, _NAMESPACE, PREFIX),),
    identities_of=_identities,
    problems=partial(problems, _NAMESPACE),
    needs=("argo-crds", "argo-workflows"),
    follows=("kubeflow-profiles", "namespace-defaults", "tenants"),
    creates=frozenset({"Namespace", "Role", "RoleBinding", "ServiceAccount"}),
)
