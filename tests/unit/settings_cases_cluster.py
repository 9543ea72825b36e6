"""Mistakes in the platform, its network, its control plane and its add-ons."""

import datetime

from tests.unit.settings_stack import EXISTING, ROLE, Table


def platform(table: Table) -> None:
    add = table.add
    add("platform-name-too-long", {"platform.name": "a" * 101}, "platform.name", "has 101 characters", "100 at most")
    add(
        "region-unknown",
        {"platform.region": "us-west-9"},
        "platform.region",
        "unknown region 'us-west-9'",
        "us-west-2",
    )
    add("tag-of-ours", {"platform.tags": {"Owner": "me"}}, "platform.tags.Owner", "set by Slipway", "another key")
    add("tag-of-ours-in-another-case", {"platform.tags": {"owner": "me"}}, "platform.tags.owner", "set by Slipway")
    add(
        "tags-of-one-name", {"platform.tags": {"Team": "a", "team": "b"}}, "platform.tags.team", "Team", "in case alone"
    )
    add("tag-with-a-line-break", {"platform.owner": "a\nb"}, "platform.owner", "does not match", schema=True)
    add(
        "tags-many-on-everything",
        {"platform.tags": {f"tag-{index}": "x" for index in range(31)}},
        "platform.tags",
        "at most 30",
        schema=True,
    )
    add("tag-of-aws", {"platform.tags": {"aws:team": "me"}}, "platform.tags.aws:team", "reserved by AWS")


def network(table: Table) -> None:
    add = table.add
    east = {"platform.region": "us-east-1", "nodeGroups[1].zones": ["use1-az1"]}
    existing = {"network": {"existing": EXISTING}}
    add(
        "existing-vpc-and-a-new-one",
        {**existing, "network.nat": "single"},
        "network.nat",
        "describes a new VPC",
        "network.existing",
    )
    add(
        "public-subnet-without-private",
        {**existing, "network.existing.publicSubnets": {"usw2-az3": "subnet-0fedcba9876543210"}},
        "network.existing.publicSubnets.usw2-az3",
        "no private subnet",
    )
    add("vpc-too-large", {"network.cidr": "10.0.0.0/15"}, "network.cidr", "'10.0.0.0/15'", "/16 to /28")
    add("vpc-too-small-for-one", {"network.cidr": "10.0.0.0/20"}, "network.cidr", "/19", "larger than the VPC")
    add(
        "vpc-too-small-for-all",
        {"network.cidr": "10.0.0.0/18"},
        "network.cidr",
        "2 private subnets of /19 and 2 public ones of /24 need 16,896 addresses and it has 16,384",
        "use a VPC of /17",
    )
    add(
        "subnets-too-large-for-any-vpc",
        {"network.privatePrefix": 17, "network.zones": ["usw2-az1", "usw2-az2", "usw2-az3"]},
        "network.cidr",
        "need 99,072 addresses and it has 65,536; use smaller subnets",
    )
    add(
        "endpoint-unknown",
        {"network.endpoints": ["sagemaker.ap"]},
        "network.endpoints[0]",
        "'sagemaker.ap' is not known",
        "did you mean 'sagemaker.api'?",
        "secretsmanager",
    )
    add(
        "zone-of-another-region",
        {"network.zones": ["usw2-az1", "usw2-az2", "use1-az1"]},
        "network.zones[2]",
        "'use1-az1' is no zone id of us-west-2",
        "use one of: usw2-az1",
    )
    add(
        "existing-zone-of-another-region",
        {**existing, "network.existing.privateSubnets.use1-az1": "subnet-0123456789abcdef3"},
        "network.existing.privateSubnets.use1-az1",
        "'use1-az1' is no zone id of us-west-2",
    )
    add(
        "zone-by-name",
        {"network.zones": ["usw2-az1", "usw2-az2", "us-west-2c"]},
        "network.zones[2]",
        "'us-west-2c' is no zone",
    )
    add("zone-twice", {"network.zones": ["usw2-az1", "usw2-az2", "usw2-az1"]}, "network.zones[2]", "stands here twice")
    add("one-zone", {"network.zones": ["usw2-az1"]}, "network.zones", "1 zone(s)", "at least two", "usw2-az4")
    add(
        "zones-without-control-plane",
        {**east, "network.zones": ["use1-az1", "use1-az3"], "nodeGroups[0].zones": ["use1-az1"]},
        "network",
        "two zones for its control plane",
        "use1-az3",
    )


