"""cert-manager: certificates as Kubernetes objects, made and renewed in time."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=quay.io/jetstack/charts/cert-manager
_VERSION: Final = "v1.21.1"
_ACME: Final = ("Challenge", "Order")
_KINDS: Final = ("Certificate", "CertificateRequest", "ClusterIssuer", "Issuer", *_ACME)


class CertManagerSettings(AddOnSettings):
    """Settings of cert-manager."""

    dns01: bool = True
    """Whether it may prove to an ACME authority that the stack's domain is ours, by TXT records in the stack's hosted
    zone. Without `edge.zone` it has no permission in any case."""


def _values(_handle: ClusterHandle, _settings: CertManagerSettings) -> Values:
    return {
        "crds": {"enabled": True},
        # Kubernetes' roles `edit` and `admin` do not take up its kinds: any namespace may name an issuer of the whole
        # cluster, and would have a certificate of the platform's own hosts.
        "global": {"rbac": {"aggregateClusterRoles": False}},
        # A hook that asks until the webhook answers: a ready Deployment does not say that its authority is known to
        # the API server yet, which refuses issuers and certificates until then.
        "startupapicheck": {"enabled": True, "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
        "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}},
        "cainjector": {"resources": {"requests": {"cpu": "25m", "memory": "128Mi"}}},
        # Two, so that a node that goes does not hold up what needs a certificate.
        "webhook": {
            "replicaCount": 2,
            "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
            "resources": {"requests": {"cpu": "25m", "memory": "48Mi"}},
        },
    }


def _policy(handle: ClusterHandle, settings: CertManagerSettings) -> dict[str, Any] | None:
    """TXT records of ACME challenges in the stack's own zone, and nothing else.

    Source: cert-manager's documentation, "Route53", narrowed to the zone and to the names of challenges.
    """
    zone = handle.edge.zone_id if handle.edge else None
    if zone is None or not settings.dns01:
        return None
    return policy(
        allow("route53:GetChange", on=f"arn:{handle.partition}:route53:::change/*"),
        allow(
            "route53:ListResourceRecordSets",
            on=pulumi.Output.concat(f"arn:{handle.partition}:route53:::hostedzone/", zone),
        ),
        allow(
            "route53:ChangeResourceRecordSets",
            on=pulumi.Output.concat(f"arn:{handle.partition}:route53:::hostedzone/", zone),
            when={
                "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]},
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]
                },
            },
        ),
        allow("route53:ListHostedZonesByName", on=ANY),
    )


def _image(part: str, path: str) -> Image:
    return Image(reference=f"quay.io/jetstack/cert-manager-{part}:{_VERSION}", repository=path)


ADDON = AddOn(
    name="cert-manager",
    group="ingress",
    summary="certificates as Kubernetes objects, made and renewed in time",
    docs="https://cert-manager.io/docs/",
    source=Chart(
        repo="oci://quay.io/jetstack/charts",
        name="cert-manager",
        version=_VERSION,
    ),
    settings=CertManagerSettings,
    presets=("inference", "notebooks"),
    namespace="cert-manager",
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(
        _image("controller", "image.repository"),
        _image("webhook", "webhook.image.repository"),
        _image("cainjector", "cainjector.image.repository"),
        _image("startupapicheck", "startupapicheck.image.repository"),
        # Of pods that it makes for challenges over HTTP.
        _image("acmesolver", "acmesolver.image.repository"),
    ),
    identities=(Identity(service_account="cert-manager", policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("coredns",),
    owns_crds=(
        "certificaterequests.cert-manager.io",
        "certificates.cert-manager.io",
        "challenges.acme.cert-manager.io",
        "clusterissuers.cert-manager.io",
        "issuers.cert-manager.io",
        "orders.acme.cert-manager.io",
    ),
    webhooks=(
        Webhook(intercepts=frozenset({"CertificateRequest"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset(_KINDS), failure_policy="Fail"),
    ),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name="cert-manager"),
        Ready(kind="Deployment", name="cert-manager-cainjector"),
        Ready(kind="Deployment", name="cert-manager-webhook"),
    ),
)
