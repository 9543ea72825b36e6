"""Data is not open to the internet, and secrets are not written where anybody reads them."""

import base64
import binascii
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.bill.types import BUCKET, DATABASE
from slipway.plan.model import Resource
from slipway.wire import SECRET, SIGNATURE, UNKNOWN

BUCKET_ACL: Final = "aws:s3/bucketAcl:BucketAcl"
ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
CLUSTER_INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"
_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@rule(
    id="data-public-access",
    severity="critical",
    title="Every bucket blocks public access, in all four ways.",
    why="One policy or ACL by mistake, and models and datasets are read by strangers, on your bill for transfer.",
    fix="keep the bucket's BucketPublicAccessBlock with all four true, as the program makes it for each of "
    "storage.buckets",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    key="storage",
    types=(BUCKET, BUCKET_ACL),
    scope="stack",
)
def public_access(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """S3 user guide, "Blocking public access to your Amazon S3 storage".

    AWS blocks new buckets by itself, until somebody takes that away; what the stack says, `up` holds.
    """
    acl = inputs.get("acl")
    if isinstance(acl, str) and acl not in ("private", "log-delivery-write", "bucket-owner-full-control"):
        yield Fault(path="acl", what=f"{acl}; it must be private")
    if resource.type == BUCKET_ACL:
        return
    blocks = around.leading_to(ACCESS_BLOCK, "bucket", resource)
    if not blocks:
        yield Fault(what="nothing of the stack blocks public access to it")
    for block in blocks:
        said = Inputs(block.inputs)
        open_ = [name for name in _BLOCKS if said.get(name, False) is not True]
        if open_:
            yield Fault(what=f"{', '.join(open_)} of {block.name} must be true")


_PUBLIC: Final[Mapping[str, bool]] = {
    "aws:dms/replicationInstance:ReplicationInstance": False,
    "aws:mq/broker:Broker": False,
    DATABASE: False,
    CLUSTER_INSTANCE: False,
    "aws:redshift/cluster:Cluster": False,
}
"""Types with `publiclyAccessible`, and its default."""
_SUBNETS: Final[Mapping[str, str]] = {
    DATABASE: "dbSubnetGroupName",
    "aws:rds/cluster:Cluster": "dbSubnetGroupName",
    "aws:docdb/cluster:Cluster": "dbSubnetGroupName",
    "aws:elasticache/replicationGroup:ReplicationGroup": "subnetGroupName",
    "aws:opensearch/domain:Domain": "vpcOptions",
    "aws:redshift/cluster:Cluster": "clusterSubnetGroupName",
}
"""Types that stand in the account's default VPC, or outside of any, unless told where."""


@rule(
    id="data-rds-private",
    severity="critical",
    title="Databases have no public address, and stand in subnets that are named.",
    why="A database on the internet is tried with every leaked password; the default VPC's subnets are public.",
    fix="leave publiclyAccessible false and the subnet group as databases makes them; who connects is said by their "
    "security group",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html",
    key="databases",
    types=tuple({**_PUBLIC, **_SUBNETS}),
)
def rds_private(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """RDS user guide, "Working with a DB instance in a VPC"."""
    if resource.type in _PUBLIC and inputs.get("publiclyAccessible", _PUBLIC[resource.type]) is not False:
        yield Fault(path="publiclyAccessible", what="true; it must be false")
    path = _SUBNETS.get(resource.type)
    copied = any(inputs.has(each) for each in ("replicateSourceDb", "replicationSourceIdentifier"))
    if path and not copied and not inputs.at(path).value:
        yield Fault(path=path, what="none; it would stand in the default VPC, whose subnets are public")


_SECRET_TYPES: Final = frozenset(
    {
        "aws:rds/cluster:Cluster",
        DATABASE,
        "aws:secretsmanager/secretVersion:SecretVersion",
        "kubernetes:core/v1:Secret",
    }
)
"""Places made for secrets: Pulumi encrypts them in its state. The engine hands them over without their mark."""
_TOKENS: Final[Mapping[str, str]] = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "an AWS access key": r"(?<![A-Z0-9])(?:AKIA|ASIA)(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}(?![A-Z0-9])",
    "a token of GitHub": r"(?<!\w)(?:gh[pousr]_\w{36,}|github_pat_\w{60,})",
    "a token of GitLab": r"(?<!\w)glpat-[\w-]{20,}",
    "a token of Hugging Face": r"(?<!\w)hf_[A-Za-z0-9]{30,}",
    "a token of Slack": r"(?<!\w)xox[abeprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+",
    "a key of Google": r"(?<!\w)AIza[\w-]{35}",
    "a key of an AI service": r"(?<![\w-])(?:sk-(?:(?:ant|proj|svcacct|or)-[\w-]{20,}|\w{20,})|nvapi-[\w-]{40,})",
    "a token of a package registry": r"(?<!\w)(?:npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|dckr_pat_[\w-]{20,})",
    "a signed token (JWT)": r"(?<![\w.])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a password in an address": r"(?<!\w)[a-z][a-z0-9+]*://[^\s/:@$<{(]*:[^\s/:@$<{(*]+@(?!example\.)[\w.-]",
    "a login of a registry": r'"auth":\s*"[A-Za-z0-9+/]{12,}={0,2}"',
    "a bearer's token": r"(?<!\w)Bearer (?=\S*\d)[\w.~+/-]{20,}",
}
_MARKS: Final = re.compile(
    r"PRIVATE KEY|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|hf_|xox[abeprs]-|hooks\.slack|AIza|sk-|nvapi-|npm_|pypi-AgE"
    r"|dckr_pat_|eyJ|://[^/\s]*@|\"auth\"|Bearer "
)
"""What each of them holds, quick to look for."""
_PATTERNS: Final = tuple((name, re.compile(pattern)) for name, pattern in _TOKENS.items())
_NAMES: Final = (
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "secretaccesskey",
    "privatekey",
    "clientsecret",
    "cookiesecret",
    "encryptionkey",
)
"""How the name of a secret ends, letters alone."""
_VAGUE: Final = ("credentials", "pass", "pwd", "secret")
"""How the name of a secret may end, and of much else: charts call the names of Secrets so. Then the value decides."""
_OBJECT: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?")
"""The name of an object, as people write it."""
_REFERENCE: Final = re.compile(
    r"\$[({_]|\{\{|^(?:arn|vault|ref\+|ssm|file):|^/[\w./-]+$|^<.*>$|^(?:true|false|none|null|\d{0,7})$", re.I
)
"""Values that point at a secret, or are none: variables, templates, ARNs, files, places to fill in, small numbers."""
_PARTS: Final = (
    "api key",
    "access key",
    "secret key",
    "private key",
    "client secret",
    "cookie secret",
    "encryption key",
)
_WORDS: Final = (
    *("password", "passwd", "passphrase", "token"),
    *(each.replace(" ", between) for each in _PARTS for between in ("", "_", "-")),
)
_CALLED: Final = rf"(?:{'|'.join(_WORDS)})"
_FLAG: Final = re.compile(rf"--?[\w-]*{_CALLED}", re.I)
_SAID: Final = re.compile(
    rf"({_CALLED})\\?[\"']?\s*[:=]\s*\\?[\"']?((?=\S*\d)(?=\S*[a-z])[^\s\"'`\\,;:<>(){{}}\[\]$|&]{{8,}})"
    r"(?=$|[\s\"'\\,;}}])",
    re.I | re.M,
)
"""A setting inside a text (a script, a file, a command's arguments) whose value has letters and digits: so no name of
another thing."""
_LOOK: Final = re.compile(rf"{_SAID.pattern}|^--?[\w-]*{_CALLED}$", re.I | re.M)
_FREE: Final = frozenset(
    {"containerDefinitions", "content", "data", "insecureValue", "userData", "userDataBase64", "value"}
)
"""Top-level properties with texts in which people write what they like."""
_SETTINGS: Final = frozenset({"environment", "values"})
"""Those with settings, each under its name."""
_ENCODED: Final = frozenset({"binaryData", "contentBase64", "userData", "userDataBase64"})
_NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:lambda/function:Function": ("environment",),
    "kubernetes:core/v1:ConfigMap": ("data",),
    "kubernetes:helm.sh/v3:Release": ("values",),
}
"""Properties whose keys are names of settings."""
_DESCRIBED: Final[Mapping[str, str]] = {
    "aws:batch/jobDefinition:JobDefinition": "containerProperties",
    "aws:ecs/taskDefinition:TaskDefinition": "containerDefinitions",
}
"""Where containers stand in a JSON text."""


