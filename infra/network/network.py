"""The network component: a VPC whose plan leaves room, or an existing one by ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.zones import is_local
from infra.identity import account_trust
from infra.network.cidr import plan
from infra.network.endpoints import required
from infra.network.settings import NetworkSettings, Transit
from infra.network.transit import transit

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network needs to know of the rest of the stack."""

    settings: NetworkSettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Input[str]
    lustre: bool
    efs: bool
    key_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    permissions_boundary: str | None = None
    services: Sequence[str] = ()
    """AWS services that other parts of the stack are for; a private network gets their endpoints."""
    transit: Transit | None = None
    """The way to networks outside of AWS."""


class Network(pulumi.ComponentResource):
    """VPC, per-zone public and private subnets, NAT, the S3 gateway endpoint, interface endpoints, flow logs.

    With `settings.existing` it creates nothing and hands on the ids.

    Attributes:
        vpc_id: The VPC.
        private_subnets: Zone id to subnet id; nodes and file systems live here.
        nat_gateways: Zone id to NAT gateway id. Empty in a private cluster and in an existing VPC.
        public_subnets: Zone id to subnet id; internet-facing load balancers live here. Empty in a private cluster.
        ready: What must exist before a node can reach AWS, and as long as there are nodes: routes, NAT, endpoints and
            the rule that opens them.

    Changing `cidr`, `private_prefix` or the order of `zones` replaces subnets and all in them.
    """

    vpc_id: pulumi.Output[str]
    private_subnets: Mapping[str, pulumi.Output[str]]
    public_subnets: Mapping[str, pulumi.Output[str]]
    nat_gateways: Mapping[str, pulumi.Output[str]]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the network."""
        super().__init__(naming.type_token("infra", "Network"), name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        existing = args.settings.existing
        if existing:
            self.vpc_id = pulumi.Output.from_input(existing.vpc_id)
            self.private_subnets = _outputs(existing.private_subnets)
            self.public_subnets = _outputs(existing.public_subnets)
            self.nat_gateways = {}
            self.ready = ()
        else:
            self._create()
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "privateSubnets": dict(self.private_subnets),
                "publicSubnets": dict(self.public_subnets),
            }
        )

    def _tags(self, name: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return naming.tags(self._args.tags, f"{self._args.platform}-{name}", more)

    def _create(self) -> None:
        settings = self._args.settings
        vpc = aws.ec2.Vpc(
            self._name,
            cidr_block=settings.cidr,
            enable_dns_hostnames=True,  # interface endpoints with private DNS, and EFS mount names
            enable_dns_support=True,
            tags=self._tags("vpc"),
            opts=self._child,
        )
        self.vpc_id = vpc.id
        # The default group would let anything attached to it talk to itself; nothing of ours uses it.
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default",
            vpc_id=vpc.id,
            tags=self._tags("default-unused"),
            opts=self._child,
        )
        private, public = self._subnets()
        self.private_subnets = {zone: subnet.id for zone, subnet in private.items()}
        self.public_subnets = {zone: subnet.id for zone, subnet in public.items()}
        public_routes = self._public_routes(public)
        gateways = self._nat(public, public_routes)
        self.nat_gateways = {zone: gateway.id for zone, gateway in gateways.items()}
        tables, private_routes = self._private_routes(private, gateways)
        endpoints = self._endpoints(list(tables.values()))
        if settings.flow_logs.enabled:
            self._flow_logs()
        self.ready = (*private_routes, *self._transit(tables), *endpoints)

    def _subnets(self) -> tuple[dict[str, aws.ec2.Subnet], dict[str, aws.ec2.Subnet]]:
        settings = self._args.settings
        zones = plan(
            settings.cidr,
            zones=len(settings.zones),
            private_prefix=settings.private_prefix,
            public_prefix=settings.public_prefix if settings.internet else None,
        )
        private, public = {}, {}
        for zone, cidrs in zip(settings.zones, zones, strict=True):
            private[zone] = self._subnet("private", zone, cidrs.private, "internal-elb")
            if cidrs.public is not None and not is_local(zone):
                public[zone] = self._subnet("public", zone, cidrs.public, "elb")
        return private, public

    def _subnet(self, role: str, zone: str, cidr: str, load_balancers: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            f"{self._name}-{role}-{zone}",
            vpc_id=self.vpc_id,
            availability_zone_id=zone,
            cidr_block=cidr,
            # Nodes are never in public subnets, and a load balancer brings its own addresses.
            map_public_ip_on_launch=False,
            tags=self._tags(f"{role}-{zone}", {f"kubernetes.io/role/{load_balancers}": "1"}),
            opts=self._child,
        )

    def _public_routes(self, public: Mapping[str, aws.ec2.Subnet]) -> list[pulumi.Resource]:
        if not public:
            return []
        gateway = aws.ec2.InternetGateway(self._name, vpc_id=self.vpc_id, tags=self._tags("internet"), opts=self._child)
        table = aws.ec2.RouteTable(
            f"{self._name}-public", vpc_id=self.vpc_id, tags=self._tags("public"), opts=self._child
        )
        route = aws.ec2.Route(
            f"{self._name}-public",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self._child,
        )
        associations = [
            aws.ec2.RouteTableAssociation(
                f"{self._name}-public-{zone}",
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self._child,
            )
            for zone, subnet in public.items()
        ]
        return [route, *associations]

    def _nat(
        self, public: Mapping[str, aws.ec2.Subnet], routes: list[pulumi.Resource]
    ) -> dict[str, aws.ec2.NatGateway]:
        zones = list(public)[:1] if self._args.settings.nat == "single" else list(public)
        gateways = {}
        for zone in zones:
            address = aws.ec2.Eip(
                f"{self._name}-nat-{zone}",
                domain="vpc",
                tags=self._tags(f"nat-{zone}"),
                opts=self._child,
            )
            gateways[zone] = aws.ec2.NatGateway(
                f"{self._name}-nat-{zone}",
                allocation_id=address.id,
                subnet_id=public[zone].id,
                tags=self._tags(f"nat-{zone}"),
                # A NAT gateway without the internet route, and its subnet's part in it, is there and reaches nothing:
                # at creation, and at the end, while controllers still clean up what they made.
                opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=routes)),
            )
        return gateways

    def _private_routes(
        self,
        private: Mapping[str, aws.ec2.Subnet],
        gateways: Mapping[str, aws.ec2.NatGateway],
    ) -> tuple[dict[str, aws.ec2.RouteTable], list[pulumi.Resource]]:
        # One table per zone also where there is one NAT: going to one per zone later changes routes, not tables.
        tables: dict[str, aws.ec2.RouteTable] = {}
        routes: list[pulumi.Resource] = []
        shared = next(iter(gateways.values()), None)
        for zone, subnet in private.items():
            table = aws.ec2.RouteTable(
                f"{self._name}-private-{zone}",
                vpc_id=self.vpc_id,
                tags=self._tags(f"private-{zone}"),
                opts=self._child,
            )
            tables[zone] = table
            routes.append(
                aws.ec2.RouteTableAssociation(
                    f"{self._name}-private-{zone}",
                    route_table_id=table.id,
                    subnet_id=subnet.id,
                    opts=self._child,
                )
            )
            gateway = gateways.get(zone, shared)
            if gateway is not None:
                routes.append(
                    aws.ec2.Route(
                        f"{self._name}-private-{zone}",
                        route_table_id=table.id,
                        destination_cidr_block=ANYWHERE,
                        nat_gateway_id=gateway.id,
                        opts=self._child,
                    )
                )
        return tables, routes

    def _transit(self, tables: Mapping[str, aws.ec2.RouteTable]) -> list[pulumi.Resource]:
        if self._args.transit is None:
            return []
        return transit(
            self._name,
            self._args.transit,
            vpc_id=self.vpc_id,
            # A Local Zone has no attachment of its own; its packets pass through another zone's.
            subnets=[subnet for zone, subnet in self.private_subnets.items() if not is_local(zone)],
            tables=tables,
            tags=self._tags,
            opts=self._child,
        )

    def _endpoints(self, tables: list[aws.ec2.RouteTable]) -> list[pulumi.Resource]:
        settings, region = self._args.settings, self._args.region
        endpoints: list[pulumi.Resource] = [
            aws.ec2.VpcEndpoint(
                f"{self._name}-s3",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables],
                tags=self._tags("s3"),
                opts=self._child,
            )
        ]
        args = self._args
        needed = required(internet=settings.internet, lustre=args.lustre, efs=args.efs, services=args.services)
        names = sorted({*needed, *settings.endpoints})
        if not names:
            return endpoints
        group = aws.ec2.SecurityGroup(
            f"{self._name}-endpoints",
            vpc_id=self.vpc_id,
            description="Interface endpoints: HTTPS from inside the VPC",
            tags=self._tags("endpoints"),
            opts=self._child,
        )
        rule = aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=settings.cidr,
            tags=self._tags("endpoints-https"),
            opts=self._child,
        )
        interfaces = [
            aws.ec2.VpcEndpoint(
                f"{self._name}-{name.replace('.', '-')}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{region}.{name}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet for zone, subnet in self.private_subnets.items() if not is_local(zone)],
                security_group_ids=[group.id],
                tags=self._tags(name.replace(".", "-")),
                opts=self._child,
            )
            for name in names
        ]
        return [*endpoints, rule, *interfaces]

    def _flow_logs(self) -> None:
        settings = self._args.settings.flow_logs
        ours = pulumi.Output.concat(
            f"arn:{self._args.partition}:ec2:{self._args.region}:", self._args.account_id, ":vpc-flow-log/*"
        )
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-flow-logs",
            name=f"/slipway/{self._args.platform}/vpc-flow-logs",
            retention_in_days=settings.retention_days,
            kms_key_id=self._args.key_arn,
            tags=self._tags("flow-logs"),
            opts=self._child,
        )
        role = aws.iam.Role(
            f"{self._name}-flow-logs",
            description="VPC flow logs write to their log group",
            # VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs".
            assume_role_policy=account_trust(
                "vpc-flow-logs.amazonaws.com",
                account_id=self._args.account_id,
                conditions={"ArnLike": {"aws:SourceArn": ours}},
            ),
            permissions_boundary=self._args.permissions_boundary,
            tags=self._tags("flow-logs"),
            opts=self._child,
        )
        policy = aws.iam.RolePolicy(
            f"{self._name}-flow-logs",
            role=role.name,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": [
                                "logs:CreateLogStream",
                                "logs:DescribeLogStreams",
                                "logs:PutLogEvents",
                            ],
                            "Resource": [group.arn, pulumi.Output.concat(group.arn, ":*")],
                        },
                        # The service looks for the group among all of them.
                        {"Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": "*"},
                    ],
                }
            ),
            opts=self._child,
        )
        aws.ec2.FlowLog(
            f"{self._name}-flow-logs",
            vpc_id=self.vpc_id,
            traffic_type=settings.traffic,
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tags("flow-logs"),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[policy])),
        )


def _outputs(ids: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
    return {zone: pulumi.Output.from_input(value) for zone, value in ids.items()}
