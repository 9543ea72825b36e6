"""What IAM and KMS return: global names and ARNs without a region."""

from typing import Final

from slipway.rehearsal.answers.eks import CREATED
from slipway.rehearsal.answers.request import Answer, Request, Table


def _role(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    path = request.text("path", "/")
    outputs = {
        "arn": ids.arn("iam", f"role{path}{name}", regional=False),
        "name": name,
        "path": path,
        "createDate": CREATED,
        "uniqueId": f"AROA{ids.letters('role', request.name, 17).upper()}",
        "maxSessionDuration": 3600,
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _policy(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    arn = ids.arn("iam", f"policy{request.text('path', '/')}{name}", regional=False)
    outputs = {
        "arn": arn,
        "name": name,
        "path": "/",
        "attachmentCount": 0,
        "policyId": f"ANPA{ids.letters('policy', request.name, 17).upper()}",
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _role_policy(request: Request) -> Answer:
    name = request.named()
    return Answer(id=f"{request.text('role')}:{name}", outputs={"name": name})


def _attachment(request: Request) -> Answer:
    return Answer(id=f"{request.text('role')}/{request.text('policyArn')}")


def _oidc(request: Request) -> Answer:
    host = request.text("url", request.name).removeprefix("https://")
    arn = request.ids.arn("iam", f"oidc-provider/{host}", regional=False)
    # IAM fills the thumbprint in by itself where the issuer's authority is in its trust store.
    thumbprint = request.ids.hex("thumbprint", request.name, 40)
    return Answer(id=arn, outputs={"arn": arn, "thumbprintLists": [thumbprint], **request.tags})


def _key(request: Request) -> Answer:
    id_ = request.ids.uuid("kms", request.name)
    outputs = {
        "arn": request.ids.arn("kms", f"key/{id_}"),
        "keyId": id_,
        "keyUsage": "ENCRYPT_DECRYPT",
        "isEnabled": True,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "multiRegion": False,
        "rotationPeriodInDays": 365,
        **request.tags,
    }
    if "policy" not in request.inputs:
        root = request.ids.arn("iam", "root", regional=False)
        outputs["policy"] = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"'
            f'{root}"}},"Action":"kms:*","Resource":"*"}}]}}'
        )
    return Answer(id=id_, outputs=outputs)


def _alias(request: Request) -> Answer:
    name = request.text("name") or f"alias/{request.ids.name(request.name)}"
    target = request.text("targetKeyId")
    outputs = {
        "arn": request.ids.arn("kms", name),
        "name": name,
        "targetKeyArn": target if target.startswith("arn:") else request.ids.arn("kms", f"key/{target}"),
    }
    return Answer(id=name, outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:iam/role:Role": _role,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc,
    "aws:kms/key:Key": _key,
    "aws:kms/alias:Alias": _alias,
}