@rule(
    id="data-plain-secrets",
    severity="critical",
    title="No secret stands in plain text among the inputs.",
    why="It can be read in the state, in the cluster, in the console and in the plan of every pull request; it must be "
    "changed everywhere.",
    fix="keep it in Secrets Manager and name it (addons: external-secrets, registry.mirrorSecrets), or wrap it as a "
    "Pulumi secret in a place that is made for secrets",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/best-practices.html",
    key="addons",
    types=(),
)
def plain_secrets(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """The forms are those that the makers of the tokens publish (GitHub, GitLab, Slack, Hugging Face, AWS).

    What is unknown comes out of another resource, so it was not written down; only where people write what they like
    it is told that it cannot be seen. No message holds the value.
    """
    if resource.type in _SECRET_TYPES or resource.type.startswith("pulumi:") or not isinstance(inputs.value, Mapping):
        return
    named = _NAMED.get(resource.type, ())
    described = _DESCRIBED.get(resource.type)
    if not (named or described or _ENCODED & inputs.value.keys() or _worth_a_look(inputs.value)):
        return
    unknown: str | None = None
    for key, value in inputs.value.items():
        for path, name, text in _texts(value, str(key), str(key) if key in named else "", within=key in named):
            if text == UNKNOWN:
                if unknown is None and (key in _FREE or (key in _SETTINGS and (path == key or _is_secret(name)))):
                    unknown = path
                continue
            what = _seen(text, encoded=key in _ENCODED) or _literal(name, text)
            if what:
                yield Fault(path=path, what=f"{what} in plain text")
    if described:
        yield from _described(inputs, described)
    if unknown is not None:
        raise UnknownUntilUpError(unknown)


def _worth_a_look(inputs: Mapping[str, Any]) -> bool:
    """Whether anything may be a secret, or is unknown: most resources are done with here."""
    texts: list[str] = []
    waiting: list[Any] = [inputs]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Mapping):
            if isinstance(value.get("value"), str) and _is_secret(value.get("name"), (*_NAMES, *_VAGUE)):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    joined = "\n".join(texts)
    if UNKNOWN in joined or _MARKS.search(joined):
        return True
    lower = joined.lower()
    return any(word in lower for word in _WORDS) and _LOOK.search(joined) is not None


