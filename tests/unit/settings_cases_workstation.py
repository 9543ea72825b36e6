"""Mistakes in one machine instead of a cluster, and ECS as the step between."""

from tests.unit.settings_stack import Table

INSTANCE, ECS = "workstation.instance", "workstation.ecs"
G5 = {"instanceType": "g5.xlarge"}


def workstation(table: Table) -> None:
    table.add("workstation-of-nothing", {"workstation": {}}, "workstation", "give it instance, ecs or both")
    table.add(
        "workstation-type-misspelt",
        {INSTANCE: {"instanceType": "g5.xlrge"}},
        f"{INSTANCE}.instanceType",
        "g5.xlrge",
        "g5.xlarge",
    )
    table.add(
        "workstation-no-image",
        {INSTANCE: {"instanceType": "f2.6xlarge"}},
        f"{INSTANCE}.instanceType",
        "f2.6xlarge: no Deep Learning AMI drives f2",
        "g5g",
        "trn1",
    )
    table.add(
        "workstation-not-sold-by-the-hour",
        {
            "network.zones": ["usw2-az1", "usw2-az3"],
            INSTANCE: {"instanceType": "p5e.48xlarge", "zone": "usw2-az3", "mounts": []},
        },
        f"{INSTANCE}.capacity",
        "'on-demand' is not sold for p5e.48xlarge; use spot",
    )
    table.add(
        "workstation-spot-that-stops",
        {INSTANCE: {**G5, "capacity": "spot", "stopAfterIdleMinutes": 60}},
        f"{INSTANCE}.stopAfterIdleMinutes",
        "60: a spot instance cannot be stopped",
    )
    table.add(
        "workstation-idle-in-odd-minutes",
        {INSTANCE: {**G5, "stopAfterIdleMinutes": 17}},
        f"{INSTANCE}.stopAfterIdleMinutes",
        "17: input should be a multiple of 5",
        schema=True,
    )
    table.add(
        "workstation-volume-below-the-snapshot",
        {INSTANCE: {**G5, "volumeSize": 50}},
        f"{INSTANCE}.volumeSize",
        "50: input should be greater than or equal to 100",
        schema=True,
    )
    table.add(
        "workstation-zone-elsewhere",
        {INSTANCE: {**G5, "zone": "usw2-az3"}},
        f"{INSTANCE}.zone",
        "'usw2-az3' is not a zone of the network",
        "usw2-az1, usw2-az2",
    )
    table.add(
        "workstation-zone-without-the-type",
        {INSTANCE: {"instanceType": "p6-b300.48xlarge", "zone": "usw2-az1"}},
        f"{INSTANCE}.zone",
        "p6-b300.48xlarge is not offered in usw2-az1",
        "in this network it is in: usw2-az2",
    )
    table.add(
        "workstation-file-system-without-the-type",
        {INSTANCE: {"instanceType": "p6-b300.48xlarge"}},
        f"{INSTANCE}.zone",
        "the file systems it mounts are in usw2-az1, which does not offer p6-b300.48xlarge",
        "in this network it is in: usw2-az2",
    )
    table.add(
        "workstation-nowhere",
        {INSTANCE: {"instanceType": "p6-b300.48xlarge"}, "network.zones": ["usw2-az1", "usw2-az3"]},
        f"{INSTANCE}.instanceType",
        "no zone of the network offers p6-b300.48xlarge",
        "us-west-2 has it in: usw2-az2",
    )
    table.add(
        "workstation-mount-misspelt",
        {INSTANCE: {**G5, "mounts": ["scrach"]}},
        f"{INSTANCE}.mounts[0]",
        "'scrach' is not in storage (did you mean 'scratch'?), which has: scratch, home",
    )
    table.add(
        "workstation-mount-twice",
        {INSTANCE: {**G5, "mounts": ["home", "home"]}},
        f"{INSTANCE}.mounts[1]",
        "'home' stands here twice",
    )
    table.add(
        "workstation-one-zone-elsewhere",
        {INSTANCE: G5, "storage.efs[0].oneZone": "usw2-az2"},
        f"{INSTANCE}.mounts",
        "home is One Zone, in usw2-az2, and the machine is in usw2-az1",
    )
    table.add(
        "workstation-local-zone",
        {
            "platform.region": "us-east-1",
            "network.zones": ["use1-az4", "use1-az6", "use1-dfw2-az1"],
            "nodeGroups[1].zones": ["use1-az6"],
            INSTANCE: {"instanceType": "g5.xlarge", "zone": "use1-dfw2-az1"},
        },
        f"{INSTANCE}.zone",
        "use1-dfw2-az1 is a Local Zone",
    )
    table.add("ecs-type-misspelt", {ECS: {"instanceType": "g5.xlrge"}}, f"{ECS}.instanceType", "g5.xlrge", "g5.xlarge")
    table.add(
        "ecs-on-arm",
        {ECS: {"instanceType": "g5g.xlarge"}},
        f"{ECS}.instanceType",
        "g5g.xlarge: no ECS-optimized GPU AMI drives g5g; use one of: g4dn, g5, g6",
    )
    table.add("ecs-without-instances", {ECS: {**G5, "max": 0}}, f"{ECS}.max", "0: input should be", schema=True)
    table.add(
        "ecs-zone-twice",
        {ECS: {**G5, "zones": ["usw2-az1", "usw2-az1"]}},
        f"{ECS}.zones[1]",
        "'usw2-az1' stands here twice",
    )
    table.add(
        "ecs-nowhere",
        {ECS: {"instanceType": "p6-b300.48xlarge"}, "network.zones": ["usw2-az1", "usw2-az3"]},
        f"{ECS}.instanceType",
        "no zone of the network offers p6-b300.48xlarge",
    )
