"""Tenants in Kubernetes: a namespace with its people, quotas, policies and volumes, and what its pods may do. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from addons import profiles, registry
from addons.iam import ANY, allow, policy
from addons.kubeflow import EDITOR
from addons.network_policies import (
    DNS,
    POD_IDENTITY,
    SAME_NAMESPACE,
    called,
    callers,
    from_namespaces,
    https,
    network_policy,
    to_namespaces,
)
from addons.objects import namespace
from addons.places import Listing, Places
from addons.roles import group, role_binding, user
from addons.settings import AddonsSettings
from addons.spec import AddOnSettings, Identity
from addons.volumes import claim, shared, shared_claim, tenant_volumes
from infra.catalog import names
from infra.handle import ClusterHandle, Storage, Tenant
from infra.kubernetes import Quantity
from infra.storage.settings import LustreSettings, StorageSettings
from infra.surroundings import Surroundings
from infra.tenants.settings import TenantSettings

ADDON: Final = "tenants"
"""The add-on that makes them."""
DASHBOARD: Final = "kubeflow-dashboard"
"""The add-on with Kubeflow's profiles: where it is, a tenant is one."""
_NETWORK: Final = "vpc-cni"
"""The add-on that enforces network policies."""
_VOLCANO: Final = "volcano-queues"
_VOLCANO_QUEUE: Final = "scheduling.volcano.sh/queue-name"
"""The annotation of a namespace by which Volcano knows the queue of jobs that name none."""
NAME: Final = "tenant"
"""Of a tenant's quota, limit range and network policy: there is one of each."""
_PARTS: Final = {"owners": "admin", "members": "edit", "viewers": "view"}
"""Who somebody is in a tenant, and the role that says what they may."""
_STAYING: Final = frozenset({"LimitRange", "Namespace", "NetworkPolicy", "ResourceQuota"})
"""Kinds that stay where data is to be kept: the namespace, which would take along the volumes that people made in it,
and what holds its pods in, as some may still run. Volumes of the stack's own file systems go: they only point at what
is there, and one that stayed would point at an access point that is gone."""
_PUSH_AND_PULL: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:ListImages",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""Source: ECR user guide, "IAM permissions for pushing an image"."""


class TenantsSettings(AddOnSettings):
    """What is alike for all tenants."""

    listing: Listing = "all"
    """Whose names of files a tenant sees in the bucket for artifacts. With own it sees no others', but S3 then says
    "forbidden" of a file that is not there, at which s3fs and S3A fail, and with them pandas and Spark."""
    lone_pods: bool = False
    """Whether people may make pods that no Job, Deployment or other object makes for them, as `kubectl run` does. The
    VPC CNI applies no network policy to such a pod: it reaches databases, and EFS around the access points."""
    container_cpu: Quantity = "100m"
    """What a container requests that says nothing: a quota on requests refuses it otherwise."""
    container_memory: Quantity = "256Mi"
    """What a container requests that says nothing."""


def objects(handle: ClusterHandle, tenant: Tenant, settings: TenantsSettings) -> list[dict[str, Any]]:
    """What makes a tenant. What holds data stays when the tenant is taken out, where it is to be kept."""
    found = [
        _namespace(handle, tenant),
        profiles.account(tenant.name),
        *(_with_kubeflow(handle, tenant) if DASHBOARD in handle.addons else _without(tenant)),
        _quota(tenant),
        _defaults(tenant, settings),
        _policy(handle, tenant),
        *tenant_volumes(handle, tenant),
    ]
    return [_kept(each) if tenant.keep_data and each["kind"] in _STAYING else each for each in found]


def _namespace(handle: ClusterHandle, tenant: Tenant) -> dict[str, Any]:
    if DASHBOARD in handle.addons:
        space = profiles.profile_namespace(tenant.name, tenant.owners[0], tenant.pod_security)
    else:
        space = namespace(tenant.name, tenant.pod_security)
    space["metadata"]["labels"][names.TENANT_LABEL] = tenant.name
    if _VOLCANO in handle.addons:
        space["metadata"].setdefault("annotations", {})[_VOLCANO_QUEUE] = tenant.name
    return space


