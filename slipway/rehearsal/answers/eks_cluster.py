"""What the real `eks:index:Cluster` component registers below itself, for the arguments that Slipway uses.

Source: pulumi-eks 4.4.0 (commit 7bf0c1b1, 2026-08-12, `nodejs/eks/cluster/cluster.ts`) and a recording of its run; a
contract test holds this file against that recording. An argument that is not understood here is an error.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from slipway import urns
from slipway.rehearsal.answers import answer, invoke
from slipway.rehearsal.answers.children import Change, Child, Expansion, Registry
from slipway.rehearsal.answers.cluster_arguments import UnknownArgumentError, refuse_unknown
from slipway.rehearsal.answers.cluster_groups import control_plane_group, node_group_rules
from slipway.rehearsal.answers.ids import Ids
from slipway.rehearsal.answers.kubeconfig import kubeconfig
from slipway.wire import UNKNOWN, Wire, is_unknown, plain, reference

__all__ = ["KUBERNETES_VERSION", "TYPE", "UnknownArgumentError", "expand"]

TYPE: Final = "eks:index:Cluster"
KUBERNETES_VERSION: Final = "4.34.2"
"""Version of pulumi-kubernetes inside pulumi-eks 4.4.0: the provider it makes asks for it."""
_CNI_CONFIGURATION: Final = {
    "env": {
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "ENABLE_POD_ENI": "false",
        "WARM_ENI_TARGET": "1",
    },
    "init": {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}},
}
_CLUSTER_POLICY: Final = "AmazonEKSClusterPolicy"
_CLUSTER_POLICY_HASH: Final = "4b490823"  # sha1 of the policy's arn, as pulumi-eks puts it into names


def expand(
    *,
    urn: str,
    inputs: Mapping[str, Any],
    provider: str,
    ids: Ids,
    preview: bool = False,
    change: Change | None = None,
) -> Expansion:
    """The children and outputs of one cluster component.

    Args:
        urn: The component's URN.
        inputs: Its inputs on the wire; output values carry the URNs they depend on.
        provider: Reference (`<urn>::<id>`) of the AWS provider that the children inherit; may be empty.
        ids: The source of ids, in the provider's region.
        preview: Whether what AWS computes is unknown.
        change: What transforms make of the children's inputs, where nobody else applies them.

    Raises:
        UnknownArgumentError: The inputs hold something that this expansion does not know.
    """
    made = Registry(urn=urn, inputs=inputs, provider=provider, ids=ids, preview=preview, change=change)
    refuse_unknown(made)
    role = _given_role(made) or _service_role(made)
    group = None if made.value("skipDefaultSecurityGroups") else control_plane_group(made)
    cluster = _cluster(made, role, group)
    kubernetes = _kubernetes_provider(made, cluster)
    entries = _access_entries(made, cluster)
    nodes = None if group is None else node_group_rules(made, cluster, group)
    proxy = made.value("kubeProxyAddonOptions") or {}
    if proxy.get("enabled", True):
        _addon(made, cluster, "kube-proxy", parent=urn, options=proxy)
    cni = None if made.value("useDefaultVpcCni") else _vpc_cni(made, cluster, entries)
    return Expansion(
        children=tuple(made.children),
        outputs=_outputs(made, role=role, group=group, cluster=cluster, kubernetes=kubernetes, nodes=nodes, cni=cni),
    )


def _given_role(made: Registry) -> Child | None:
    """The service role that the program made itself, or None.

    A reference says which role it is; its ARN is what the table gives a role of that name, as when it was registered.
    """
    given = made.value("serviceRole")
    if given is None:
        return None
    # In a preview the whole reference may be unknown: the program gives it out when the role is complete.
    roles = [urn for urn in made.needs("serviceRole") if urns.type_of(urn) == "aws:iam/role:Role"]
    if is_unknown(given) and not roles:
        raise UnknownArgumentError(f"{made.label}: serviceRole is unknown and comes from no role")
    urn, id_ = (roles[0], "") if is_unknown(given) else (given["urn"], given.get("id") or "")
    known = bool(id_) and not is_unknown(id_)
    reply = answer(urns.type_of(urn), urns.name(urn), {}, made.ids.of(urn))
    return Child(
        urn=urn,
        type=urns.type_of(urn),
        name=urns.name(urn),
        parent="",
        custom=True,
        id=id_ if known else "",
        inputs={},
        outputs=reply.outputs if known else {},
        dependencies=(),
        property_dependencies={},
        provider="",
    )


def _service_role(made: Registry) -> Child:
    name = f"{made.name}-eksRole"
    component = made.component("eks:index:ServiceRole", name)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Effect": "Allow",
                "Principal": {"Service": ["eks.amazonaws.com"]},
            }
        ],
    }
    role = made.register(
        "aws:iam/role:Role",
        f"{name}-role",
        {
            "assumeRolePolicy": _json(policy),
            "description": "Allows EKS to manage clusters on your behalf.",
            "tags": made.value("tags"),
        },
        parent=component.urn,
    )
    partition = made.ids.partition
    made.register(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        f"{name}-{_CLUSTER_POLICY_HASH}",
        {"policyArn": f"arn:{partition}:iam::aws:policy/{_CLUSTER_POLICY}", "role": role.reference},
        parent=component.urn,
        after={"role": (role.urn,)},
    )
    made.settle(component, {"directRole": role.reference, "resolvedRole": role.reference})
    return role


def _cluster(made: Registry, role: Child, group: Child | None) -> Child:
    name = f"{made.name}-eksCluster"
    key = made.value("encryptionConfigKeyArn")
    cidr = made.value("kubernetesServiceIpAddressRange")
    vpc_config = {
        "endpointPrivateAccess": made.value("endpointPrivateAccess"),
        "endpointPublicAccess": made.value("endpointPublicAccess"),
        "publicAccessCidrs": made.value("publicAccessCidrs"),
        "securityGroupIds": None if group is None else [group.id or UNKNOWN],
        "subnetIds": _subnets(made),
    }
    inputs = {
        "accessConfig": {
            "authenticationMode": made.value("authenticationMode"),
            "bootstrapClusterCreatorAdminPermissions": True,
        },
        "bootstrapSelfManagedAddons": made.value("bootstrapSelfManagedAddons") is not False,
        "deletionProtection": made.value("deletionProtection"),
        "enabledClusterLogTypes": made.value("enabledClusterLogTypes"),
        "encryptionConfig": key and {"provider": {"keyArn": key}, "resources": ["secrets"]},
        "kubernetesNetworkConfig": cidr and {"serviceIpv4Cidr": cidr, "ipFamily": "ipv4"},
        "name": made.value("name"),
        "roleArn": role.output("arn"),
        "tags": {"Name": name, **(made.value("clusterTags") or {}), **(made.value("tags") or {})},
        "upgradePolicy": made.value("upgradePolicy"),
        "version": made.value("version"),
        "vpcConfig": {key: value for key, value in vpc_config.items() if value is not None},
    }
    subnets = {"subnetIds", "privateSubnetIds", "publicSubnetIds"}
    # Its own role the component waits for with the policy attached; for one that it is given, whoever gives it does.
    own = tuple(child.urn for child in made.children if child.type.startswith("aws:iam/"))
    return made.register(
        "aws:eks/cluster:Cluster",
        name,
        inputs,
        after={
            **{argument: made.needs(argument) for argument in inputs if argument in made.arguments},
            "tags": made.needs("clusterTags", "tags"),
            "encryptionConfig": made.needs("encryptionConfigKeyArn"),
            "kubernetesNetworkConfig": made.needs("kubernetesServiceIpAddressRange"),
            "roleArn": (role.urn, *made.needs("serviceRole")),
            "vpcConfig": (
                *made.needs(*subnets, "endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs"),
                *(() if group is None else (group.urn,)),
            ),
        },
        depends_on=own,
        ignore_changes=(
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "bootstrapSelfManagedAddons",
        ),
    )


def _subnets(made: Registry) -> Wire:
    if made.value("subnetIds") is not None:
        return made.value("subnetIds")
    public, private = made.value("publicSubnetIds") or [], made.value("privateSubnetIds") or []
    return UNKNOWN if is_unknown(public) or is_unknown(private) else [*public, *private]


def _kubernetes_provider(made: Registry, cluster: Child) -> Child:
    config = _kubeconfig(cluster)
    return made.register(
        "pulumi:providers:kubernetes",
        f"{made.name}-eks-k8s",
        {"kubeconfig": UNKNOWN if config is None else _json(config)},
        after={"kubeconfig": (cluster.urn,)},
        version=KUBERNETES_VERSION,
    )


def _kubeconfig(cluster: Child) -> dict[str, Any] | None:
    """The component's kubeconfig, or None while the cluster's endpoint is unknown."""
    if is_unknown(cluster.output("endpoint")) or is_unknown(cluster.output("name")):
        return None
    return kubeconfig(
        name=plain(cluster.output("name")),
        endpoint=cluster.output("endpoint"),
        authority=cluster.output("certificateAuthority")["data"],
        region=cluster.output("arn").split(":")[3],
    )


def _access_entries(made: Registry, cluster: Child) -> tuple[Child, ...]:
    entries: Mapping[str, Any] = made.value("accessEntries") or {}
    return tuple(_access_entry(made, cluster, key, entry) for key, entry in entries.items())


def _access_entry(made: Registry, cluster: Child, key: str, given: Mapping[str, Any]) -> Child:
    principal = given["principalArn"]
    behind = {field: made.needs_at("accessEntries", key, field) for field in given}
    entry = made.register(
        "aws:eks/accessEntry:AccessEntry",
        f"{made.name}-{key}",
        {
            "clusterName": cluster.output("name"),
            "kubernetesGroups": given.get("kubernetesGroups"),
            "principalArn": principal,
            "tags": given.get("tags"),
            "type": given.get("type"),
            "userName": given.get("username"),
        },
        after={"clusterName": (cluster.urn,), **behind},
        depends_on=(cluster.urn,),
    )
    for association, policy in (given.get("accessPolicies") or {}).items():
        made.register(
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
            f"{made.name}-{key}-{association}",
            {
                "accessScope": policy["accessScope"],
                "clusterName": cluster.output("name"),
                "policyArn": policy["policyArn"],
                "principalArn": principal,
            },
            parent=entry.urn,
            after={"clusterName": (cluster.urn,), "principalArn": behind["principalArn"]},
            depends_on=(entry.urn,),
        )
    return entry


def _vpc_cni(made: Registry, cluster: Child, entries: tuple[Child, ...]) -> Child:
    component = made.component(
        "eks:index:VpcCniAddon",
        f"{made.name}-vpc-cni",
        depends_on=tuple(entry.urn for entry in entries),
    )
    addon = _addon(made, cluster, "vpc-cni", parent=component.urn, values=_json(_CNI_CONFIGURATION))
    made.settle(component, {"addon": addon.reference})
    return component


def _addon(
    made: Registry,
    cluster: Child,
    addon: str,
    *,
    parent: str,
    values: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Child:
    conflicts = options or {}
    # The version is asked of AWS for the cluster's version, which a preview knows when the program gives it.
    version = made.value("version")
    token = "aws:eks/getAddonVersion:getAddonVersion"  # noqa: S105 - the token of a data source
    args = {"addonName": addon, "kubernetesVersion": version, "mostRecent": True}
    unknown = version is None or is_unknown(version)
    return made.register(
        "aws:eks/addon:Addon",
        f"{made.name}-{addon}",
        {
            "addonName": addon,
            "addonVersion": UNKNOWN if unknown else invoke(token, args, made.ids)["version"],
            "clusterName": cluster.output("name"),
            "configurationValues": values,
            "preserve": True,
            "resolveConflictsOnCreate": conflicts.get("resolveConflictsOnCreate", "OVERWRITE"),
            "resolveConflictsOnUpdate": conflicts.get("resolveConflictsOnUpdate", "OVERWRITE"),
            "tags": made.value("tags"),
        },
        parent=parent,
        after={"addonVersion": (cluster.urn,), "clusterName": (cluster.urn,)},
    )


def _outputs(
    made: Registry,
    *,
    role: Child,
    group: Child | None,
    cluster: Child,
    kubernetes: Child,
    nodes: tuple[Child, Child] | None,
    cni: Child | None,
) -> dict[str, Any]:
    config = _kubeconfig(cluster)
    known = config if config is not None else UNKNOWN
    issuer = cluster.output("identities")
    url = issuer if is_unknown(issuer) else issuer[0]["oidcs"][0]["issuer"]
    own = cluster.output("vpcConfig").get("clusterSecurityGroupId", UNKNOWN)
    node_options: dict[str, Any] = {"version": made.value("version")}
    more: dict[str, Any] = {"clusterIngressRuleId": ""}
    core_more: dict[str, Any] = {}
    if group is not None and nodes is not None:
        node_options |= {
            "clusterIngressRule": nodes[1].reference,
            "nodeSecurityGroup": nodes[0].reference,
        }
        core_more["clusterSecurityGroup"] = group.reference
        more = {
            "clusterIngressRuleId": nodes[1].output("securityGroupRuleId"),
            "clusterSecurityGroup": group.reference,
            "eksClusterIngressRule": nodes[1].reference,
            "nodeSecurityGroup": nodes[0].reference,
        }
    core = {
        "accessEntries": list((made.value("accessEntries") or {}).values()),
        "autoModeNodeRoleName": "",
        "cluster": cluster.reference,
        "clusterIamRole": role.reference,
        "encryptionConfig": cluster.inputs.get("encryptionConfig"),
        "endpoint": cluster.output("endpoint"),
        "instanceRoles": [],
        "kubeconfig": known,
        "nodeGroupOptions": _given(node_options),
        "privateSubnetIds": made.value("privateSubnetIds"),
        "provider": kubernetes.reference,
        "publicSubnetIds": made.value("publicSubnetIds"),
        "storageClasses": {},
        "subnetIds": _subnets(made),
        "tags": made.value("tags"),
        "vpcCni": None if cni is None else reference(cni.urn),
        "vpcId": made.value("vpcId"),
        **core_more,
    }
    return {
        "autoModeNodeRoleName": "",
        "clusterSecurityGroupId": own if group is None else group.id or UNKNOWN,
        "core": _given(core),
        "defaultNodeGroupAsgName": "",
        "eksCluster": cluster.reference,
        "fargateProfileId": "",
        "fargateProfileStatus": "",
        "instanceRoles": [],
        "kubeconfig": known,
        "kubeconfigJson": UNKNOWN if config is None else _json(config),
        "nodeSecurityGroupId": own if nodes is None else nodes[0].id or UNKNOWN,
        "oidcIssuer": url if is_unknown(url) else url.removeprefix("https://"),
        "oidcProviderArn": "",
        "oidcProviderUrl": url,
        **more,
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
