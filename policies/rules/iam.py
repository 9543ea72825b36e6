"""What identities may do: the policies of roles, their bounds, and that there are no users."""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from policies.around import Around
from policies.documents import Statement, statements
from policies.model import Fault, rule
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.model import Resource

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    ROLE_POLICY: ("policy",),
    "aws:iam/policy:Policy": ("policy",),
    "aws:iam/groupPolicy:GroupPolicy": ("policy",),
    "aws:iam/userPolicy:UserPolicy": ("policy",),
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": ("inlinePolicy",),
    ROLE: ("inlinePolicies.*.policy",),
}
"""Where documents stand that say what an identity may do. `*`: each item."""
IDENTITIES: Final = tuple(IDENTITY)

_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide"


def _own(inputs: Inputs, type_: str) -> Iterator[Statement]:
    """The Allow statements of all documents of an identity; what is unknown is told after what is known."""
    unknown: UnknownUntilUpError | None = None
    for path in IDENTITY.get(type_, ()):
        holder, each, rest = path.partition(".*.")
        places = inputs.each(holder) if each else iter((inputs,))
        for place in places:
            try:
                yield from (found for found in statements(place, rest or path) if found.allows)
            except UnknownUntilUpError as error:
                unknown = error
    if unknown:
        raise unknown


_ALL_OF_A_KIND: Final = re.compile(r"arn:[^:]*:(?!(s3|execute-api):[^:]*:[^:]*:\w)([^:]*:){3}([\w-]+[/:])?[*?/:]*[*?]")
"""An ARN that names nothing in its last part: `*`, `secret:*`, `table/*`. Those of S3 and API Gateway begin with a name
there, not with a kind (Service Authorization Reference)."""


def _everything(statement: Statement) -> str | None:
    """The resource of a statement that stands for all there are; None where it names some.

    `arn:aws:s3:::*` is every bucket, and `arn:aws:iam::*:role/*` every role, as `*` is everything.
    """
    if "resource" in statement.excluding:
        return "everything but " + ", ".join(statement.resources)
    found = [
        each
        for each in statement.resources
        if not each.strip("*?:/") or each == "arn:*" or _ALL_OF_A_KIND.fullmatch(each)
    ]
    return min(found, key=_is_kind, default=None)


def _is_kind(place: str) -> bool:
    """Whether it is all of one kind, such as `secret:*`, rather than all of a service, or of everything."""
    return place.startswith("arn:") and place.split(":", 5)[-1].strip("*?/:") != ""


def _reads_names(action: str) -> bool:
    """Whether every action that the pattern stands for lists or describes: such actions take no resource."""
    return action.partition(":")[2].lower().startswith(("describe", "list"))


@rule(
    id="iam-wildcards",
    severity="critical",
    title="No policy allows a wildcard of actions on every resource.",
    why="Whoever takes over one pod or one build can then read, change or delete all of the account.",
    fix="name the actions, or the resources, or add a condition on tags; identities of add-ons (addons) and of tenants "
    "(tenants) get narrow policies of their own",
    source=f"{_GUIDE}/best-practices.html",
    key="addons",
    types=IDENTITIES,
)
def wildcards(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """IAM user guide, "Security best practices in IAM": least privilege.

    `Describe*` and `List*` pass: AWS's own policies give them on `*`, and most of these actions take no resource.
    """
    for statement in _own(inputs, resource.type):
        place = _everything(statement)
        if place is None or statement.narrowed():
            continue
        if "action" in statement.excluding:
            but = ", ".join(statement.actions)
            yield Fault(path=statement.path, what=f"all actions but {but} on {place}; name the actions")
            continue
        wide = [each for each in statement.actions if ("*" in each or "?" in each) and not _reads_names(each)]
        if wide:
            yield Fault(path=statement.path, what=f"{', '.join(wide)} on {place}; name actions or resources")


_READS_DATA: Final = (
    "athena:getqueryresults*",
    "codecommit:get*",
    "dynamodb:getitem",
    "dynamodb:getrecords",
    "ecr:getdownloadurlforlayer",
    "kinesis:getrecords",
    "lambda:getfunction*",
    "logs:getlogevents",
    "s3:getobject*",
    "secretsmanager:getsecretvalue",
    "ssm:getparameter*",
)
"""Actions that are called Get and give out what is stored."""
_WITHOUT_RESOURCE: Final = frozenset(
    {
        "cloudwatch:putmetricdata",
        "ec2messages:acknowledgemessage",
        "ec2messages:deletemessage",
        "ec2messages:failmessage",
        "ec2messages:sendreply",
        "ssmmessages:createcontrolchannel",
        "ssmmessages:createdatachannel",
        "ssmmessages:opencontrolchannel",
        "ssmmessages:opendatachannel",
        "xray:puttelemetryrecords",
        "xray:puttracesegments",
    }
)
"""Actions that write and take no resource (Service Authorization Reference)."""


_OF_A_KIND: Final = (
    "dynamodb:getitem",
    "kms:decrypt",
    "s3:getobject*",
    "secretsmanager:getsecretvalue",
    "ssm:getparameter*",
    "sts:assumerole",
)
"""Actions that must name more than a kind (`secret:*`). Of others AWS's own policies name no more: of RunInstances
`image/*`, of RegisterTargets `targetgroup/*/*`."""


def _any_of(action: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), each) for each in patterns)


