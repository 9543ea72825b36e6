"""How the rules about the control plane, its nodes and its add-ons are broken."""

import base64
from typing import Any

from policies.rules.eks import ADDON, ASSOCIATION, LOG_GROUP
from policies.rules.eks_nodes import KEY_PAIR
from slipway.plan.bill.types import CLUSTER
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, changed, removed

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RELEASE = "kubernetes:helm.sh/v3:Release"
JOB = "kubernetes:batch/v1:Job"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"


def called(name: str):
    """Holds for the managed add-on of this name."""
    return lambda resource: resource.inputs["addonName"] == name


def of_one_interface(resource: Resource) -> bool:
    """Holds for a plain group's launch template."""
    return not resource.inputs.get("networkInterfaces")


def plain(resource: Resource) -> bool:
    """Holds for a group without accelerators."""
    return resource.inputs.get("amiType") in ("AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD")


def with_aws_auth(plan: Plan) -> Plan | None:
    """The old way of giving access, as many a guide has it."""
    namespaces = plan.of_type(NAMESPACE)
    if not namespaces:
        return None
    metadata = {"name": "aws-auth", "namespace": "kube-system"}
    return added(plan, namespaces[0], "aws-auth", type_=CONFIG_MAP, inputs={"metadata": metadata, "data": {}})


def with_secret(plan: Plan) -> Plan | None:
    """A credentials file, as charts of others ask for it."""
    namespaces = plan.of_type(NAMESPACE)
    if not namespaces:
        return None
    metadata = {"name": "cloud-credentials", "namespace": namespaces[0].inputs["metadata"]["name"]}
    file = base64.b64encode(b"[default]\naws_access_key_id = ada\n").decode()
    return added(plan, namespaces[0], "cloud", type_=SECRET, inputs={"metadata": metadata, "data": {"cloud": file}})


def with_key_pair(plan: Plan) -> Plan:
    """An SSH key for the nodes."""
    group = plan.of_type(LAUNCH_TEMPLATE)[0]
    return added(
        plan, group, "ssh", type_=KEY_PAIR, inputs={"publicKey": "ssh-ed25519 AAAA", "tags": dict(group.inputs["tags"])}
    )


def with_key_line(text: str | None) -> str:
    """User data that fetches a key from somewhere, in base64 as launch templates have it."""
    before = base64.b64decode(text or "").decode()
    return base64.b64encode(f"{before}\nexport AWS_SECRET_ACCESS_KEY=$(cat /etc/key)\n".encode()).decode()


def with_variable(values: dict[str, Any] | None) -> dict[str, Any]:
    """Helm values that take a key out of a secret, under the name that AWS's SDKs read."""
    return {**(values or {}), "env": {"AWS_SECRET_ACCESS_KEY": {"secretKeyRef": {"name": "aws", "key": "secret"}}}}


def without_identity_agent(plan: Plan) -> Plan | None:
    """Nothing to break where pods get their roles by IRSA."""
    return removed(ADDON, where=called("eks-pod-identity-agent"))(plan) if plan.of_type(ASSOCIATION) else None


def without_vpc_cni(plan: Plan) -> Plan | None:
    """Not where it keeps tenants apart too, which another rule looks after."""
    return None if plan.of_type("slipway:tenants:Tenants") else removed(ADDON, where=called("vpc-cni"))(plan)


def protected(resource: Resource) -> bool:
    """Holds for a cluster that EKS refuses to delete; a disposable environment's may be deleted."""
    return bool(resource.inputs.get("deletionProtection"))


def open_to(config: dict[str, Any], cidrs: list[str]) -> dict[str, Any]:
    """A public endpoint for these blocks."""
    return {**config, "endpointPublicAccess": True, "publicAccessCidrs": cidrs}


def subnets(config: dict[str, Any]) -> dict[str, Any]:
    """What must stay of the network of a control plane."""
    return {"subnetIds": config["subnetIds"]}


