"""What AWS, EKS and Kubernetes would return, per resource type: one table for plans, tests and engine plugins."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.rehearsal.answers import (
    analytics,
    database,
    ec2,
    edge,
    eks,
    iam,
    invokes,
    karpenter,
    kubernetes,
    observability,
    operations,
    registry,
    storage,
    workstation,
)
from slipway.rehearsal.answers.ids import Ids
from slipway.rehearsal.answers.request import Answer, Request, Rule
from slipway.wire import completed, plain

__all__ = ["RESOURCES", "Answer", "Ids", "UnansweredError", "answer", "invoke"]

RESOURCES: Final[Mapping[str, Rule]] = {
    **ec2.RESOURCES,
    **eks.RESOURCES,
    **iam.RESOURCES,
    **storage.RESOURCES,
    **operations.RESOURCES,
    **edge.RESOURCES,
    **database.RESOURCES,
    **registry.RESOURCES,
    **observability.RESOURCES,
    **analytics.RESOURCES,
    **workstation.RESOURCES,
    **karpenter.RESOURCES,
    **kubernetes.RESOURCES,
}
_FILES: Final = {
    "aws:ec2": "ec2.py",
    "aws:vpc": "ec2.py",
    "aws:eks": "eks.py",
    "aws:iam": "iam.py",
    "aws:kms": "iam.py",
    "aws:fsx": "storage.py",
    "aws:efs": "storage.py",
    "aws:s3": "storage.py",
}


class UnansweredError(LookupError):
    """The table has no entry for a resource type or a data source."""


def answer(type_: str, name: str, inputs: Mapping[str, Any], ids: Ids) -> Answer:
    """What AWS returns once the resource is made.

    Args:
        type_: Pulumi type token, such as `aws:ec2/vpc:Vpc`.
        name: Logical name; the id is made from it, from `ids.scope` and `ids.region`.
        inputs: In the wire's spelling; secrets may be wrapped (they stay so in the outputs), unknowns marked.
        ids: The source of ids, at the region of the resource's provider.

    Returns:
        The id, and the whole state: the inputs and what AWS adds to them.

    Raises:
        UnansweredError: There is no entry for `type_`.
    """
    if type_.startswith("pulumi:providers:"):
        return Answer(id=ids.uuid(type_, name), outputs=dict(inputs))
    rule = RESOURCES.get(type_)
    if rule is None and type_.startswith(kubernetes.PREFIX):
        rule = kubernetes.object_
    if rule is None:
        raise UnansweredError(f"no simulated answer for {type_}: add it to slipway/rehearsal/answers/{_file(type_)}")
    computed = rule(Request(type=type_, name=name, inputs=plain(inputs), ids=ids))
    return Answer(id=computed.id, outputs=completed(inputs, computed.outputs))


def invoke(token: str, args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    """What a data source returns.

    Raises:
        UnansweredError: There is no entry for `token`.
    """
    found = invokes.INVOKES.get(token)
    if found is None:
        raise UnansweredError(f"no simulated answer for {token}: add it to slipway/rehearsal/answers/invokes.py")
    return found(args, ids)


def _file(type_: str) -> str:
    return _FILES.get(type_.partition("/")[0], "operations.py, or a file of its own for the service")
