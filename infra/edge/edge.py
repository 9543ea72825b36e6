"""The edge component: hosted zone, certificate, load balancer, login."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra import handle, naming
from infra.catalog.zones import is_local
from infra.edge.dns import aliases, certificate, hosted_zone
from infra.edge.load_balancer import listeners, load_balancer, security_group
from infra.edge.login import login
from infra.edge.settings import EdgeSettings


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """What it needs to know of the rest of the stack. `tenants`: their names, each a group of the login."""

    settings: EdgeSettings
    tenants: Sequence[str]
    platform: str
    region: str
    vpc_id: pulumi.Input[str]
    public_subnets: Mapping[str, pulumi.Output[str]]
    private_subnets: Mapping[str, pulumi.Output[str]]
    routes: Sequence[pulumi.Resource]
    logs: handle.Bucket | None
    disposable: bool
    tags: Mapping[str, str]


class Edge(pulumi.ComponentResource):
    """Hosted zone, certificate with its proof, load balancer with its security group and listeners, user pool, records.

    Attributes:
        handle: What add-ons may know of it.
        outputs: What the stack exports of it.

    The zone, the accounts and the load balancer are protected unless the stack is disposable; zone and accounts stay
    when the stack goes. Changing `domain` replaces certificate and zone; changing `login.prefix` replaces the login
    pages; changing `loadBalancer.internal` replaces the load balancer.
    """

    handle: handle.Edge
    outputs: Mapping[str, pulumi.Input[Any]]

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Edge"), name, None, opts)
        settings, keep = args.settings, not args.disposable
        child = pulumi.ResourceOptions(parent=self)
        common: dict[str, Any] = {"platform": args.platform, "tags": args.tags, "opts": child}
        zone_id, name_servers = hosted_zone(name, settings, keep=keep, **common)
        if settings.certificate_arn is not None:
            certificate_arn = pulumi.Output.from_input(settings.certificate_arn)
        else:
            assert zone_id is not None, "rules.problems asks for a zone"  # noqa: S101  # narrows the type
            certificate_arn = certificate(name, settings.domain, zone_id=zone_id, **common)
        accounts = (
            login(
                f"{name}-login",
                settings,
                settings.login,
                tenants=args.tenants,
                region=args.region,
                keep=keep,
                **common,
            )
            if settings.login
            else None
        )
        group = security_group(
            name,
            settings.load_balancer.clients,
            vpc_id=args.vpc_id,
            to_cognito=accounts is not None,
            **common,
        )
        subnets = args.private_subnets if settings.load_balancer.internal else args.public_subnets
        balancer = load_balancer(
            name,
            settings.load_balancer,
            subnets=[subnet for zone, subnet in subnets.items() if not is_local(zone)],
            group=group.id,
            logs=args.logs,
            keep=keep,
            ready=args.routes,
            **common,
        )
        listener = listeners(name, balancer, certificate_arn=certificate_arn, login=accounts, **common)
        if zone_id is not None:
            aliases(name, settings.domain, zone_id=zone_id, load_balancer=balancer, opts=child)
        self.handle = handle.Edge(
            domain=settings.domain,
            entries=settings.entries,
            zone_id=zone_id,
            certificate_arn=certificate_arn,
            load_balancer_arn=balancer.arn,
            load_balancer_dns_name=balancer.dns_name,
            load_balancer_zone_id=balancer.zone_id,
            listener_arn=listener.arn,
            security_group_id=group.id,
            login=accounts,
        )
        self.outputs = {
            "hosts": list(settings.hosts),
            "loadBalancer": balancer.dns_name,
            **({"nameServers": name_servers} if name_servers is not None else {}),
            **({"login": {"url": accounts.url, "userPoolId": accounts.user_pool_id}} if accounts else {}),
        }
        self.register_outputs(dict(self.outputs))
