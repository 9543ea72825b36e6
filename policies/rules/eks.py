"""The control plane: who reaches it, what it keeps, how long AWS supports it, and its managed add-ons."""

import re
from collections.abc import Iterator
from typing import Any, Final

from infra.catalog import eks
from infra.catalog.errors import UnknownNameError
from policies.addresses import nearly_everywhere
from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import CLUSTER
from slipway.plan.fleet import NODE_GROUP
from slipway.plan.model import Resource

ADDON: Final = "aws:eks/addon:Addon"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
CONFIG_MAPS: Final = ("kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:ConfigMapPatch")

_GUIDE: Final = "https://docs.aws.amazon.com/eks/latest/userguide"
_AUDITED: Final = ("api", "audit", "authenticator")
_BOOTSTRAPPED: Final = ("coredns", "kube-proxy", "vpc-cni")
_BUILD: Final = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
_MINOR: Final = re.compile(r"v?1\.(\d+)\b")
_SKEW: Final = 3


@rule(
    id="eks-access-entries",
    severity="high",
    title="Access to the Kubernetes API is given by EKS access entries alone.",
    why="An aws-auth ConfigMap that is edited badly locks everybody out, and says nothing of who was let in when.",
    fix="name principals in cluster.access, keep accessConfig.authenticationMode API, and keep no ConfigMap aws-auth",
    source=f"{_GUIDE}/access-entries.html",
    key="cluster",
    types=(CLUSTER, *CONFIG_MAPS),
)
def access_entries(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """EKS user guide, "Grant IAM users access to Kubernetes with EKS access entries": API's own default is CONFIG_MAP.

    That the principal which creates the cluster becomes an administrator is not a fault: what this program makes in
    the cluster, it makes as that principal.
    """
    if resource.type == CLUSTER:
        path = "accessConfig.authenticationMode"
        mode = inputs.get(path, "CONFIG_MAP")
        if mode != "API":
            yield Fault(path=path, what=f"{mode}; it must be API")
    elif inputs.at("metadata.name").value == "aws-auth" and inputs.get("metadata.namespace") == "kube-system":
        yield Fault(path="metadata.name", what="aws-auth in kube-system; access entries take its place")


@rule(
    id="eks-addons-pinned",
    severity="medium",
    title="Every managed add-on names its build, and what happens to fields that something else changed.",
    why="Without a version EKS takes its own default of the day, and two clusters of one stack file differ; without a "
    "word on conflicts an update fails, or an edit by hand stays for good.",
    fix="set addons.settings.<add-on>.version to a build, and resolveConflictsOnCreate and OnUpdate to OVERWRITE",
    source=f"{_GUIDE}/updating-an-add-on.html",
    key="addons",
    types=(ADDON,),
)
def addons_pinned(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """EKS API, CreateAddon and UpdateAddon: `addonVersion`, `resolveConflicts`, whose default is NONE for both.

    Where no stored source shows a build for a Kubernetes minor, the program asks EKS for its default and states that;
    the plan warns of it (infra.catalog.eks.addon_version).
    """
    for path, allowed in (
        ("resolveConflictsOnCreate", ("OVERWRITE",)),
        ("resolveConflictsOnUpdate", ("OVERWRITE", "PRESERVE")),
    ):
        found = inputs.get(path, "NONE")
        if found not in allowed:
            yield Fault(path=path, what=f"{found}; it must be {' or '.join(allowed)}")
    version = inputs.get("addonVersion")
    if version is None:
        yield Fault(path="addonVersion", what="not set; EKS takes its default")
    elif not _BUILD.fullmatch(str(version)):
        yield Fault(path="addonVersion", what=f"{version}; it must be a build, such as v1.22.4-eksbuild.3")


@rule(
    id="eks-addons-present",
    severity="high",
    title="What EKS puts into every cluster is managed, and what nodes and pod identities need is there.",
    why="A copy that EKS bootstraps is never updated; without the identity agent pods have no AWS permissions, and "
    "without the monitoring agent node repair sees no broken GPU.",
    fix="take the add-on out of addons.disable",
    source=f"{_GUIDE}/eks-add-ons.html",
    key="addons",
    types=(CLUSTER,),
    scope="stack",
)
def addons_present(_: Inputs, __: Resource, around: Around) -> Iterator[Fault]:
    """EKS user guide, "Amazon EKS add-ons": self-managed vpc-cni, kube-proxy and CoreDNS come with every cluster."""
    there = [Inputs(each.inputs).get("addonName") for each in around.plan.of_type(ADDON)]
    wanted = [(name, "the copy that EKS bootstraps is never updated") for name in _BOOTSTRAPPED]
    if around.plan.of_type(ASSOCIATION):
        wanted.append(("eks-pod-identity-agent", "pod identity associations give nothing"))
    if around.plan.of_type(NODE_GROUP):
        wanted.append(("eks-node-monitoring-agent", "node repair sees no broken accelerator"))
    for name, without in wanted:
        if name not in there:
            yield Fault(what=f"the plan has no managed add-on {name}: {without}")


@rule(
    id="eks-deletion-protection",
    severity="critical",
    title="EKS refuses to delete the cluster, unless the environment is disposable.",
    why="One wrong destroy ends every job and all that lives in the cluster alone.",
    fix="set cluster.deletionProtection to true, or platform.disposable where the environment may go",
    source=f"{_GUIDE}/deletion-protection.html",
    key="cluster",
    types=(CLUSTER,),
)
def deletion_protection(inputs: Inputs, _: Resource, around: Around) -> Iterator[Fault]:
    """EKS user guide, "Protect EKS clusters from accidental deletion": off by default."""
    if not around.environment.disposable and inputs.get("deletionProtection", default=False) is not True:
        yield Fault(path="deletionProtection", what="off; it must be true")


@rule(
    id="eks-endpoint",
    severity="critical",
    title="Nodes reach the API server inside the VPC, and from outside only stated networks do.",
    why="An API server that is open to the world is found within minutes, and one leaked token or flaw is enough.",
    fix="name your networks in cluster.endpoint.publicCidrs, or set cluster.endpoint.public to false",
    source=f"{_GUIDE}/cluster-endpoint.html",
    key="cluster",
    types=(CLUSTER,),
)
def endpoint(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """EKS's own defaults are no private access, and public access from everywhere."""
    private, public, cidrs = (f"vpcConfig.{name}" for name in _ENDPOINT)
    if inputs.get(private, default=False) is not True:
        yield Fault(path=private, what="off; it must be true")
    if inputs.get(public, default=True) is False:
        return
    if not inputs.has(cidrs) or not list(inputs.each(cidrs)):
        yield Fault(path=cidrs, what="not set; EKS takes 0.0.0.0/0")
    for each in inputs.each(cidrs):
        if nearly_everywhere(each.get()):
            yield Fault(path=each.path, what=f"{each.value} lets nearly everybody in")


_ENDPOINT: Final = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")


@rule(
    id="eks-extended-support",
    severity="high",
    title="The cluster never enters extended support by itself.",
    why="Extended support costs six times the price of the control plane, from the day on which standard ends.",
    fix="take cluster.support out of the stack file (its default is STANDARD), and upgrade in time",
    source=f"{_GUIDE}/kubernetes-versions.html",
    key="cluster",
    types=(CLUSTER,),
)
def extended_support(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """AWS's own default is EXTENDED."""
    path = "upgradePolicy.supportType"
    found = inputs.get(path, "EXTENDED")
    if found != "STANDARD":
        yield Fault(path=path, what=f"{found}; it must be STANDARD")


@rule(
    id="eks-log-group",
    severity="medium",
    title="The log group of the control plane is in the plan, so that its logs do not stay for ever.",
    why="EKS makes a missing log group itself, without retention and without a key, and CloudWatch bills it for good.",
    fix="keep the log group of infra/cluster/cluster.py, with cluster.logs.retentionDays",
    source=f"{_GUIDE}/control-plane-logs.html",
    key="cluster",
    types=(CLUSTER,),
    scope="stack",
)
def log_group(inputs: Inputs, _: Resource, around: Around) -> Iterator[Fault]:
    """EKS user guide, "Send control plane logs to CloudWatch Logs": the group is `/aws/eks/<cluster>/cluster`.

    How long a group keeps its logs is for data-log-retention to say.
    """
    if not list(inputs.each("enabledClusterLogTypes")):
        return
    name = inputs.get("name")
    if name is None:
        yield Fault(path="name", what="not set; the log group of a cluster with a random name cannot be there first")
        return
    wanted = f"/aws/eks/{name}/cluster"
    if all(Inputs(each.inputs).get("name") != wanted for each in around.plan.of_type(LOG_GROUP)):
        yield Fault(path="enabledClusterLogTypes", what=f"the plan has no log group {wanted}")


@rule(
    id="eks-logs",
    severity="high",
    title="The control plane writes the logs that an inquiry needs.",
    why="Without them nobody can say who did what, or why a login failed, and they cannot be had afterwards.",
    fix="have api, audit and authenticator in cluster.logs.types (its default is all five)",
    source=f"{_GUIDE}/control-plane-logs.html",
    key="cluster",
    types=(CLUSTER,),
)
def logs(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """EKS best practices guide, "Detective controls": api, audit and authenticator. EKS's own default is none."""
    found = [each.get() for each in inputs.each("enabledClusterLogTypes")]
    missing = [each for each in _AUDITED if each not in found]
    if missing:
        yield Fault(path="enabledClusterLogTypes", what=f"without {', '.join(missing)}")


@rule(
    id="eks-secrets-encrypted",
    severity="high",
    title="Kubernetes secrets are encrypted with a KMS key of your own.",
    why="With AWS's own key nobody can be kept from them, or shown to have read them.",
    fix="keep encryptionConfig of infra/cluster/cluster.py: a key of the stack, for secrets",
    source=f"{_GUIDE}/envelope-encryption.html",
    key="cluster",
    types=(CLUSTER,),
)
def secrets_encrypted(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """EKS user guide, "Default envelope encryption for all Kubernetes API data": without one, a key of AWS's."""
    if not inputs.has("encryptionConfig.provider.keyArn"):
        yield Fault(path="encryptionConfig.provider.keyArn", what="not set; EKS takes a key that AWS owns")
    elif "secrets" not in [each.get() for each in inputs.each("encryptionConfig.resources")]:
        yield Fault(path="encryptionConfig.resources", what="without secrets, all that EKS encrypts with it")


@rule(
    id="eks-version",
    severity="high",
    title="The Kubernetes version has standard support, and time left to plan an upgrade.",
    why="On its last day EKS upgrades the control plane by itself, at an hour of its choice, with jobs running.",
    fix="raise cluster.version, one minor at a time",
    source=f"{_GUIDE}/kubernetes-versions.html",
    key="cluster",
    types=(CLUSTER,),
)
def version(inputs: Inputs, _: Resource, around: Around) -> Iterator[Fault]:
    """Dates: infra/catalog/data/eks_versions.json. Days that must be left: policies.supportDays of the stack file."""
    found = inputs.get("version")
    if found is None:
        yield Fault(path="version", what="not set; EKS takes its default of the day")
        return
    today, least = around.environment.today, around.environment.policies.support_days
    try:
        until = eks.version(str(found)).standard_until
    except UnknownNameError:
        yield Fault(path="version", what=f"{found} is no version that the catalogue knows")
        return
    if until is None or until < today:
        yield Fault(path="version", what=f"{found}: standard support ended" + (f" on {until}" if until else ""))
    elif (until - today).days < least:
        left = (until - today).days
        yield Fault(
            path="version", what=f"{found}: standard support ends on {until}, in {left} days; {least} are asked"
        )


@rule(
    id="eks-version-skew",
    severity="medium",
    title="Nodes and kube-proxy are never newer than the control plane, nor more than three minors older.",
    why="EKS refuses newer nodes in the middle of an upgrade, and an API that older ones use may be gone.",
    fix="upgrade the control plane first (cluster.version); have the same minor in addons.settings.kube-proxy.version",
    source="https://kubernetes.io/releases/version-skew-policy/",
    key="cluster",
    types=(NODE_GROUP, ADDON),
    scope="stack",
)
def version_skew(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Kubernetes, "Version Skew Policy": kubelet and kube-proxy, three minors back since 1.28."""
    if resource.type == ADDON and inputs.get("addonName") != "kube-proxy":
        return
    path = "version" if resource.type == NODE_GROUP else "addonVersion"
    ours = _minor(inputs.get(path))
    for cluster in around.behind(resource, "clusterName", CLUSTER):
        its = _minor(Inputs(cluster.inputs).get("version"))
        if ours is None or its is None:
            continue
        if not its - _SKEW <= ours <= its:
            yield Fault(path=path, what=f"1.{ours}, and the control plane has 1.{its}; 1.{its - _SKEW} to 1.{its} go")


def _minor(version: Any) -> int | None:  # noqa: ANN401  # any wire value
    found = _MINOR.match(str(version))
    return int(found[1]) if found else None