MUTATIONS = (
    Mutation(
        rule="eks-access-entries",
        name="the ConfigMap beside the entries",
        apply=changed(CLUSTER, "accessConfig.authenticationMode", "API_AND_CONFIG_MAP"),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-access-entries",
        name="left to EKS, whose default is the ConfigMap",
        apply=changed(CLUSTER, "accessConfig", DROP),
        culprit=(CLUSTER,),
    ),
    Mutation(rule="eks-access-entries", name="an aws-auth ConfigMap", apply=with_aws_auth, culprit=(CONFIG_MAP,)),
    Mutation(
        rule="eks-addons-pinned",
        name="no version",
        apply=changed(ADDON, "addonVersion", DROP),
        culprit=(ADDON,),
    ),
    Mutation(
        rule="eks-addons-pinned",
        name="no build",
        apply=changed(ADDON, "addonVersion", "latest"),
        culprit=(ADDON,),
    ),
    Mutation(
        rule="eks-addons-pinned",
        name="a create that fails over the copy that EKS bootstraps",
        apply=changed(ADDON, "resolveConflictsOnCreate", "NONE", where=called("vpc-cni")),
        culprit=(ADDON,),
    ),
    Mutation(
        rule="eks-addons-pinned",
        name="nothing said of conflicts when it is updated",
        apply=changed(ADDON, "resolveConflictsOnUpdate", DROP),
        culprit=(ADDON,),
    ),
    *(
        Mutation(
            rule="eks-addons-present",
            name=f"without {name}",
            apply=removed(ADDON, where=called(name)),
            culprit=(CLUSTER,),
        )
        for name in ("kube-proxy", "coredns", "eks-node-monitoring-agent")
    ),
    Mutation(rule="eks-addons-present", name="without vpc-cni", apply=without_vpc_cni, culprit=(CLUSTER,)),
    Mutation(
        rule="eks-addons-present",
        name="pod identities without their agent",
        apply=without_identity_agent,
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-deletion-protection",
        name="off",
        apply=changed(CLUSTER, "deletionProtection", False, where=protected),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-deletion-protection",
        name="left to EKS, whose default is off",
        apply=changed(CLUSTER, "deletionProtection", DROP, where=protected),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-endpoint",
        name="nodes go over the internet",
        apply=changed(CLUSTER, "vpcConfig.endpointPrivateAccess", False),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-endpoint",
        name="public, for nobody in particular",
        apply=changed(CLUSTER, "vpcConfig", lambda config: open_to(config, [])),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-endpoint",
        name="left to EKS, whose default is public",
        apply=changed(CLUSTER, "vpcConfig", lambda config: {"endpointPrivateAccess": True, **subnets(config)}),
        culprit=(CLUSTER,),
    ),
    *(
        Mutation(
            rule="eks-endpoint",
            name=f"open to {' and '.join(cidrs)}",
            apply=changed(CLUSTER, "vpcConfig", lambda config, cidrs=cidrs: open_to(config, cidrs)),
            culprit=(CLUSTER,),
        )
        for cidrs in (["0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["203.0.113.0/24", "::/0"])
    ),
    Mutation(
        rule="eks-extended-support",
        name="extended on purpose",
        apply=changed(CLUSTER, "upgradePolicy.supportType", "EXTENDED"),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-extended-support",
        name="left to AWS, whose default is extended",
        apply=changed(CLUSTER, "upgradePolicy", DROP),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-imds",
        name="version 1 goes too",
        apply=changed(LAUNCH_TEMPLATE, "metadataOptions.httpTokens", "optional"),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-imds",
        name="nothing said",
        apply=changed(LAUNCH_TEMPLATE, "metadataOptions", DROP),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-imds",
        name="three hops away",
        apply=changed(LAUNCH_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", 3),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-imds",
        name="on the workstation",
        apply=changed(INSTANCE, "metadataOptions.httpTokens", "optional"),
        culprit=(INSTANCE,),
    ),
    Mutation(
        rule="eks-imds",
        name="on Karpenter's nodes",
        apply=changed(NODE_CLASS, "spec.metadataOptions.httpTokens", "optional"),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="eks-log-group",
        name="left for EKS to make",
        apply=removed(LOG_GROUP, where=lambda resource: resource.name == "cluster-logs"),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-log-group",
        name="under a name that EKS does not write to",
        apply=changed(LOG_GROUP, "name", "/eks/cluster", where=lambda resource: resource.name == "cluster-logs"),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-logs",
        name="no audit log",
        apply=changed(CLUSTER, "enabledClusterLogTypes", ["api", "authenticator", "scheduler"]),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-logs",
        name="none",
        apply=changed(CLUSTER, "enabledClusterLogTypes", DROP),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-node-repair",
        name="off",
        apply=changed(NODE_GROUP, "nodeRepairConfig.enabled", False),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-node-repair",
        name="left to EKS, whose default is off",
        apply=changed(NODE_GROUP, "nodeRepairConfig", DROP),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-node-volumes-encrypted",
        name="not stated",
        apply=changed(LAUNCH_TEMPLATE, "blockDeviceMappings.0.ebs.encrypted", DROP),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-node-volumes-encrypted",
        name="not the second volume",
        apply=changed(
            LAUNCH_TEMPLATE,
            "blockDeviceMappings.1.ebs.encrypted",
            "false",
            where=lambda resource: len(resource.inputs["blockDeviceMappings"]) > 1,
        ),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-node-volumes-encrypted",
        name="the image's own volumes",
        apply=changed(LAUNCH_TEMPLATE, "blockDeviceMappings", DROP, where=of_one_interface),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-node-volumes-encrypted",
        name="a group without a launch template",
        apply=changed(NODE_GROUP, "launchTemplate", DROP, where=plain),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-node-volumes-encrypted",
        name="those of Karpenter's nodes",
        apply=changed(NODE_CLASS, "spec.blockDeviceMappings.0.ebs.encrypted", False),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="eks-secrets-encrypted",
        name="with AWS's own key",
        apply=changed(CLUSTER, "encryptionConfig", DROP),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-secrets-encrypted",
        name="a key for nothing",
        apply=changed(CLUSTER, "encryptionConfig.resources", []),
        culprit=(CLUSTER,),
    ),
    Mutation(rule="eks-static-keys", name="a key pair", apply=with_key_pair, culprit=(KEY_PAIR,)),
    Mutation(
        rule="eks-static-keys",
        name="SSH to the nodes",
        apply=changed(LAUNCH_TEMPLATE, "keyName", "office"),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="SSH as EKS sets it up",
        apply=changed(NODE_GROUP, "remoteAccess", {"ec2SshKey": "office"}),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a key that user data fetches",
        apply=changed(LAUNCH_TEMPLATE, "userData", with_key_line),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a key in the workstation's script",
        apply=changed(INSTANCE, "userData", lambda text: f"{text}\nexport AWS_ACCESS_KEY_ID=$1\n"),
        culprit=(INSTANCE,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a key in what Karpenter's nodes run first",
        apply=changed(NODE_CLASS, "spec.userData", lambda text: f"{text or ''}\nexport AWS_ACCESS_KEY_ID=$1\n"),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a secret for programs",
        apply=with_secret,
        culprit=(SECRET,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a variable among Helm values",
        apply=changed(RELEASE, "values", with_variable),
        culprit=(RELEASE,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a variable of a container, be it out of a secret",
        apply=changed(
            JOB,
            "spec.template.spec.containers.0.env",
            lambda env: [*(env or []), {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "aws"}}}],
        ),
        culprit=(JOB,),
    ),
    Mutation(
        rule="eks-static-keys",
        name="a credentials file",
        apply=changed(CONFIG_MAP, "data.config", "[default]\naws_access_key_id = %(id)s\n"),
        culprit=(CONFIG_MAP,),
    ),
    Mutation(
        rule="eks-version",
        name="ten days of standard support left",
        # The managed groups and kube-proxy stay: one minor newer than this control plane.
        apply=changed(CLUSTER, "version", "1.34"),
        also=frozenset({"eks-version-skew"}),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-version",
        name="one that is over",
        # As above.
        apply=changed(CLUSTER, "version", "1.30"),
        also=frozenset({"eks-version-skew"}),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-version",
        name="left to EKS",
        apply=changed(CLUSTER, "version", DROP),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-version-skew",
        name="nodes before the control plane",
        apply=changed(NODE_GROUP, "version", "1.37"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-version-skew",
        name="nodes left behind",
        apply=changed(NODE_GROUP, "version", "1.31"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="eks-version-skew",
        name="kube-proxy before the control plane",
        apply=changed(ADDON, "addonVersion", "v1.37.0-eksbuild.1", where=called("kube-proxy")),
        culprit=(ADDON,),
    ),
)