def _with_kubeflow(handle: ClusterHandle, tenant: Tenant) -> Iterator[dict[str, Any]]:
    """A profile, which makes the account's binding. People come by the dashboard, or by kubectl.

    It has no quota: the one that its controller would make goes with it.
    """
    owner, *admins = tenant.owners
    yield from profiles.kubeflow_objects(
        handle,
        places(tenant),
        owner=owner,
        admins=admins,
        contributors=tenant.members,
        viewers=tenant.viewers,
    )
    for part, role in _PARTS.items():
        yield role_binding(tenant.name, part, f"kubeflow-{role}", [group(_group(tenant, part))])


def _without(tenant: Tenant) -> Iterator[dict[str, Any]]:
    people = {"owners": tenant.owners, "members": tenant.members, "viewers": tenant.viewers}
    # As Kubeflow has it: a job may make pods, and a notebook jobs.
    pods = {"members": [{"kind": "ServiceAccount", "name": EDITOR, "namespace": tenant.name}]}
    for part, role in _PARTS.items():
        subjects = [group(_group(tenant, part)), *map(user, people[part]), *pods.get(part, ())]
        yield role_binding(tenant.name, part, role, subjects)


def _quota(tenant: Tenant) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": NAME, "namespace": tenant.name},
        "spec": {"hard": {**profiles.NO_WAY_IN, **tenant.limits}},
    }


def _group(tenant: Tenant, part: str) -> str:
    """What an access entry of the cluster names among its groups, for people with kubectl."""
    return f"{names.KUBERNETES_GROUP_PREFIX}{tenant.name}:{part}"


def _defaults(tenant: Tenant, settings: TenantsSettings) -> dict[str, Any]:
    """No limits: a container that requests more than one, and sets none, would be refused.

    Source: Kubernetes, "Limit Ranges", "LimitRange and admission checks for Pods".
    """
    requests = {"cpu": settings.container_cpu, "memory": settings.container_memory}
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": NAME, "namespace": tenant.name},
        "spec": {"limits": [{"type": "Container", "defaultRequest": requests}]},
    }


def _policy(handle: ClusterHandle, tenant: Tenant) -> dict[str, Any]:
    """All in one policy, since there may be a thousand tenants."""
    return network_policy(
        tenant.name,
        NAME,
        SAME_NAMESPACE,
        DNS,
        POD_IDENTITY,
        https(tenant.to_cidrs),
        from_namespaces(_once(callers(handle), tenant.from_namespaces)),
        to_namespaces(_once(called(handle), tenant.to_namespaces)),
    )


def _once(*several: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for each in several for name in each))


def _kept(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), names.KEEP_ANNOTATION: "true"}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def places(tenant: Tenant, listing: Listing = "all") -> Places:
    """Where a tenant keeps its files."""
    own = tenant.places
    return Places(namespace=tenant.name, artifacts=own["artifacts"], models=own["models"], listing=listing)


def identity(tenant: Tenant) -> Identity[Any]:
    """What notebooks, jobs and steps of a tenant may do in AWS."""
    return Identity(
        service_account=EDITOR,
        namespace=tenant.name,
        policy=partial(_allowed, tenant),
        tags=tenant.tags,
    )


def _allowed(tenant: Tenant, handle: ClusterHandle, settings: TenantsSettings) -> dict[str, Any] | None:
    """Its places in the buckets, and its repository.

    Source: Service Authorization Reference, Amazon ECR: a token is for the whole registry.
    """
    statements = places(tenant, settings.listing).statements(handle)
    if tenant.repository_arn is not None:
        statements += [
            allow("ecr:GetAuthorizationToken", on=ANY),
            allow(*_PUSH_AND_PULL, on=tenant.repository_arn),
        ]
    return policy(*statements) if statements else None


