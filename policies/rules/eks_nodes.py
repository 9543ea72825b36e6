"""Nodes and other machines: metadata service, repair, volumes, and keys that never change."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Resource
from slipway.wire import SECRET, SIGNATURE

KEY_PAIR: Final = "aws:ec2/keyPair:KeyPair"
WORKLOADS: Final = (
    "aws:codebuild/project:Project",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:lambda/function:Function",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:batch/v1:CronJob",
    "kubernetes:batch/v1:Job",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:Pod",
    "kubernetes:core/v1:Secret",
    "kubernetes:helm.sh/v3:Release",
)
"""What hands environment variables, values or files to programs."""

_GUIDE: Final = "https://docs.aws.amazon.com/eks/latest"
_HOPS: Final = 2
_TRUE: Final = (True, "true")
_KEY_NAMES: Final = frozenset({"aws_access_key_id", "aws_secret_access_key"})
_ASSIGNED: Final = re.compile(r"aws_(?:access_key_id|secret_access_key)\s*[=:]", re.IGNORECASE)
_STATED: Final = "a static AWS key"
_ENCODED: Final = ("data.", "binaryData.")
"""Where Kubernetes' secrets and ConfigMaps hold base64."""


@rule(
    id="eks-imds",
    severity="high",
    title="Instance metadata asks for a token, and answers no further than two hops away.",
    why="Version 1 answers any request that a program can be talked into, and with it gives away the node's role.",
    fix="keep httpTokens required; set nodeGroups[].metadataHopLimit to 1, or to 2 where pods need the metadata",
    source=f"{_GUIDE}/best-practices/identity-and-access-management.html",
    key="nodeGroups",
    types=(LAUNCH_TEMPLATE, INSTANCE, NODE_CLASS),
)
def imds(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """EKS best practices guide, "Restrict access to the instance profile assigned to the worker node".

    Two hops is what a container needs, as some drivers do; EKS's own default for managed nodes. Karpenter's own
    defaults are a token and one hop.
    """
    karpenter = resource.type == NODE_CLASS
    options = inputs.at("spec.metadataOptions" if karpenter else "metadataOptions")
    if options.get("httpEndpoint", "enabled") == "disabled":
        return
    tokens = options.get("httpTokens", "required" if karpenter else "optional")
    if tokens != "required":
        yield Fault(path=f"{options.path}.httpTokens", what=f"{tokens}; it must be required")
    hops = options.get("httpPutResponseHopLimit", 1)
    if hops not in range(1, _HOPS + 1):
        yield Fault(path=f"{options.path}.httpPutResponseHopLimit", what=f"{hops}; at most {_HOPS}")


@rule(
    id="eks-node-repair",
    severity="high",
    title="EKS replaces nodes that break.",
    why="A node with a dead GPU stays, is billed by the hour, and fails every job that lands on it.",
    fix="take nodeGroups[].repair.enabled out of the stack file (its default is true)",
    source=f"{_GUIDE}/userguide/node-repair.html",
    key="nodeGroups",
    types=(NODE_GROUP,),
)
def node_repair(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """EKS user guide, "Automatically repair nodes in EKS clusters": off by default for managed node groups."""
    path = "nodeRepairConfig.enabled"
    if inputs.get(path, default=False) is not True:
        yield Fault(path=path, what="off; it must be true")


@rule(
    id="eks-node-volumes-encrypted",
    severity="high",
    title="Every volume of a node is encrypted.",
    why="Images, logs and what pods write to their disks lie there; a snapshot of it is all that a thief needs.",
    fix="keep encrypted in every block device of the launch template, as infra/node_groups/launch_template.py has it",
    source="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html",
    key="nodeGroups",
    types=(LAUNCH_TEMPLATE, NODE_GROUP, NODE_CLASS),
)
def node_volumes_encrypted(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """EC2 encrypts a volume that is not stated to be only where the account does so by default.

    A node class without volumes has Karpenter's own, which are encrypted (Karpenter, NodeClasses,
    "spec.blockDeviceMappings"). Single instances are for data-encrypted.
    """
    if resource.type == NODE_GROUP:
        if not inputs.has("launchTemplate"):
            yield Fault(
                path="launchTemplate", what="none; EKS makes volumes that are encrypted by account default only"
            )
        return
    where = "spec.blockDeviceMappings" if resource.type == NODE_CLASS else "blockDeviceMappings"
    mappings = list(inputs.each(where))
    if not mappings and resource.type == LAUNCH_TEMPLATE:
        yield Fault(path=where, what="none; the image's own volumes are encrypted by account default only")
    # What is no EBS volume is a disk of the instance itself, which its hardware encrypts.
    for disk in (each.at("ebs") for each in mappings if each.has("ebs")):
        if disk.get("encrypted", default=False) not in _TRUE:
            yield Fault(path=f"{disk.path}.encrypted", what="not set; it must be true")


@rule(
    id="eks-static-keys",
    severity="critical",
    title="No machine and no program is given a key that never changes.",
    why="It works for whoever finds it, from anywhere, until somebody notices; roles give keys that end within hours.",
    fix="give the program a service account with a role (addons.identity), and reach nodes by SSM Session Manager",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
    key="addons",
    types=(KEY_PAIR, LAUNCH_TEMPLATE, INSTANCE, NODE_CLASS, NODE_GROUP, *WORKLOADS),
)
def static_keys(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """IAM user guide, "Security best practices": temporary credentials with roles.

    Looked for: SSH key pairs; AWS's own names of key variables, wherever their values come from; user data and files
    that set them. A key that lies there in plain text is for data-plain-secrets, an access key that the plan makes for
    iam-users. A single value that is unknown is no name; user data that is unknown may hold anything.
    """
    if resource.type == KEY_PAIR:
        yield Fault(what="an SSH key pair")
        return
    for path in ("keyName", "remoteAccess.ec2SshKey"):
        if inputs.has(path):
            yield Fault(path=path, what="an SSH key pair")
    if resource.type in WORKLOADS:
        yield from (Fault(path=path, what=_STATED) for path in _keys(inputs.value, ""))
        return
    for path in ("userData", "userDataBase64", "spec.userData"):
        if not inputs.at(path).secret and _in_text(_decoded(inputs.get(path, ""))):
            yield Fault(path=path, what=_STATED)


def _keys(value: Any, path: str) -> Iterator[str]:  # noqa: ANN401  # any wire value
    """The paths of what is named as a key is, or sets one."""
    if isinstance(value, str):
        if _in_text(value) or (path.startswith(_ENCODED) and _in_text(_decoded(value))):
            yield path
    elif isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return
        if _named(value.get("name")):
            yield path
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            if _named(key):
                yield here
            else:
                yield from _keys(item, here)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _keys(item, f"{path}.{index}" if path else str(index))


def _named(name: Any) -> bool:  # noqa: ANN401  # any wire value
    return isinstance(name, str) and name.lower() in _KEY_NAMES


def _in_text(text: str) -> bool:
    return bool(_ASSIGNED.search(text))


def _decoded(text: Any) -> str:  # noqa: ANN401  # any wire value
    """As text what launch templates and Kubernetes' secrets hold in base64."""
    try:
        return base64.b64decode(str(text), validate=True).decode(errors="replace")
    except ValueError:  # not base64, or not even ASCII
        return str(text)
