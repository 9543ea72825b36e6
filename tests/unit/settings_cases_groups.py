"""Mistakes in node groups."""

from tests.unit.settings_stack import ABSENT, BLOCK, GROUP_ARN, Table


def groups(table: Table) -> None:
    add = table.add
    here = "nodeGroups[1]"
    add(
        "type-unknown",
        {f"{here}.instanceTypes": ["p4d.24xlrge"]},
        f"{here}.instanceTypes[0]",
        "unknown instance type 'p4d.24xlrge'",
        "p4d.24xlarge",
    )
    add(
        "group-twice",
        {"nodeGroups[2]": {"name": "gpu", "instanceTypes": ["m7i.large"]}},
        "nodeGroups[2].name",
        "'gpu' is the name of nodeGroups[1] too",
    )
    add("no-system-group", {"nodeGroups[0].system": False}, "nodeGroups", "no group has system: true")
    add("min-above-max", {f"{here}.min": 5}, f"{here}.min", "5 is more than max, 4")
    add("desired-outside", {f"{here}.desired": 5}, f"{here}.desired", "5 is not between min, 0, and max, 4")
    add(
        "desired-needed",
        {f"{here}.autoscaling": {"enabled": False}},
        f"{here}.desired",
        "required where autoscaling.enabled is false",
    )
    add(
        "volume-iops",
        {f"{here}.volume": {"size": 20, "iops": 10_001}},
        f"{here}.volume.iops",
        "10001 is more than 500 per GiB",
        "20 GiB take 10000",
    )
    add(
        "volume-throughput",
        {f"{here}.volume": {"throughput": 751}},
        f"{here}.volume.throughput",
        "751 MiB/s needs 3004 IOPS",
        "volume.iops is 3000",
    )
    add(
        "update-both-ways",
        {f"{here}.update": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}},
        f"{here}.update",
        "maxUnavailable or maxUnavailablePercentage",
    )
    add(
        "group-zone-twice",
        {f"{here}.zones": ["usw2-az1", "usw2-az1"]},
        f"{here}.zones[1]",
        "'usw2-az1' stands here twice",
    )
    add(
        "group-zone-not-of-the-network",
        {f"{here}.zones": ["usw2-az3"]},
        f"{here}.zones[0]",
        "'usw2-az3' is not a zone of the network",
        "it has: usw2-az1, usw2-az2",
    )
    add(
        "type-not-in-the-zone",
        {f"{here}.instanceTypes": ["trn1.32xlarge"], f"{here}.zones": ["usw2-az2"]},
        f"{here}.zones[0]",
        "trn1.32xlarge is not offered in usw2-az2",
        "in this network it is in: usw2-az1",
    )
    add(
        "type-not-in-the-region",
        {
            f"{here}.instanceTypes": ["trn2.48xlarge"],
            f"{here}.capacity": {"type": "capacity-block", "reservationId": BLOCK},
        },
        f"{here}.zones[0]",
        "trn2.48xlarge is not offered in usw2-az1",
        "us-west-2 does not have it",
    )
    add(
        "type-in-no-zone-of-the-network",
        {
            "network.zones": ["usw2-az2", "usw2-az4"],
            f"{here}.zones": ["usw2-az2"],
            "nodeGroups[2]": {"name": "fpga", "instanceTypes": ["f2.6xlarge"]},
        },
        "nodeGroups[2].instanceTypes",
        "no zone of the network offers f2.6xlarge",
        "us-west-2 has it in: usw2-az1, usw2-az3",
    )
    add(
        "group-name-too-long",
        {f"{here}.name": "g" * 47},
        f"{here}.name",
        "has 56 characters",
        "55 at most",
    )
    for key in ("kubernetes.io/os", "eks.amazonaws.com/nodegroup", "slipway.io/group", "k8s.amazonaws.com/accelerator"):
        add(f"label-{key.replace('/', '-')}", {f"{here}.labels": {key: "x"}}, f"{here}.labels.{key}", "another key")
    long = f"{'x' * 50}.example.com/{'k' * 21}"
    add(
        "label-too-long-for-a-tag",
        {f"{here}.labels": {long: "x"}},
        f"{here}.labels.{long}",
        "has 84 characters",
        "82 at most",
    )
    add(
        "taint-too-long-for-a-tag",
        {f"{here}.taints": [{"key": long, "value": "x"}]},
        f"{here}.taints[0].key",
        "has 84 characters",
        "82 at most",
    )
    taint = {"key": "team", "value": "a"}
    add("taint-twice", {f"{here}.taints": [taint, {**taint, "value": "b"}]}, f"{here}.taints[1]", "team:NoSchedule")
    add(
        "taint-of-ours",
        {f"{here}.taints": [{"key": "nvidia.com/gpu", "value": "yes"}]},
        f"{here}.taints[0].key",
        "nvidia.com/gpu is set on every accelerated group",
    )
    add(
        "tags-many",
        {f"{here}.labels": {f"label-{index}": "x" for index in range(40)}},
        here,
        "labels and taints make",
        "takes 50",
    )


