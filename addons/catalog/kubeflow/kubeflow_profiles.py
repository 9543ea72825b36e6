"""Profiles of a stack file: namespaces of people and teams, with their file systems and permissions in AWS."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from addons import profiles
from addons.profiles import CLEANING_UP, Profile
from addons.spec import AddOn, AddOnSettings, Identity, Objects
from infra.handle import ClusterHandle
from infra.kubernetes import PeoplesNamespace
from infra.surroundings import Surroundings


class KubeflowProfilesSettings(AddOnSettings):
    """Settings of the profiles."""

    profiles: Mapping[PeoplesNamespace, Profile] = Field(default_factory=dict)
    """Profiles by name, which is that of the namespace. One that is taken out goes with everything in it."""


def _objects(handle: ClusterHandle, settings: KubeflowProfilesSettings) -> list[dict[str, Any]]:
    return [
        item for name, profile in sorted(settings.profiles.items()) for item in profiles.objects(handle, name, profile)
    ]


def _identities(_handle: ClusterHandle, settings: KubeflowProfilesSettings) -> list[Identity[Any]]:
    return [profiles.identity(name) for name in sorted(settings.profiles)]


def _problems(around: Surroundings, settings: KubeflowProfilesSettings) -> Iterator[tuple[str, str]]:
    for name in sorted(settings.profiles):
        owner = profiles.maker_of(name)
        if owner is not None:
            yield f"profiles.{name}", f"the namespace {name} is made by the add-on {owner}; choose another name"
        for tenant, each in around.tenants.items():
            if tenant == name:
                yield f"profiles.{name}", f"{name} is a tenant, which has a profile; take one of them out"
            elif _meet(name, each.storage.prefix or tenant):
                yield f"profiles.{name}", f"in the bucket for models, {name}/ is of the tenant {tenant}; rename one"
    if settings.profiles:
        claims = Counter(profiles.claims(around.storage))
        for claim, count in sorted(claims.items()):
            if count > 1:
                yield "profiles", f"two file systems or access points of storage.efs would both be the claim {claim}"


def _meet(profile: str, prefix: str) -> bool:
    """Whether what a tenant publishes lies below what a profile does; a profile's own prefix has no slash."""
    return prefix.partition("/")[0] == profile


ADDON = AddOn(
    name="kubeflow-profiles",
    group="kubeflow",
    summary="profiles: namespaces of people and teams, with quotas, file systems and permissions in AWS",
    docs="https://www.kubeflow.org/docs/components/central-dash/profiles/",
    source=Objects(build=_objects),
    settings=KubeflowProfilesSettings,
    presets=("notebooks",),
    namespace="kubeflow",
    identities_of=_identities,
    problems=_problems,
    # The drivers go after them: they take down what people's claims made.
    needs=("aws-ebs-csi-driver", "istio-base", "istiod", "kubeflow", "kubeflow-dashboard"),
    follows=("aws-efs-csi-driver", "aws-fsx-csi-driver", *CLEANING_UP),
    creates=frozenset(
        {
            "AuthorizationPolicy",
            "ConfigMap",
            "Namespace",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "PodDefault",
            "Profile",
            "RoleBinding",
            "Service",
            "ServiceAccount",
            "VirtualService",
        }
    ),
)
