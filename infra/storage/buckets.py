"""S3 buckets by role: encrypted, versioned, private, TLS only."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.handle import Bucket
from infra.storage.ready import once
from infra.storage.settings import BucketRole, BucketSettings

_PREFIX_LIMIT = naming.LIMITS["s3-bucket"] - 26
"""The longest `bucketPrefix`: S3's 63 characters less the 26 that the provider adds."""
LOAD_BALANCER_LOGS = "load-balancers"
"""The prefix that load balancers write their access logs under."""
_LOGS: BucketRole = "logs"
_ABORT_UPLOADS_DAYS = 7


def buckets(
    name: str,
    settings: Mapping[BucketRole, BucketSettings],
    *,
    platform: str,
    account_id: pulumi.Output[str],
    key_arn: pulumi.Output[str],
    load_balancers: bool,
    disposable: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> dict[str, Bucket]:
    """Create the buckets. Where there is a `logs` bucket the others write their access logs to it.

    Its name is given out once its policy is there: what writes to it is refused before that. `load_balancers` lets
    load balancers of the account write there too. With a bucket that stays when the stack goes stays all that makes it
    private, encrypted and versioned: the provider would undo each of these.
    """
    names: dict[str, pulumi.Output[str]] = {}
    keep = {role: not (disposable or each.disposable) for role, each in settings.items()}
    made = {
        role: _bucket(
            f"{name}-{role}",
            role,
            settings[role],
            platform=platform,
            key_arn=key_arn,
            keep=keep[role],
            tags=tags,
            opts=opts,
        )
        for role in sorted(settings)
    }
    for role, (bucket, block) in made.items():
        statements = [_tls_only(bucket)]
        if role == _LOGS:
            sources = [other.arn for other_role, (other, _) in made.items() if other_role != _LOGS]
            if sources:
                statements.append(_log_delivery(bucket, sources, account_id))
            if load_balancers:
                statements.append(_load_balancer_logs(bucket, account_id))
        policy = aws.s3.BucketPolicy(
            f"{name}-{role}",
            bucket=bucket.id,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            # S3 refuses the two at the same time.
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(retain_on_delete=keep[role], depends_on=[block])
            ),
        )
        names[role] = bucket.bucket
        if role == _LOGS:
            names[role] = once([policy], bucket.bucket)
            _write_logs(name, made, policy, keep, opts)
    return {
        role: Bucket(role=role, name=names[role], arn=bucket.arn, key_arn=None if role == _LOGS else key_arn)
        for role, (bucket, _) in made.items()
    }


def _bucket(
    name: str,
    role: str,
    settings: BucketSettings,
    *,
    platform: str,
    key_arn: pulumi.Output[str],
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.s3.Bucket, aws.s3.BucketPublicAccessBlock]:
    bucket = aws.s3.Bucket(
        name,
        bucket_prefix=f"{naming.safe_name(platform, role, limit=_PREFIX_LIMIT - 1)}-",
        force_destroy=not keep,
        tags=naming.tags(tags, f"{platform}-{role}"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
    )
    guard = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=keep))
    block = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=guard,
    )
    aws.s3.BucketOwnershipControls(
        name,
        bucket=bucket.id,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=guard,
    )
    aws.s3.BucketVersioning(
        name,
        bucket=bucket.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=guard,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        name, bucket=bucket.id, rules=[_encryption(role, key_arn)], opts=guard
    )
    aws.s3.BucketLifecycleConfiguration(name, bucket=bucket.id, rules=_lifecycle(settings), opts=guard)
    return bucket, block


def _encryption(role: str, key_arn: pulumi.Output[str]) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
    # Server access logs and load balancer logs are delivered to buckets with S3's own keys only.
    own_key = role != _LOGS
    return aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms" if own_key else "AES256", kms_master_key_id=key_arn if own_key else None
        ),
        bucket_key_enabled=own_key,
    )


def _lifecycle(settings: BucketSettings) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    return [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="slipway",
            status="Enabled",
            filter=everything,
            abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=_ABORT_UPLOADS_DAYS
            ),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=settings.noncurrent_days
            ),
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=settings.expire_days)
            if settings.expire_days
            else None,
            transitions=[
                aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(
                    days=settings.infrequent_access_days, storage_class="STANDARD_IA"
                )
            ]
            if settings.infrequent_access_days
            else None,
        )
    ]


def _tls_only(bucket: aws.s3.Bucket) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _log_delivery(
    bucket: aws.s3.Bucket, sources: list[pulumi.Output[str]], account_id: pulumi.Output[str]
) -> dict[str, Any]:
    """Source: S3 user guide, "Enabling Amazon S3 server access logging", permissions by bucket policy."""
    return {
        "Sid": "ServerAccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(bucket.arn, "/s3/*"),
        "Condition": {"ArnLike": {"aws:SourceArn": sources}, "StringEquals": {"aws:SourceAccount": account_id}},
    }


def _load_balancer_logs(bucket: aws.s3.Bucket, account_id: pulumi.Output[str]) -> dict[str, Any]:
    """Source: ALB user guide, "Enable access logs for your Application Load Balancer".

    The account in the path keeps load balancers of other accounts out, as that page says. It gives no conditions, and
    with `aws:SourceArn` people have seen the delivery refused.
    """
    return {
        "Sid": "LoadBalancerLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(bucket.arn, f"/{LOAD_BALANCER_LOGS}/AWSLogs/", account_id, "/*"),
    }


def _write_logs(
    name: str,
    made: Mapping[BucketRole, tuple[aws.s3.Bucket, aws.s3.BucketPublicAccessBlock]],
    policy: aws.s3.BucketPolicy,
    keep: Mapping[BucketRole, bool],
    opts: pulumi.ResourceOptions,
) -> None:
    target = made[_LOGS][0]
    for role, (bucket, _) in made.items():
        if role != _LOGS:
            aws.s3.BucketLogging(
                f"{name}-{role}",
                bucket=bucket.id,
                target_bucket=target.id,
                target_prefix=f"s3/{role}/",
                opts=pulumi.ResourceOptions.merge(
                    opts,
                    pulumi.ResourceOptions(retain_on_delete=keep[role] and keep[_LOGS], depends_on=[policy]),
                ),
            )