def _changes(action: str) -> bool:
    """Whether one named action changes something, or gives out data, and takes a resource."""
    lower = action.lower()
    if lower in _WITHOUT_RESOURCE:
        return False
    if _any_of(action, _READS_DATA):
        return True
    return not lower.partition(":")[2].startswith(("describe", "list", "get", "search", "lookup"))


@rule(
    id="iam-any-resource",
    severity="high",
    title="Actions that change or give out data name their resources.",
    why="A role that may delete one bucket may then delete every bucket of the account, those of others among them.",
    fix="name the resources by ARN, or add a condition on tags; the stack's own policies stand in addons and tenants",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html",
    key="addons",
    types=IDENTITIES,
)
def any_resource(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """IAM user guide, "Security best practices in IAM"; what takes no resource: Service Authorization Reference."""
    for statement in _own(inputs, resource.type):
        place = _everything(statement)
        if place is None or "action" in statement.excluding or statement.narrowed():
            continue
        named = [each for each in statement.actions if "*" not in each and "?" not in each and _changes(each)]
        if _is_kind(place):
            named = [each for each in named if _any_of(each, _OF_A_KIND)]
        if named:
            yield Fault(path=statement.path, what=f"{', '.join(named)} on {place}; name the resources")


@rule(
    id="iam-pass-role",
    severity="critical",
    title="iam:PassRole names the roles, and the service that they may be passed to.",
    why="Who may pass any role to a machine of their own has the rights of the strongest role in the account.",
    fix="give the ARNs of the roles as Resource, and iam:PassedToService as condition; this is a policy of an add-on "
    "(addons) or of a service (analytics)",
    source=f"{_GUIDE}/id_roles_use_passrole.html",
    key="addons",
    types=IDENTITIES,
)
def pass_role(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """IAM user guide, "Grant a user permissions to pass a role to an AWS service".

    What `*` and `iam:*` allow on everything, iam-wildcards tells.
    """
    for statement in _own(inputs, resource.type):
        passing = [each for each in statement.actions if _passes_roles(each.lower())]
        if not passing or "action" in statement.excluding:
            continue
        place = _everything(statement)
        if place is not None and set(passing) <= {"*", "iam:*"}:
            continue
        if place is not None:
            yield Fault(path=statement.path, what=f"iam:PassRole on {place}; name the roles")
            continue
        loose = [each for each in statement.resources if "*" in each or "?" in each]
        if loose:
            yield Fault(
                path=statement.path, what=f"iam:PassRole on {', '.join(loose)}; name the roles without wildcards"
            )
        services = statement.wanted({"stringequals", "stringequalsignorecase", "stringlike"}, "iam:passedtoservice")
        if not services or any(set("*?") & set(each.partition(".")[0]) for each in services):
            yield Fault(path=statement.path, what="iam:PassRole to any service; say which by iam:PassedToService")


def _passes_roles(action: str) -> bool:
    return action.startswith(("*", "iam:")) and fnmatch.fnmatchcase("iam:passrole", action)


@rule(
    id="iam-permissions-boundary",
    severity="high",
    title="Every role has the permissions boundary of the platform.",
    why="Where the account's owners ask for a boundary, one role without it is a role without bounds (or `up` stops, "
    "half done, where a service control policy refuses it).",
    fix="set platform.permissionsBoundary, which every role of the program takes, and pass it to roles of your own",
    source=f"{_GUIDE}/access_policies_boundaries.html",
    key="platform",
    types=(ROLE, "aws:iam/user:User"),
    scope="stack",
)
def permissions_boundary(inputs: Inputs, _: Resource, around: Around) -> Iterator[Fault]:
    """IAM user guide, "Permissions boundaries for IAM entities"."""
    platform = around.environment.platform
    asked = platform.permissions_boundary if platform else None
    found = inputs.get("permissionsBoundary")
    if asked is None and not around.once("iam-permissions-boundary", lambda: _any_bounded(around)):
        return
    if not found:
        yield Fault(path="permissionsBoundary", what=f"none; it must be {asked or 'that of the other roles'}")
    elif asked is not None and found != asked:
        yield Fault(path="permissionsBoundary", what=f"{found}; it must be {asked}")


def _any_bounded(around: Around) -> bool:
    return any(Inputs(each.inputs).has("permissionsBoundary") for each in around.plan.of_type(ROLE))


_USERS: Final[Mapping[str, str]] = {
    "aws:iam/accessKey:AccessKey": "an access key does not expire",
    "aws:iam/groupMembership:GroupMembership": "it gives rights to IAM users",
    "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": "such a password does not expire",
    "aws:iam/signingCertificate:SigningCertificate": "it is a credential of an IAM user",
    "aws:iam/sshKey:SshKey": "it is a credential of an IAM user",
    "aws:iam/user:User": "an IAM user has credentials that do not expire",
    "aws:iam/userGroupMembership:UserGroupMembership": "it gives rights to an IAM user",
    "aws:iam/userLoginProfile:UserLoginProfile": "it is the password of an IAM user",
    "aws:iam/userPolicy:UserPolicy": "it gives rights to an IAM user",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "it gives rights to an IAM user",
}


@rule(
    id="iam-users",
    severity="critical",
    title="There are no IAM users and no credentials of theirs.",
    why="Keys that never expire end up in notebooks, images and repositories, and work from anywhere.",
    fix="give people roles by single sign-on (cluster.access), pods an identity (addons.identity), CI a role by OIDC",
    source=f"{_GUIDE}/best-practices.html",
    key="cluster",
    types=tuple(_USERS),
)
def users(_: Inputs, resource: Resource, __: Around) -> Iterator[Fault]:
    """IAM user guide, "Security best practices in IAM": temporary credentials."""
    reason = _USERS.get(resource.type)
    if reason:
        yield Fault(what=f"{reason}; use a role")


_ATTACHED: Final[Mapping[str, str]] = {
    ATTACHMENT: "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
    ROLE: "managedPolicyArns",
}
_FULL: Final = re.compile(
    r"arn:aws[a-z-]*:iam::aws:policy/(.*/)?(\w*FullAccess\w*|AdministratorAccess[\w-]*|PowerUserAccess"
    r"|SecretsManagerReadWrite|job-function/(DatabaseAdministrator|DataScientist|NetworkAdministrator|SystemAdministrator))"
)


@rule(
    id="iam-full-access",
    severity="critical",
    title="No AWS managed policy of full access is attached.",
    why="AmazonS3FullAccess is every bucket of the account, AdministratorAccess all of it: one leaked token is enough.",
    fix="attach a policy that names actions and resources; the identities of addons and tenants have one each",
    source=f"{_GUIDE}/access_policies_managed-vs-inline.html",
    key="addons",
    types=tuple(_ATTACHED),
)
def full_access(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """IAM user guide, "Managed policies and inline policies": least privilege is not what AWS's wide ones are for."""
    path = _ATTACHED.get(resource.type, "policyArn")
    place = inputs.at(path)
    for each in place.each() if isinstance(place.value, list | tuple) else iter((place,)):
        found = each.get()
        if isinstance(found, str) and _FULL.fullmatch(found):
            yield Fault(path=each.path, what=f"{found.rpartition('/')[2]}; attach a policy that names what is needed")