def kinds(table: Table) -> None:
    """What the instance types and their capacity decide."""
    add = table.add
    here, system = "nodeGroups[1]", "nodeGroups[0]"
    add(
        "hugepages-without-end",
        {"nodeGroups[2]": {"name": "cpu", "instanceTypes": ["m7i.large", "m7i.xlarge"], "hugepages": 4096}},
        "nodeGroups[2].hugepages",
        "4096 pages of 2 MiB are all the memory of m7i.large, 8192 MiB",
    )
    add(
        "fast-pulls-on-a-slow-volume",
        {f"{here}.fastImagePull": True, f"{here}.instanceStore": "none"},
        f"{here}.fastImagePull",
        "is slower than without it on a volume of 125 MiB/s",
        "volume.throughput to 600",
    )
    add(
        "fast-pulls-on-bottlerocket",
        {f"{here}.fastImagePull": True, f"{here}.os": "bottlerocket"},
        f"{here}.fastImagePull",
        "use os: al2023",
    )
    add(
        "fast-pulls-on-small-nodes",
        {f"{system}.fastImagePull": True, f"{system}.volume": {"iops": 4000, "throughput": 600}},
        f"{system}.fastImagePull",
        "m7i.large is too small",
    )
    add(
        "types-of-two-kinds",
        {f"{here}.instanceTypes": ["g5.xlarge", "g6.xlarge"]},
        f"{here}.instanceTypes",
        "g5.xlarge, g6.xlarge differ in architecture or accelerators",
    )
    add(
        "types-of-two-architectures",
        {f"{system}.instanceTypes": ["m7i.large", "m7g.large"]},
        f"{system}.instanceTypes",
        "differ in architecture",
    )
    add(
        "system-accelerated",
        {f"{here}.system": True, f"{here}.min": 1},
        f"{here}.system",
        "p4d.24xlarge is accelerated",
    )
    add(
        "system-tainted",
        {f"{system}.taints": [{"key": "team", "value": "a"}]},
        f"{system}.system",
        "keeps",
        "controllers",
    )
    add("system-on-spot", {f"{system}.capacity": {"type": "spot"}}, f"{system}.capacity.type", "'spot'", "on-demand")
    add("system-of-none", {f"{system}.min": 0}, f"{system}.min", "0", "at least 1 node")
    block = {"type": "capacity-block", "reservationId": BLOCK}
    held = {"type": "reservation", "reservationId": BLOCK}
    add("block-without-id", {f"{here}.capacity": {"type": "capacity-block"}}, f"{here}.capacity.reservationId", "cr-")
    add(
        "block-by-group",
        {f"{here}.capacity": {**block, "resourceGroupArn": GROUP_ARN}},
        f"{here}.capacity.resourceGroupArn",
        "reservationId alone",
    )
    add("reservation-without-id", {f"{here}.capacity": {"type": "reservation"}}, f"{here}.capacity", "exactly one")
    add(
        "reservation-named-twice",
        {f"{here}.capacity": {**held, "resourceGroupArn": GROUP_ARN}},
        f"{here}.capacity",
        "exactly one",
    )
    add(
        "id-with-on-demand",
        {f"{here}.capacity": {"reservationId": BLOCK}},
        f"{here}.capacity.type",
        "'on-demand' does not use capacity.reservationId",
        "reservation or capacity-block",
    )
    add(
        "group-with-spot",
        {f"{here}.capacity": {"type": "spot", "resourceGroupArn": GROUP_ARN}},
        f"{here}.capacity.type",
        "'spot' does not use capacity.resourceGroupArn",
    )
    add(
        "block-in-two-zones",
        {f"{here}.capacity": block, f"{here}.zones": ["usw2-az1", "usw2-az2"], "storage.lustre[0].zone": "usw2-az1"},
        f"{here}.zones",
        "exactly one zone",
    )
    add(
        "reservation-in-any-zone",
        {f"{here}.capacity": held, f"{here}.zones": ABSENT, "storage.lustre[0].zone": "usw2-az1"},
        f"{here}.zones",
        "exactly one zone",
    )
    add(
        "reservation-of-two-types",
        {f"{here}.capacity": held, f"{here}.instanceTypes": ["g5.xlarge", "g5.2xlarge"]},
        f"{here}.instanceTypes",
        "exactly one type",
    )
    add(
        "block-not-sold",
        {f"{here}.capacity": block, f"{here}.instanceTypes": ["g5.xlarge"]},
        f"{here}.capacity.type",
        "'capacity-block' is not sold for g5.xlarge",
        "on-demand, reservation, spot",
    )
    add(
        "on-demand-not-sold",
        {
            f"{here}.instanceTypes": ["p5e.48xlarge"],
            f"{here}.zones": ["usw2-az3"],
            "network.zones": ["usw2-az1", "usw2-az3"],
        },
        f"{here}.capacity.type",
        "'on-demand' is not sold for p5e.48xlarge",
        "capacity-block",
    )
    add(
        "placement-group-with-a-reservation",
        {f"{here}.capacity": held, f"{here}.placementGroup": True},
        f"{here}.placementGroup",
        "would strand its instances",
    )
    add(
        "placement-group-of-burstable",
        {"nodeGroups[2]": {"name": "small", "instanceTypes": ["t3.large"], "placementGroup": True}},
        "nodeGroups[2].placementGroup",
        "t3.large cannot be in a cluster placement group",
    )
    add(
        "efa-on-two-types",
        {f"{here}.efa": True, f"{here}.instanceTypes": ["g5.8xlarge", "g5.16xlarge"]},
        f"{here}.instanceTypes",
        "with EFA name exactly one type",
    )
    add(
        "efa-on-a-small-size",
        {f"{here}.efa": True, f"{here}.instanceTypes": ["g5.2xlarge"]},
        f"{here}.efa",
        "g5.2xlarge has no EFA",
        "g5.8xlarge",
        "g5.48xlarge",
    )
    add(
        "efa-on-a-family-without",
        {f"{here}.efa": True, f"{here}.instanceTypes": ["inf2.48xlarge"]},
        f"{here}.efa",
        "inf2.48xlarge has no EFA; no size of inf2 has it",
    )