def _texts(value: Any, path: str, name: str, *, within: bool) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """Every text: its path, the name of the setting that it is the value of, and itself; not what is marked secret."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return
        variable = value.get("name") if isinstance(value.get("value"), str) else None
        if value.get("type") in ("PARAMETER_STORE", "SECRETS_MANAGER"):
            variable = None  # CodeBuild: the value is a secret's name
        for key, item in value.items():
            known = variable if key == "value" and isinstance(variable, str) else str(key) if within else ""
            yield from _texts(item, f"{path}.{key}", known, within=within)
    elif isinstance(value, list | tuple):
        yield from _listed(value, path, within=within)


def _listed(values: Sequence[Any], path: str, *, within: bool) -> Iterator[tuple[str, str, str]]:
    flag = ""
    for index, item in enumerate(values):
        known = flag if isinstance(item, str) and not item.startswith("-") else ""
        yield from _texts(item, f"{path}.{index}", known, within=within)
        flag = item.lstrip("-") if isinstance(item, str) and _FLAG.fullmatch(item) else ""


def _seen(text: str, *, encoded: bool) -> str | None:
    """What a text holds that looks like a secret."""
    if encoded:
        text = _decoded(text)
    if len(text) < 12:  # noqa: PLR2004  # shorter than any of them
        return None
    if _MARKS.search(text):
        for name, pattern in _PATTERNS:
            if pattern.search(text):
                return name
    return next((found[1].lower() for found in _SAID.finditer(text) if not _REFERENCE.search(found[2])), None)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text


def _literal(name: str, text: str) -> str | None:
    """The setting, where its name says that its value is a secret, and the value points nowhere else."""
    if not name or not text or _REFERENCE.search(text):
        return None
    return name if _is_secret(name) or (_is_secret(name, _VAGUE) and _made_up(text)) else None


def _made_up(text: str) -> bool:
    """Whether a value looks like no name and no word."""
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text)) and not _OBJECT.fullmatch(text)


def _is_secret(name: object, endings: tuple[str, ...] = _NAMES) -> bool:
    return isinstance(name, str) and _letters(name).endswith(endings)


@functools.lru_cache(maxsize=4096)
def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _described(inputs: Inputs, property_: str) -> Iterator[Fault]:
    """ECS and Batch take the environment of containers inside a JSON text."""
    containers = inputs.json(property_)
    for path, name, text in _texts(containers, property_, "", within=False):
        if _literal(name, text):
            yield Fault(path=path, what=f"{name} in plain text")