def cluster(table: Table) -> None:
    add = table.add
    path = "cluster.endpoint.publicCidrs"
    add(
        "service-addresses-public",
        {"cluster.serviceCidr": "100.64.0.0/16"},
        "cluster.serviceCidr",
        "'100.64.0.0/16'",
        "/12 to /24 inside one of 10.0.0.0/8",
    )
    add("service-addresses-few", {"cluster.serviceCidr": "172.20.0.0/25"}, "cluster.serviceCidr", "/12 to /24")
    add(
        "service-addresses-overlap",
        {"cluster.serviceCidr": "10.0.128.0/20"},
        "cluster.serviceCidr",
        "'10.0.128.0/20' overlaps the VPC's 10.0.0.0/16",
    )
    add(
        "service-addresses-overlap-existing",
        {"network": {"existing": EXISTING}, "cluster.serviceCidr": "10.16.0.0/12"},
        "cluster.serviceCidr",
        "overlaps the VPC's 10.20.0.0/16",
    )
    add("endpoint-open", {"cluster.endpoint": {"public": True}}, path, "say who may connect", "203.0.113.0/24")
    add("endpoint-private-with-cidrs", {"cluster.endpoint": {"publicCidrs": ["203.0.113.0/24"]}}, path, "no effect")
    many = [f"203.0.113.{index}/32" for index in range(41)]
    add("endpoint-cidrs-many", {"cluster.endpoint": {"public": True, "publicCidrs": many}}, path, "41", "40")
    add(
        "access-to-nothing",
        {"cluster.access.team": {"principalArn": ROLE}},
        "cluster.access.team",
        "gives no access",
        "policy or groups",
    )
    add(
        "access-namespaces-without-policy",
        {"cluster.access.team": {"principalArn": ROLE, "groups": ["dev"], "namespaces": ["a"]}},
        "cluster.access.team.namespaces",
        "limits a policy",
    )
    path, use = "cluster.version", "use one of: 1.34, 1.35, 1.36"
    add("version-unknown", {path: "1.21"}, path, "'1.21' is no EKS version", use)
    add(
        "version-ended",
        {path: "1.31"},
        path,
        "'1.31'",
        "support ended on 2026-11-26",
        use,
        today=datetime.date(2026, 11, 27),
    )
    add("version-not-checked", {path: "1.33", "cluster.support": "EXTENDED"}, path, "'1.33' is not one", use)
    add(
        "version-in-extended-support",
        {path: "1.34"},
        path,
        "'1.34'",
        "standard support ended on 2026-12-02",
        "cluster.support EXTENDED",
        today=datetime.date(2026, 12, 3),
    )


def addons(table: Table) -> None:
    add = table.add
    add(
        "preset-unknown",
        {"addons.preset": "trainning"},
        "addons.preset",
        "did you mean 'training'?",
        "minimal",
    )
    add("addon-unknown", {"addons.enable": ["core-dns"]}, "addons.enable[0]", "did you mean 'coredns'?")
    add(
        "addon-setting-unknown",
        {"addons.settings": {"cluster-autoscaler": {"scanIntervall": "10s"}}},
        "addons.settings.cluster-autoscaler.scanIntervall",
        "unknown key",
        schema=True,
    )
    add(
        "addon-without-its-ground",
        {"addons.enable": ["external-dns"]},
        "addons.enable[0]",
        "external-dns needs edge.zone, which is not set",
    )
