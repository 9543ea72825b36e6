"""Namespaces for Spark: in each an account for drivers and executors, with a role on buckets and catalogue."""

from functools import partial
from typing import Any, Final

import pulumi

from addons.iam import allow, policy
from addons.jobs import JobSettings, Statement, accounts, bucket_statements, others, problems
from addons.objects import namespace
from addons.spec import AddOn, Identity, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "spark-jobs"
_ACCOUNT: Final = "spark"
_PREFIX: Final = "spark"
_RULES: Final = (
    {
        "apiGroups": [""],
        "resources": ["configmaps", "persistentvolumeclaims", "pods", "services"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    },
)
"""A driver makes its executors. Source: Spark docs, "Running Spark on Kubernetes", RBAC."""


class SparkNamespacesSettings(JobSettings):
    """Where Spark applications may run as the account `spark`, besides the namespace `spark-jobs`."""

    catalogue: bool = True
    """Whether they may read the Glue catalogue of `analytics.athena`, where there is one."""


def _objects(_handle: ClusterHandle, settings: SparkNamespacesSettings) -> list[dict[str, Any]]:
    own = namespace(_NAMESPACE, "baseline")
    return [own, *accounts(_ACCOUNT, (_NAMESPACE, *others(settings, _NAMESPACE)), _RULES)]


def _policy(place: str, handle: ClusterHandle, settings: SparkNamespacesSettings) -> dict[str, Any] | None:
    statements = [
        *bucket_statements(handle, f"{_PREFIX}/{place}"),
        *(_read_catalogue(handle) if settings.catalogue else []),
    ]
    return policy(*statements) if statements else None


def _read_catalogue(handle: ClusterHandle) -> list[Statement]:
    """The database of the stack, its tables and functions; Spark asks for `default` whatever it works on.

    Source: Glue developer guide, "Specifying AWS Glue resource ARNs": a table needs its database and the catalogue.
    """
    made = handle.analytics.athena if handle.analytics else None
    if made is None:
        return []

    def arn(kind: str, *rest: pulumi.Input[str]) -> pulumi.Output[str]:
        prefix = f"arn:{handle.partition}:glue:{handle.region}:"
        return pulumi.Output.concat(prefix, handle.account_id, f":{kind}", *rest)

    return [
        allow(
            "glue:BatchGetPartition",
            "glue:GetDatabase",
            "glue:GetDatabases",
            "glue:GetPartition",
            "glue:GetPartitions",
            "glue:GetTable",
            "glue:GetTables",
            "glue:GetUserDefinedFunction",
            "glue:GetUserDefinedFunctions",
            on=[
                arn("catalog"),
                arn("database/default"),
                made.database_arn,
                arn("table/", made.database, "/*"),
                arn("userDefinedFunction/", made.database, "/*"),
            ],
        )
    ]


def _identity(place: str) -> Identity[Any]:
    return Identity(service_account=_ACCOUNT, namespace=place, policy=partial(_policy, place))


def _identities(_handle: ClusterHandle, settings: SparkNamespacesSettings) -> list[Identity[Any]]:
    return [_identity(place) for place in others(settings, _NAMESPACE)]


ADDON = AddOn(
    name="spark-namespaces",
    group="engines",
    summary="namespaces for Spark, with an account that may use the stack's buckets and catalogue",
    docs="https://www.kubeflow.org/docs/components/spark-operator/user-guide/",
    source=Objects(build=_objects),
    settings=SparkNamespacesSettings,
    presets=("full",),
    namespace="spark-operator",
    identities=(_identity(_NAMESPACE),),
    identities_of=_identities,
    problems=partial(problems, _NAMESPACE),
    needs=("spark-operator",),
    follows=("kubeflow-profiles", "namespace-defaults", "tenants"),
    creates=frozenset({"Namespace", "Role", "RoleBinding", "ServiceAccount"}),
)
