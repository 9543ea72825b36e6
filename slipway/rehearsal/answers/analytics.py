"""What AWS returns for the parts of infra/analytics."""

from typing import Final

from slipway.rehearsal.answers.request import Answer, Request, Table


def _virtual_cluster(request: Request) -> Answer:
    id_ = request.ids.letters("virtual-cluster", request.name, 25)
    outputs = {
        "arn": request.ids.arn("emr-containers", f"/virtualclusters/{id_}"),
        "name": request.named(),
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _workgroup(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("athena", f"workgroup/{name}"),
        "name": name,
        "state": "ENABLED",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _catalog_database(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    catalog = request.text("catalogId", ids.account)
    outputs = {
        "arn": ids.arn("glue", f"database/{name}"),
        "name": name,
        "catalogId": catalog,
        # What Glue gives a database where Lake Formation's defaults were not changed.
        "createTableDefaultPermissions": [
            {"permissions": ["ALL"], "principal": {"dataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}}
        ],
        **request.tags,
    }
    return Answer(id=f"{catalog}:{name}", outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:athena/workgroup:Workgroup": _workgroup,
    "aws:emrcontainers/virtualCluster:VirtualCluster": _virtual_cluster,
    "aws:glue/catalogDatabase:CatalogDatabase": _catalog_database,
}