def gpus(table: Table) -> None:
    add = table.add
    here = "nodeGroups[1]"
    path = f"{here}.gpu.sharing"
    mps = {"mode": "mps", "replicas": 4}
    add(
        "gpu-settings-without-gpu",
        {f"{here}.gpu": {"persistence": False}, f"{here}.instanceTypes": ["inf2.48xlarge"]},
        f"{here}.gpu",
        "inf2.48xlarge have no NVIDIA GPU",
    )
    add("sharing-with-efa", {path: mps, f"{here}.efa": True}, path, "an EFA group does not share")
    add(
        "sharing-on-bottlerocket",
        {path: mps, f"{here}.os": "bottlerocket", f"{here}.instanceTypes": ["g5.xlarge"]},
        path,
        "use os: al2023",
    )
    add(
        "mig-with-replicas",
        {path: {"mode": "mig", "migProfile": "1g.5gb", "replicas": 2}},
        f"{path}.replicas",
        "divided by migProfile",
    )
    add(
        "mig-on-a-gpu-without",
        {path: {"mode": "mig", "migProfile": "1g.5gb"}, f"{here}.instanceTypes": ["g5.xlarge"]},
        f"{path}.mode",
        "g5.xlarge has no MIG; use time-slicing or mps",
    )
    add(
        "mig-profile-of-another-gpu",
        {path: {"mode": "mig", "migProfile": "1g.18gb"}},
        f"{path}.migProfile",
        "'1g.18gb' is not a profile of p4d.24xlarge",
        "1g.5gb",
    )
    add("mig-without-profile", {path: {"mode": "mig"}}, f"{path}.migProfile", "null is not a profile", "1g.5gb")
    add("sharing-without-replicas", {path: {"mode": "mps"}}, f"{path}.replicas", "required for mps")
    add(
        "profile-without-mig",
        {path: {**mps, "mode": "time-slicing", "migProfile": "1g.5gb"}},
        f"{path}.migProfile",
        "belongs to mode mig, not time-slicing",
    )
    add(
        "no-eks-image",
        {f"{here}.instanceTypes": ["g7.12xlarge"]},
        f"{here}.os",
        "g7.12xlarge has no EKS AMI",
        "driver 595",
        "custom AMI",
    )
    add(
        "no-bottlerocket-for-fpga",
        {f"{here}.instanceTypes": ["f2.6xlarge"], f"{here}.os": "bottlerocket"},
        f"{here}.os",
        "no Bottlerocket variant supports FPGAs; use AL2023",
    )
    add(
        "own-image-on-bottlerocket",
        {f"{here}.os": "bottlerocket", f"{here}.imageId": "ami-0123456789abcdef0"},
        f"{here}.imageId",
        "is an AL2023 image",
    )
    add(
        "own-image-with-release",
        {f"{here}.releaseVersion": "1.35.2-20260714", f"{here}.imageId": "ami-0123456789abcdef0"},
        f"{here}.releaseVersion",
        "imageId excludes it",
    )
    add(
        "clocks-on-bottlerocket",
        {f"{here}.os": "bottlerocket", f"{here}.instanceTypes": ["g5.xlarge"], f"{here}.gpu": {"clocks": "default"}},
        f"{here}.gpu.clocks",
        "Bottlerocket runs none; use os: al2023",
    )