def mounts(storage: Storage, tenants: Sequence[Tenant]) -> dict[str, str]:
    """Where notebooks find the file systems, by claim: of those that every tenant has."""
    found = {}
    for lustre in storage.lustre:
        if all(lustre.name in each.lustre for each in tenants):
            found[claim("lustre", lustre.name)] = lustre.mount_path
            for path in shared(lustre.repositories):
                name = shared_claim(lustre.name, path)
                # Beside the tenant's own, not in it: a mount would leave its directory there.
                found[name] = f"{lustre.mount_path}{name.removeprefix(claim('lustre', lustre.name))}"
    for efs in storage.efs:
        if all(efs.name in each.efs for each in tenants):
            found[claim("efs", efs.name)] = efs.mount_path
    return found


def claims(storage: StorageSettings, tenants: Iterable[TenantSettings]) -> list[str]:
    """The claims that every tenant has, where two may have one name."""
    wanted = [each.storage for each in tenants]
    return [
        *(
            name
            for each in storage.lustre
            if all(own.lustre is None or each.name in own.lustre for own in wanted)
            for name in _lustre_claims(each)
        ),
        *(
            claim("efs", each.name)
            for each in storage.efs
            if all(own.efs is None or each.name in own.efs for own in wanted)
        ),
    ]


def _lustre_claims(settings: LustreSettings) -> list[str]:
    paths = shared(each.path for each in settings.repositories)
    return [claim("lustre", settings.name), *(shared_claim(settings.name, path) for path in paths)]


def problems(around: Surroundings) -> Iterator[tuple[str, str]]:
    """What tenants contradict in the add-ons of the stack file: path and message."""
    if not around.tenants:
        return
    if ADDON not in around.addons:
        yield "tenants", f"are made by the add-on {ADDON}; take it out of addons.disable"
    for name, tenant in around.tenants.items():
        owner = profiles.maker_of(name)
        if owner is not None:
            yield f"tenants.{name}", f"the namespace {name} is made by the add-on {owner}; choose another name"
        if DASHBOARD in around.addons:
            yield from _one_binding_each(name, tenant)
    everything = Counter(name for each in around.storage.lustre for name in _lustre_claims(each))
    for twice, count in sorted(everything.items()):
        if count > 1:
            yield "storage.lustre", f"two of its file systems or directories would both be a tenant's claim {twice}"


def _one_binding_each(name: str, tenant: TenantSettings) -> Iterator[tuple[str, str]]:
    """Kubeflow names a person's binding by the letters and digits of the address."""
    found: dict[str, str] = {}
    for person in (*tenant.owners, *tenant.members, *tenant.viewers):
        other = found.setdefault(profiles.binding_name(person, ""), person)
        if other != person:
            yield (
                f"tenants.{name}",
                f"{other} and {person} differ in signs alone, and are one to Kubeflow; let one of them in",
            )


def warnings(tenants: Mapping[str, TenantSettings], addons: AddonsSettings) -> Iterator[str]:
    """What tenants' people should know of the add-ons of the stack file."""
    if not tenants:
        return
    if not addons.settings.get(_NETWORK, {}).get("networkPolicy"):
        yield (
            "tenants: their pods reach each other's, EFS around the access points and nodes' own credentials, since"
            " nothing enforces network policies;"
            f" set addons.settings.{_NETWORK}.networkPolicy"
        )
    open_to_all = [name for name, tenant in tenants.items() if tenant.pod_security == "privileged"]
    if open_to_all:
        yield (
            f"tenants {', '.join(open_to_all)}: podSecurity privileged lets their pods take over a node, with all that"
            " runs on it"
        )
    strict = [name for name, tenant in tenants.items() if tenant.pod_security == "restricted"]
    if strict and any(addon.name == DASHBOARD for addon, _, _ in registry.settings_of(addons)):
        yield (
            f"tenants {', '.join(strict)}: podSecurity restricted refuses Kubeflow's notebooks and the steps of"
            " pipelines, which do not say what it asks for"
        )
