"""What AWS returns for the parts of infra/database."""

from typing import Any, Final, cast

from infra.catalog import rds
from infra.catalog.errors import UnknownNameError
from slipway.rehearsal.answers.request import Answer, Request, Table


def _instance(request: Request) -> Answer:
    ids, inputs = request.ids, request.inputs
    name = request.named("identifier")
    id_ = f"db-{ids.letters('db', request.name, 26).upper()}"
    host = f"{name}.{ids.letters('rds', request.name, 12)}.{ids.region}.rds.{ids.dns_suffix}"
    engine = cast("rds.Engine", request.text("engine"))
    port = inputs.get("port") or rds.PORTS.get(engine, 0)
    outputs: dict[str, Any] = {
        "address": host,
        "arn": ids.arn("rds", f"db:{name}"),
        "availabilityZone": f"{ids.region}a",
        "backupTarget": "region",
        "endpoint": f"{host}:{port}",
        "engineVersionActual": _actual(engine, request.text("engineVersion")),
        "hostedZoneId": f"Z{ids.hex('rds-zone', ids.region, 13).upper()}",
        "identifier": name,
        "iops": 3000,
        "licenseModel": "postgresql-license" if engine == "postgres" else "general-public-license",
        "listenerEndpoints": [],
        "networkType": "IPV4",
        "optionGroupName": f"default:{engine}",
        "port": port,
        "replicas": [],
        "resourceId": id_,
        "status": "available",
        "storageThroughput": 125,
        **request.tags,
    }
    if inputs.get("manageMasterUserPassword") is True:
        secret = f"rds!db-{ids.uuid('rds-secret', request.name)}-{ids.letters('secret', request.name, 6)}"
        outputs["masterUserSecrets"] = [
            {
                "kmsKeyId": request.text("masterUserSecretKmsKeyId"),
                "secretArn": ids.arn("secretsmanager", f"secret:{secret}"),
                "secretStatus": "active",
            }
        ]
    # What the provider calls `id` is the resource id, which a new name does not change.
    return Answer(id=id_, outputs=outputs)


def _actual(engine: rds.Engine, asked: str) -> str:
    """The minor version that RDS installs where a major one is asked for: the newest that the catalogue knows."""
    try:
        found = rds.engine_version(engine, asked)
    except UnknownNameError:
        return asked
    return list(found.minors)[-1] if asked == found.major else asked


def _subnet_group(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("rds", f"subgrp:{name}"),
        "name": name,
        "supportedNetworkTypes": ["IPV4"],
        "vpcId": request.ids.id("vpc", request.name),
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _parameter_group(request: Request) -> Answer:
    name = request.named()
    outputs = {"arn": request.ids.arn("rds", f"pg:{name}"), "name": name, "skipDestroy": False, **request.tags}
    return Answer(id=name, outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:rds/instance:Instance": _instance,
    "aws:rds/subnetGroup:SubnetGroup": _subnet_group,
    "aws:rds/parameterGroup:ParameterGroup": _parameter_group,
}
