"""Names: the hosted zone, the certificate and its proof, the records of the load balancer."""

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.edge.settings import NEW, EdgeSettings

_PROOF_TTL: Final = 300
_VALIDATION: Final = "75m"
"""How long `up` waits for ACM: 9 minutes have been seen (`acm-validation` of the latencies), and the parent of a new
zone may have to be told of it first."""


def hosted_zone(
    name: str,
    settings: EdgeSettings,
    *,
    platform: str,
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[pulumi.Output[str] | None, pulumi.Output[Sequence[str]] | None]:
    """The zone that holds the domain, made where the settings say so.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names.
        keep: Protect it, and keep it when the stack goes: a zone that is made again has other name servers.
        tags: The platform's.
        opts: Parent.

    Returns:
        Its id, None where DNS is kept elsewhere; and the name servers of a new one.
    """
    if settings.zone != NEW:
        return (pulumi.Output.from_input(settings.zone) if settings.zone else None), None
    zone = aws.route53.Zone(
        name,
        name=settings.domain,
        comment=f"Web entries of {platform}",
        # Route 53 deletes no zone with records in it, and controllers in the cluster may have added some.
        force_destroy=not keep,
        tags=naming.tags(tags, f"{platform}-edge"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
    )
    return zone.zone_id, zone.name_servers


def certificate(
    name: str,
    domain: str,
    *,
    zone_id: pulumi.Input[str],
    platform: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """A certificate for the domain and every host right below it.

    ACM renews it for as long as its record of proof is there.

    Returns:
        The ARN, known once the certificate is issued.
    """
    made = aws.acm.Certificate(
        name,
        domain_name=domain,
        subject_alternative_names=[f"*.{domain}"],
        validation_method="DNS",
        tags=naming.tags(tags, f"{platform}-edge"),
        opts=opts,
    )
    # The domain and its wildcard are proved by one and the same record (ACM user guide, "DNS validation").
    proof = made.domain_validation_options.apply(lambda options: options[0])
    record = aws.route53.Record(
        f"{name}-proof",
        zone_id=zone_id,
        name=proof.apply(lambda option: str(option.resource_record_name)),
        type="CNAME",
        records=[proof.apply(lambda option: str(option.resource_record_value))],
        ttl=_PROOF_TTL,
        # Another certificate of this account for this domain has the same record.
        allow_overwrite=True,
        opts=opts,
    )
    return aws.acm.CertificateValidation(
        name,
        certificate_arn=made.arn,
        validation_record_fqdns=[record.fqdn],
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=_VALIDATION))
        ),
    ).certificate_arn


def aliases(
    name: str,
    domain: str,
    *,
    zone_id: pulumi.Input[str],
    load_balancer: aws.lb.LoadBalancer,
    opts: pulumi.ResourceOptions,
) -> None:
    """The domain and every host right below it lead to the load balancer."""
    for role, host in (("apex", domain), ("wildcard", f"*.{domain}")):
        aws.route53.Record(
            f"{name}-{role}",
            zone_id=zone_id,
            name=host,
            type="A",
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=load_balancer.dns_name,
                    zone_id=load_balancer.zone_id,
                    # There is nowhere else to send people to.
                    evaluate_target_health=False,
                )
            ],
            opts=opts,
        )
