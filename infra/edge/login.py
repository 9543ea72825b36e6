"""Login: a Cognito user pool with its groups, its pages and the load balancer as its client."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.edge.rules import ADMINS, reserved
from infra.edge.settings import EdgeSettings, LoginSettings
from infra.handle import Login

_PREFIX_LIMIT: Final = 63
"""CreateUserPoolDomain, Domain."""
_SCOPES: Final = ("openid", "email", "profile")
_SESSION_COOKIE: Final = "AWSELBAuthSessionCookie"
_PASSWORD_LENGTH: Final = 14
_PASSWORD_HISTORY: Final = 5
_INVITATION_DAYS: Final = 3
_TOKEN_MINUTES: Final = 60
_CLASSIC_PAGES: Final = 1
"""`managedLoginVersion` 2 shows an error in place of a page until somebody gives it a branding style."""


def prefix_of(domain: str) -> str:
    """The prefix of the login pages for a domain: readable, and unlikely to be anybody else's.

    All user pools of a region, whosever they are, share one name space. A domain belongs to one owner; a few characters
    of its hash keep `a-b.example` and `a.b.example` apart, and stand alone where a word of the domain is reserved.
    """
    digest = hashlib.sha256(domain.encode()).hexdigest()[:8]
    readable = domain.replace(".", "-")
    if reserved(readable):
        return f"login-{digest}"
    return naming.safe_name(readable, digest, limit=_PREFIX_LIMIT)


def login(
    name: str,
    edge: EdgeSettings,
    settings: LoginSettings,
    *,
    tenants: Sequence[str],
    platform: str,
    region: str,
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> Login:
    """Create the user pool and what belongs to it.

    Args:
        name: Logical name.
        edge: Which hosts people come back to.
        settings: Without problems.
        tenants: Each is a group.
        platform: For names.
        region: For the login pages' URL.
        keep: Protect the accounts, and keep them when the stack goes.
        tags: The platform's.
        opts: Parent.
    """
    pool = _pool(name, settings, platform=platform, keep=keep, tags=tags, opts=opts)
    pages = aws.cognito.UserPoolDomain(
        name,
        user_pool_id=pool.id,
        domain=settings.prefix or prefix_of(edge.domain),
        managed_login_version=_CLASSIC_PAGES,
        opts=opts,
    )
    client = _client(name, edge, settings, pool, opts)
    groups = (*settings.groups, *tenants)
    for group, who in ((ADMINS, "Administrators of the platform"), *((each, "Tenant") for each in groups)):
        aws.cognito.UserGroup(f"{name}-{group}", user_pool_id=pool.id, name=group, description=who, opts=opts)
    return Login(
        user_pool_id=pool.id,
        user_pool_arn=pool.arn,
        client_id=client.id,
        domain=pages.domain,
        url=pulumi.Output.format("https://{0}.auth.{1}.amazoncognito.com", pages.domain, region),
        issuer=pulumi.Output.concat("https://", pool.endpoint),
        scope=" ".join(_SCOPES),
        session_cookie=_SESSION_COOKIE,
        session_seconds=settings.session_hours * 3600,
        admin_group=ADMINS,
        groups=(ADMINS, *groups),
    )


def _pool(
    name: str,
    settings: LoginSettings,
    *,
    platform: str,
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.cognito.UserPool:
    protection = settings.threat_protection
    return aws.cognito.UserPool(
        name,
        # Threat protection is of the Plus plan alone, password history of Essentials and Plus.
        user_pool_tier="ESSENTIALS" if protection == "off" else "PLUS",
        # Said also where it is off: Cognito takes the plan away from no pool that still has the mode.
        user_pool_add_ons=aws.cognito.UserPoolUserPoolAddOnsArgs(advanced_security_mode=protection.upper()),
        username_attributes=["email"],
        username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
        auto_verified_attributes=["email"],
        # Entries know people by their address: nobody becomes somebody else by typing another one.
        user_attribute_update_settings=aws.cognito.UserPoolUserAttributeUpdateSettingsArgs(
            attributes_require_verification_before_updates=["email"]
        ),
        mfa_configuration="ON" if settings.mfa == "required" else "OPTIONAL",
        software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
        password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
            minimum_length=_PASSWORD_LENGTH,
            require_lowercase=True,
            require_uppercase=True,
            require_numbers=True,
            require_symbols=True,
            password_history_size=_PASSWORD_HISTORY,
            temporary_password_validity_days=_INVITATION_DAYS,
        ),
        admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(
            allow_admin_create_user_only=not settings.self_sign_up
        ),
        account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
            recovery_mechanisms=[
                aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
            ]
        ),
        deletion_protection="ACTIVE" if keep else "INACTIVE",
        tags=naming.tags(tags, f"{platform}-login"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
    )


def _client(
    name: str, edge: EdgeSettings, settings: LoginSettings, pool: aws.cognito.UserPool, opts: pulumi.ResourceOptions
) -> aws.cognito.UserPoolClient:
    return aws.cognito.UserPoolClient(
        name,
        user_pool_id=pool.id,
        # The load balancer asks Cognito for the secret by itself; nobody else needs it.
        generate_secret=True,
        allowed_oauth_flows_user_pool_client=True,
        allowed_oauth_flows=["code"],
        # Without `aws.cognito.signin.user.admin`: nobody changes attributes with an entry's token.
        allowed_oauth_scopes=list(_SCOPES),
        supported_identity_providers=["COGNITO"],
        # Where an ALB takes the code; Cognito knows no wildcards (ALB user guide, "Authenticate users").
        callback_urls=[f"https://{host}/oauth2/idpresponse" for host in edge.hosts],
        logout_urls=[f"https://{host}/" for host in edge.hosts],
        explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
        prevent_user_existence_errors="ENABLED",
        enable_token_revocation=True,
        # The load balancer renews the session's tokens until the session ends.
        access_token_validity=_TOKEN_MINUTES,
        id_token_validity=_TOKEN_MINUTES,
        refresh_token_validity=settings.session_hours,
        token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
            access_token="minutes",  # noqa: S106  # a unit
            id_token="minutes",  # noqa: S106  # a unit
            refresh_token="hours",  # noqa: S106  # a unit
        ),
        opts=opts,
    )
