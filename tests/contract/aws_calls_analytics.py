"""The requests that create what infra/analytics declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Final

from tests.contract.aws_call import Call, autoname

CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:athena/workgroup:Workgroup": (
        Call(
            api="athena.CreateWorkGroup",
            names={"configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn": "KmsKey"},
            given={"Name": autoname},
        ),
        Call(
            api="athena.DeleteWorkGroup",
            only=("forceDestroy",),
            names={"forceDestroy": "RecursiveDeleteOption"},
            given={"WorkGroup": autoname},
        ),
    ),
    "aws:emrcontainers/virtualCluster:VirtualCluster": (
        Call(api="emr-containers.CreateVirtualCluster", given={"name": autoname, "clientToken": autoname}),
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": (
        Call(api="glue.CreateDatabase", inner="DatabaseInput", names={"tags": "Tags"}),
    ),
}
NO_CALL: Final[Mapping[str, str]] = {}
NOT_SENT: Final[Mapping[str, str]] = {}
