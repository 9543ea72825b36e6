"""The platform's program with faults that no stack file can ask for, for the policy pack to find."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from stacks.program import main

ANYONE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "aws:cloudwatch/logGroup:LogGroup": {"retention_in_days": 0},
    "aws:efs/fileSystem:FileSystem": {"encrypted": False},
    "aws:eks/nodeGroup:NodeGroup": {"capacity_type": "CAPACITY_BLOCK"},
    "aws:iam/role:Role": {"assume_role_policy": ANYONE},
    "aws:iam/rolePolicy:RolePolicy": {"policy": ANYTHING},
    "aws:kms/key:Key": {"enable_key_rotation": False},
    "aws:s3/bucket:Bucket": {"tags": {}},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"block_public_acls": False},
    "aws:s3/bucketVersioning:BucketVersioning": {"versioning_configuration": {"status": "Suspended"}},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"cidr_ipv4": "0.0.0.0/0"},
    "kubernetes:core/v1:Namespace": {"metadata": {"name": "nothing-known"}},
    "kubernetes:helm.sh/v3:Release": {"version": None},
}
"""Type to inputs, in Python's spelling."""


def broken_main() -> None:
    """What runs in place of the program, here and on the engine."""
    pulumi.runtime.register_stack_transformation(_broken)
    main()


def _broken(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    faults = FAULTS.get(args.type_)
    if faults is None:
        return None
    return pulumi.ResourceTransformationResult(props={**args.props, **faults}, opts=args.opts)
