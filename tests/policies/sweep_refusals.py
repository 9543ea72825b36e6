"""Who refuses a changed resource before it costs anything: AWS's own request models, or Kubernetes' own schemas."""

import copy
from collections.abc import Mapping
from typing import Any

from slipway.plan.model import Resource
from tests import kubernetes_schemas
from tests.contract.aws_calls import CALLS
from tests.contract.test_aws_inputs import problems

KUBERNETES = "1.35"


def refused(resource: Resource) -> str:
    """`AWS` or `Kubernetes` where its own schema does not take the resource, else nothing.

    AWS: botocore's model of the request that creates it. Kubernetes: the schemas of its own kinds; those of custom
    resources are not at hand everywhere.
    """
    if resource.type in CALLS:
        return "AWS" if _aws(resource) else ""
    if resource.package == "kubernetes" and {"apiVersion", "kind"} & resource.inputs.keys():
        return "Kubernetes" if _kubernetes(resource.inputs) else ""
    return ""


def _aws(resource: Resource) -> bool:
    try:
        return bool(problems(resource))
    except (AttributeError, LookupError, TypeError, ValueError):
        # What is no such request at all cannot even be written as one.
        return True


def _kubernetes(manifest: Mapping[str, Any]) -> bool:
    if not {"apiVersion", "kind"} <= manifest.keys():
        return True
    try:
        kubernetes_schemas.validate(copy.deepcopy(dict(manifest)), KUBERNETES, strict=True)
    except kubernetes_schemas.SchemaNotFoundError:
        return False
    except kubernetes_schemas.ValidationError:
        return True
    return False
