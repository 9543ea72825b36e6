"""What EKS returns: clusters, node groups, add-ons, access entries, Pod Identity associations."""

import base64
from typing import Any, Final

from slipway.rehearsal.answers.request import Answer, Request, Table

CREATED: Final = "2026-01-01T00:00:00Z"
"""A fixed moment: two rehearsals of one program are equal byte for byte."""


def _cluster(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    short = ids.hex("eks", request.name, 32).upper()
    vpc_config: dict[str, Any] = {
        "clusterSecurityGroupId": ids.id("sg", f"eks-cluster-sg-{request.name}"),
        "endpointPrivateAccess": False,
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["0.0.0.0/0"],
    }
    outputs = {
        "arn": ids.arn("eks", f"cluster/{name}"),
        "name": name,
        "clusterId": "",
        "certificateAuthority": {"data": certificate_authority(short)},
        "createdAt": CREATED,
        "endpoint": f"https://{short}.gr7.{ids.region}.eks.{ids.dns_suffix}",
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{ids.region}.{ids.dns_suffix}/id/{short}"}]}],
        "platformVersion": "eks.1",
        "status": "ACTIVE",
        "vpcConfig": vpc_config,
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def certificate_authority(short: str) -> str:
    """A certificate authority's data as EKS gives it: base64 of a PEM block (no certificate inside)."""
    body = base64.b64encode(short.encode()).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    return base64.b64encode(pem.encode()).decode()


def _node_group(request: Request) -> Answer:
    ids = request.ids
    cluster, name = request.text("clusterName"), request.named("nodeGroupName")
    unique = ids.uuid("nodegroup", request.name)
    group = f"eks-{name}-{unique}"
    outputs: dict[str, Any] = {
        "arn": ids.arn("eks", f"nodegroup/{cluster}/{name}/{unique}"),
        "nodeGroupName": name,
        "resources": [{"autoscalingGroups": [{"name": group}], "remoteAccessSecurityGroupId": ""}],
        "status": "ACTIVE",
        "capacityType": "ON_DEMAND",
        "releaseVersion": f"{request.text('version', '0.0')}.0-20260101",
        **request.tags,
    }
    if isinstance(request.inputs.get("launchTemplate"), dict):
        outputs["launchTemplate"] = {"name": ids.name(request.name)}
    return Answer(id=f"{cluster}:{name}", outputs=outputs)


def _addon(request: Request) -> Answer:
    cluster, name = request.text("clusterName"), request.text("addonName", request.name)
    unique = request.ids.uuid("addon", request.name)
    outputs = {
        "arn": request.ids.arn("eks", f"addon/{cluster}/{name}/{unique}"),
        "addonVersion": "v1.0.0-eksbuild.1",
        "createdAt": CREATED,
        "modifiedAt": CREATED,
        **request.tags,
    }
    return Answer(id=f"{cluster}:{name}", outputs=outputs)


def _access_entry(request: Request) -> Answer:
    ids, cluster = request.ids, request.text("clusterName")
    principal = request.text("principalArn", request.name)
    kind, _, who = principal.rpartition(":")[2].partition("/")
    outputs = {
        "accessEntryArn": ids.arn(
            "eks",
            f"access-entry/{cluster}/{kind}/{ids.account}/{who}/{ids.uuid('access', request.name)}",
        ),
        "createdAt": CREATED,
        "modifiedAt": CREATED,
        "type": "STANDARD",
        "userName": principal,
        "kubernetesGroups": [],
        **request.tags,
    }
    return Answer(id=f"{cluster}:{principal}", outputs=outputs)


def _access_policy(request: Request) -> Answer:
    parts = (request.text("clusterName"), request.text("principalArn"), request.text("policyArn"))
    return Answer(id="#".join(parts), outputs={"associatedAt": CREATED, "modifiedAt": CREATED})


def _pod_identity(request: Request) -> Answer:
    id_ = f"a-{request.ids.letters('pod-identity', request.name, 17)}"
    cluster = request.text("clusterName")
    outputs = {
        "associationArn": request.ids.arn("eks", f"podidentityassociation/{cluster}/{id_}"),
        "associationId": id_,
        "externalId": request.ids.uuid("external", request.name),
        "disableSessionTags": False,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:eks/addon:Addon": _addon,
    "aws:eks/accessEntry:AccessEntry": _access_entry,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _access_policy,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity,
}
