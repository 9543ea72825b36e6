"""ExternalDNS: names in the stack's hosted zone for what the cluster exposes."""

from typing import Any, Final, Literal

import pulumi
from pydantic import Field

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "external-dns"


class ExternalDnsSettings(AddOnSettings):
    """Settings of ExternalDNS."""

    sources: tuple[Literal["ingress", "service", "gateway-httproute", "gateway-grpcroute", "gateway-tlsroute"], ...] = (
        Field(default=("ingress", "service"), min_length=1)
    )
    """Kinds of objects that it reads names from. Those of the Gateway API need its CRDs: ExternalDNS does not start
    without them."""

    policy: Literal["upsert-only", "sync"] = "upsert-only"
    """`sync` removes records of its own whose object is gone; by default they stay."""


def _values(handle: ClusterHandle, settings: ExternalDnsSettings) -> Values:
    edge = handle.edge
    values: Values = {
        "provider": {"name": "aws"},
        "sources": list(settings.sources),
        "policy": settings.policy,
        # Records say in a TXT record beside them whose they are; one of another owner is never changed.
        "registry": "txt",
        "txtOwnerId": handle.name,
        "txtPrefix": "externaldns-",
        "domainFilters": [edge.domain] if edge else [],
        "env": [{"name": "AWS_DEFAULT_REGION", "value": handle.region}],
        "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}},
    }
    if edge is not None and edge.zone_id is not None:
        values["extraArgs"] = {"zone-id-filter": edge.zone_id}
    return values


def _policy(handle: ClusterHandle, _settings: ExternalDnsSettings) -> dict[str, Any] | None:
    """Records of the stack's own zone.

    Source: docs/tutorials/aws.md of kubernetes-sigs/external-dns v0.21.0, narrowed to the zone.
    """
    zone = handle.edge.zone_id if handle.edge else None
    if zone is None:
        return None
    return policy(
        allow(
            "route53:ChangeResourceRecordSets",
            "route53:ListResourceRecordSets",
            "route53:ListTagsForResources",
            on=pulumi.Output.concat(f"arn:{handle.partition}:route53:::hostedzone/", zone),
        ),
        allow("route53:ListHostedZones", on=ANY),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.edge and handle.edge.zone_id is not None else "the stack has no hosted zone (edge.zone)"


ADDON = AddOn(
    name=_NAME,
    group="ingress",
    summary="names in the stack's hosted zone for what the cluster exposes",
    docs="https://kubernetes-sigs.github.io/external-dns/",
    source=Chart(
        repo="https://kubernetes-sigs.github.io/external-dns/",
        name=_NAME,
        # renovate: datasource=helm depName=external-dns registryUrl=https://kubernetes-sigs.github.io/external-dns/
        version="1.21.1",
    ),
    settings=ExternalDnsSettings,
    applies=_applies,
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/external-dns/external-dns:v0.21.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    identities=(Identity(service_account=_NAME, policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("coredns",),
    # It does not start with sources of the Gateway API whose kinds are not there yet.
    follows=("gateway-api-crds",),
    stands_on=("edge.zone",),
    owns_crds=("dnsendpoints.externaldns.k8s.io",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
