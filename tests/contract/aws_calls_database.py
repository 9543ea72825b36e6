"""The requests that create what infra/database declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Final

from tests.contract.aws_call import Call, autoname

_NAMED: Final = {"DBInstanceIdentifier": lambda resource: resource.inputs["identifier"]}

CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:rds/instance:Instance": (
        Call(
            api="rds.CreateDBInstance",
            names={
                "backupWindow": "PreferredBackupWindow",
                "caCertIdentifier": "CACertificateIdentifier",
                "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
                "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
                "identifier": "DBInstanceIdentifier",
                "instanceClass": "DBInstanceClass",
                "maintenanceWindow": "PreferredMaintenanceWindow",
                "parameterGroupName": "DBParameterGroupName",
                "performanceInsightsEnabled": "EnablePerformanceInsights",
                "username": "MasterUsername",
            },
        ),
        Call(
            api="rds.ModifyDBInstance",
            only=("allowMajorVersionUpgrade", "applyImmediately"),
            given=_NAMED,
        ),
        Call(
            api="rds.DeleteDBInstance",
            only=("deleteAutomatedBackups", "finalSnapshotIdentifier", "skipFinalSnapshot"),
            names={"finalSnapshotIdentifier": "FinalDBSnapshotIdentifier"},
            given=_NAMED,
        ),
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        Call(
            api="rds.CreateDBParameterGroup",
            names={"family": "DBParameterGroupFamily"},
            given={"DBParameterGroupName": autoname},
        ),
        Call(
            api="rds.ModifyDBParameterGroup",
            only=("parameters",),
            names={"parameters.name": "ParameterName", "parameters.value": "ParameterValue"},
            given={"DBParameterGroupName": autoname},
        ),
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        Call(
            api="rds.CreateDBSubnetGroup",
            names={"description": "DBSubnetGroupDescription"},
            given={"DBSubnetGroupName": autoname},
        ),
    ),
}
NO_CALL: Final[Mapping[str, str]] = {}
NOT_SENT: Final[Mapping[str, str]] = {}
