"""Data is encrypted on its way: stores, databases and load balancers take nothing in plain text."""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Final

from policies.around import Around
from policies.documents import Statement, statements
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import BUCKET, DATABASE, EFS, QUEUE, TOPIC
from slipway.plan.model import Resource

BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
VOLUME: Final = "kubernetes:core/v1:PersistentVolume"
DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
PARAMETERS: Final = "aws:rds/parameterGroup:ParameterGroup"
CLUSTER_PARAMETERS: Final = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
_ON: Final = (True, "true")
_PLAIN: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    BUCKET: (BUCKET_POLICY, "bucket", ("s3:getobject", "s3:putobject")),
    EFS: ("aws:efs/fileSystemPolicy:FileSystemPolicy", "fileSystemId", ("elasticfilesystem:clientmount",)),
    QUEUE: ("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", ("sqs:sendmessage", "sqs:receivemessage")),
    TOPIC: ("aws:sns/topicPolicy:TopicPolicy", "arn", ("sns:publish",)),
}
"""What takes requests without TLS unless its policy denies them: the policy's type, the input that names the store, and
the actions that count."""


@rule(
    id="data-encrypted-in-transit",
    severity="high",
    title="Stores refuse whoever comes without TLS.",
    why="One client with an old driver then sends data, or its password, in plain text over the network.",
    fix="keep the policies that the program makes (storage, observability), and requireTls on (databases)",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    key="storage",
    types=(
        *_PLAIN,
        DATABASE,
        DATABASE_CLUSTER,
        PARAMETERS,
        CLUSTER_PARAMETERS,
        VOLUME,
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:opensearch/domain:Domain",
    ),
    scope="stack",
)
def in_transit(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """S3 user guide, "Security best practices"; EFS, SNS and SQS guides likewise.

    RDS user guide, "Requiring an SSL connection to a PostgreSQL DB instance" and "Requiring SSL/TLS for all connections
    to a MySQL DB instance": the default of both parameters depends on engine and version, so they must be said.
    """
    if resource.type in _PLAIN:
        yield from _takes_plain(inputs, resource, around)
    elif resource.type in {DATABASE, DATABASE_CLUSTER}:
        yield from _default_parameters(resource, around)
    elif resource.type in {PARAMETERS, CLUSTER_PARAMETERS}:
        yield from _optional_tls(inputs)
    else:
        for path, right in _TLS.get(resource.type, {}).items():
            if inputs.get(path, right[0] if resource.type == VOLUME else None) not in right:
                yield Fault(path=path, what=f"not on; it must be {str(right[0]).lower()}")


_TLS: Final[Mapping[str, Mapping[str, tuple[object, ...]]]] = {
    # The driver mounts with TLS unless told not to.
    VOLUME: {"spec.csi.volumeAttributes.encryptInTransit": ("true", "1", True)},
    "aws:elasticache/replicationGroup:ReplicationGroup": {"transitEncryptionEnabled": _ON},
    "aws:opensearch/domain:Domain": {
        "domainEndpointOptions.enforceHttps": _ON,
        "nodeToNodeEncryption.enabled": _ON,
    },
}


def _takes_plain(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    type_, property_, actions = _PLAIN[resource.type]
    policies = [Inputs(each.inputs) for each in around.leading_to(type_, property_, resource)]
    documents = [inputs, *policies]
    said = [each for document in documents for each in statements(document, "policy")]
    open_ = [action for action in actions if not any(_denies(each, action) for each in said)]
    if open_:
        yield Fault(what=f"{', '.join(open_)} without TLS: no policy denies it (aws:SecureTransport false)")


_WITHOUT_TLS: Final = tuple(((each, "aws:securetransport", ("false",)),) for each in ("bool", "boolifexists"))


def _denies(statement: Statement, action: str) -> bool:
    """Whether a statement denies an action to everybody who comes without TLS; for S3, on the bucket's objects."""
    objects = not action.startswith("s3:") or any(each.endswith("*") for each in statement.resources)
    return (
        not statement.allows
        and not statement.excluding
        and objects
        and ("AWS", "*") in statement.principals
        and statement.conditions in _WITHOUT_TLS
        and any(fnmatch.fnmatchcase(action, each.lower()) for each in statement.actions)
    )


def _default_parameters(resource: Resource, around: Around) -> Iterator[Fault]:
    property_ = "parameterGroupName" if resource.type == DATABASE else "dbClusterParameterGroupName"
    if not around.behind(resource, property_, PARAMETERS, CLUSTER_PARAMETERS):
        yield Fault(path=property_, what="no parameter group of the stack; AWS's own does not say that TLS is a must")


def _optional_tls(inputs: Inputs) -> Iterator[Fault]:
    family = str(inputs.get("family", ""))
    name = "require_secure_transport" if family.startswith(("mysql", "mariadb", "aurora-mysql")) else "rds.force_ssl"
    if not family.startswith(("mysql", "mariadb", "aurora", "postgres", "sqlserver")):
        return
    said = [each for each in inputs.each("parameters") if each.get("name") == name]
    for each in said:
        if str(each.get("value")).lower() not in {"1", "on"}:
            yield Fault(path=f"{each.path}.value", what=f"{name} is {each.get('value')}; it must be 1")
    if not said:
        yield Fault(path="parameters", what=f"{name} is not there; it must be 1")


_CURRENT: Final = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]-[\w-]+|TLS-1-2-(2017-01|Ext-2018-06)|FS-1-2-[\w-]+)")


@rule(
    id="data-tls-listeners",
    severity="high",
    title="Load balancers speak TLS 1.2 or newer, and send plain HTTP there.",
    why="The default policy of the API still speaks TLS 1.0, and a listener on port 80 that answers takes passwords as "
    "plain text.",
    fix="leave the listeners as edge makes them: a redirect on 80, and on 443 a policy such as "
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html",
    key="edge",
    types=LISTENERS,
)
def tls_listeners(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """Application Load Balancers user guide, "Security policies for your Application Load Balancer"."""
    protocol = inputs.get("protocol", "HTTP")
    if protocol in ("HTTPS", "TLS"):
        policy = inputs.get("sslPolicy", "ELBSecurityPolicy-2016-08")
        if not _CURRENT.fullmatch(str(policy)):
            yield Fault(path="sslPolicy", what=f"{policy}, which speaks TLS 1.0 or 1.1; take one of 1.2 and 1.3")
    elif protocol == "HTTP":
        for each in inputs.each("defaultActions"):
            if each.get("type") != "redirect" or each.get("redirect.protocol") != "HTTPS":
                yield Fault(path=each.path, what="answers over plain HTTP; it must redirect to HTTPS")
