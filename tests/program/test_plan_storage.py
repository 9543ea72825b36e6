"""Storage as planned: beside the GPUs, with all its ports, linked to S3."""

import json

import pytest

from slipway.plan.model import Plan

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
# What a mount of each kind of file system needs: types that name the file system, and security group rules.
MOUNT_NEEDS = {
    "aws:efs/fileSystem:FileSystem": (
        ("aws:efs/mountTarget:MountTarget", "aws:efs/fileSystemPolicy:FileSystemPolicy"),
        ("storage-efs-nfs",),
    ),
    LUSTRE: (
        ("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",),
        ("storage-lustre-from-nodes", "storage-lustre-to-nodes"),
    ),
}
# FSx for Lustre user guide: 988 alone mounts, and hangs under load.
LUSTRE_PORTS = {(988, 988), (1018, 1023)}


def ports(plan: Plan, type_: str, owner: str, peer: str) -> set[tuple[int | None, int | None]]:
    return {
        (rule.inputs.get("fromPort"), rule.inputs.get("toPort"))
        for rule in plan.of_type(type_)
        if rule.inputs["securityGroupId"] == owner and rule.inputs.get("referencedSecurityGroupId") == peer
    }


def cluster_group(plan: Plan) -> str:
    return str(plan.one("aws:eks/cluster:Cluster").outputs["vpcConfig"]["clusterSecurityGroupId"])


def test_lustre_is_in_the_zone_of_the_efa_groups(prod: Plan):
    zones = {subnet.id: subnet.inputs["availabilityZoneId"] for subnet in prod.of_type("aws:ec2/subnet:Subnet")}
    assert zones[prod.one(LUSTRE).inputs["subnetIds"]] == "usw2-az2"
    efa = [g for g in prod.of_type("aws:eks/nodeGroup:NodeGroup") if g.inputs["labels"].get("slipway.io/efa") == "true"]
    assert {zones[group.inputs["subnetIds"][0]] for group in efa} == {"usw2-az2"}


def test_lustre_ports_are_open_between_servers_and_nodes_both_ways(prod: Plan):
    servers, nodes = prod.one("aws:ec2/securityGroup:SecurityGroup", "storage-lustre").id, cluster_group(prod)
    for type_ in (INGRESS, EGRESS):
        assert ports(prod, type_, servers, servers) == LUSTRE_PORTS
        assert ports(prod, type_, servers, nodes) == LUSTRE_PORTS
        assert ports(prod, type_, nodes, servers) == LUSTRE_PORTS


def test_efa_enabled_lustre_trades_everything_with_its_clients(existing: Plan):
    servers = existing.one("aws:ec2/securityGroup:SecurityGroup", "storage-lustre").id
    clients = existing.one("aws:ec2/securityGroup:SecurityGroup", "nodes-efa").id
    everything = {(None, None)}
    for type_ in (INGRESS, EGRESS):
        assert ports(existing, type_, servers, servers) >= everything
        assert ports(existing, type_, servers, clients) == everything
        assert ports(existing, type_, clients, servers) == everything
    system = existing.one(LUSTRE)
    assert system.inputs["efaEnabled"] is True
    assert system.inputs["storageCapacity"] % 9600 == 0  # at 500 MB/s per TiB


def test_lustre_does_not_wait_for_the_control_plane(prod: Plan):
    """It takes as long as the cluster; one after the other would double the first `up`."""
    seen, waiting = set(), [prod.one(LUSTRE).urn]
    while waiting:
        urn = waiting.pop()
        if urn not in seen:
            seen.add(urn)
            waiting += next(resource for resource in prod if resource.urn == urn).dependencies
    types = {resource.type for resource in prod if resource.urn in seen}
    assert "aws:eks/cluster:Cluster" not in types
    assert "aws:eks/nodeGroup:NodeGroup" not in types


def test_lustre_waits_for_its_own_rules(prod: Plan):
    own = {rule.urn for rule in prod.of_type(INGRESS, EGRESS) if rule.name.startswith("storage-lustre-servers-")}
    assert len(own) == 4
    assert own <= set(prod.one(LUSTRE).dependencies)


def test_lustre_is_linked_to_s3(prod: Plan):
    links = {
        link.inputs["fileSystemPath"]: link
        for link in prod.of_type("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
    }
    data = prod.one("aws:s3/bucket:Bucket", "storage-data").outputs["bucket"]
    assert links["/data"].inputs["dataRepositoryPath"] == f"s3://{data}/datasets/"
    assert set(links) == {"/data", "/checkpoints"}
    for link in links.values():
        assert link.inputs["s3"]["autoImportPolicy"]["events"] == ["NEW", "CHANGED", "DELETED"]
        # The provider gives up after ten minutes by itself; associations take longer.
        assert link.custom_timeouts["create"] >= 30 * 60


def test_fsx_may_use_the_key_of_the_linked_buckets(prod: Plan, dev: Plan):
    def sids(plan: Plan):
        policy = json.loads(plan.one("aws:kms/key:Key", "data").inputs["policy"])
        return [statement["Sid"] for statement in policy["Statement"]]

    assert "FsxThroughS3" in sids(prod)
    assert sids(dev) == ["AccountDecidesByIam", "LogGroups"]


def test_scratch_has_no_settings_of_persistent_types(private: Plan):
    scratch = private.one(LUSTRE).inputs
    assert scratch["deploymentType"] == "SCRATCH_2"
    assert (
        not {"kmsKeyId", "perUnitStorageThroughput", "automaticBackupRetentionDays", "metadataConfiguration"}
        & scratch.keys()
    )


def test_efs_has_a_mount_target_in_every_zone_for_nodes_alone(prod: Plan):
    targets = prod.of_type("aws:efs/mountTarget:MountTarget")
    private = {s.id for s in prod.of_type("aws:ec2/subnet:Subnet") if s.name.startswith("network-private-")}
    assert {target.inputs["subnetId"] for target in targets} == private
    group = prod.one("aws:ec2/securityGroup:SecurityGroup", "storage-efs").id
    assert all(target.inputs["securityGroups"] == [group] for target in targets)
    assert ports(prod, INGRESS, group, cluster_group(prod)) == {(2049, 2049)}
    assert ports(prod, EGRESS, group, cluster_group(prod)) == set()


def test_one_zone_efs_is_in_its_zone(inference: Plan):
    system = inference.one("aws:efs/fileSystem:FileSystem")
    (target,) = inference.of_type("aws:efs/mountTarget:MountTarget")
    zones = {subnet.id: subnet.inputs["availabilityZoneId"] for subnet in inference.of_type("aws:ec2/subnet:Subnet")}
    assert zones[target.inputs["subnetId"]] == "usw2-az1"
    assert system.inputs["availabilityZoneName"].startswith("us-west-2")
    assert (system.inputs["throughputMode"], system.inputs["provisionedThroughputInMibps"]) == ("provisioned", 256)


def test_efs_asks_for_tls(prod: Plan):
    policy = json.loads(prod.one("aws:efs/fileSystemPolicy:FileSystemPolicy").inputs["policy"])
    deny = next(statement for statement in policy["Statement"] if statement["Effect"] == "Deny")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_access_points_have_an_owner(prod: Plan):
    point = prod.one("aws:efs/accessPoint:AccessPoint", "storage-home/users").inputs
    assert point["posixUser"] == {"uid": 1000, "gid": 1000}
    assert point["rootDirectory"]["path"] == "/users"
    assert point["rootDirectory"]["creationInfo"]["permissions"] == "0770"


def test_access_logs_go_to_the_logs_bucket(prod: Plan):
    logs = prod.one("aws:s3/bucket:Bucket", "storage-logs")
    sources = prod.of_type("aws:s3/bucketLogging:BucketLogging")
    assert {source.name for source in sources} == {
        f"storage-{role}" for role in ("artifacts", "backups", "data", "models")
    }
    assert {source.inputs["targetBucket"] for source in sources} == {logs.id}
    policy = json.loads(prod.one("aws:s3/bucketPolicy:BucketPolicy", "storage-logs").inputs["policy"])
    allow = next(statement for statement in policy["Statement"] if statement["Sid"] == "ServerAccessLogs")
    assert allow["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert len(allow["Condition"]["ArnLike"]["aws:SourceArn"]) == 4
    assert prod.one("aws:s3/bucketPolicy:BucketPolicy", "storage-logs").urn in sources[0].dependencies


# Deleting one of these turns its bucket or file system open, unversioned, unencrypted by our key, or without backups.
GUARDS = {
    "aws:s3/bucket:Bucket": {
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
    },
    "aws:efs/fileSystem:FileSystem": {
        "aws:efs/backupPolicy:BackupPolicy",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
    },
}


def guards(plan: Plan, type_: str) -> dict[str, dict[str, bool]]:
    """Of each bucket or file system, by name: its guards' types, and whether they stay when the stack goes."""
    key = "bucket" if type_ == "aws:s3/bucket:Bucket" else "fileSystemId"
    return {
        own.name: {
            each.type: each.retain_on_delete
            for each in plan.resources
            if each.type in GUARDS[type_] and each.inputs.get(key) == own.id
        }
        for own in plan.of_type(type_)
    }


@pytest.mark.parametrize("type_", GUARDS)
def test_data_that_stays_keeps_its_guards(prod: Plan, type_: str):
    found = guards(prod, type_)
    assert found
    assert all(each == dict.fromkeys(GUARDS[type_], True) for each in found.values())


def test_a_disposable_item_takes_its_guards_along(record_settings):
    plan = record_settings(
        {
            "platform": {"name": "p", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
            "network": {"zones": ["usw2-az1", "usw2-az2"]},
            "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
            "storage": {
                "buckets": {"data": {}, "logs": {"disposable": True}},
                "efs": [{"name": "home"}, {"name": "trial", "disposable": True}],
            },
            "addons": {"preset": "minimal"},
        }
    )
    stays = {name: set(each.values()) for type_ in GUARDS for name, each in guards(plan, type_).items()}
    assert stays == {
        "storage-data": {True},
        "storage-logs": {False},
        "storage-home": {True},
        "storage-trial": {False},
    }


TIERING = {
    "name": "lake",
    "zone": "usw2-az1",
    "storage": "INTELLIGENT_TIERING",
    "throughputCapacity": 4000,
    "metadata": {"mode": "USER_PROVISIONED", "iops": 6000},
    "readCache": {"sizing": "PROPORTIONAL_TO_THROUGHPUT_CAPACITY"},
}
PERSISTENT_1 = {
    "name": "disks",
    "zone": "usw2-az1",
    "deployment": "PERSISTENT_1",
    "storage": "HDD",
    "capacity": 6000,
    "throughputPerTib": 12,
    "driveCache": "READ",
    "backupDays": 7,
}


@pytest.mark.parametrize(
    ("lustre", "inputs"),
    [
        (
            TIERING,
            {
                "deploymentType": "PERSISTENT_2",
                "storageType": "INTELLIGENT_TIERING",
                "throughputCapacity": 4000,
                "metadataConfiguration": {"mode": "USER_PROVISIONED", "iops": 6000},
                "dataReadCacheConfiguration": {"sizingMode": "PROPORTIONAL_TO_THROUGHPUT_CAPACITY"},
            },
        ),
        (
            PERSISTENT_1,
            {
                "deploymentType": "PERSISTENT_1",
                "storageType": "HDD",
                "storageCapacity": 6000,
                "perUnitStorageThroughput": 12,
                "driveCacheType": "READ",
                "automaticBackupRetentionDays": 7,
                "skipFinalBackup": False,
            },
        ),
    ],
    ids=["intelligent tiering", "HDD with backups"],
)
def test_every_kind_of_lustre(record_settings, lustre, inputs):
    plan = record_settings(
        {
            "platform": {"name": "p", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
            "network": {"zones": ["usw2-az1", "usw2-az2"]},
            "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
            "storage": {"lustre": [lustre]},
            "addons": {"preset": "minimal"},
        }
    )
    got = plan.one(LUSTRE).inputs
    assert inputs.items() <= got.items()
    assert ("storageCapacity" in got) == ("capacity" in lustre)


def test_look_alike_paths_and_names_stay_apart(record_settings):
    plan = record_settings(
        {
            "platform": {"name": "p", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
            "network": {"zones": ["usw2-az1", "usw2-az2"]},
            "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
            "storage": {
                "lustre": [
                    {
                        "name": "fast",
                        "zone": "usw2-az1",
                        "capacity": 1200,
                        "throughputPerTib": 125,
                        "repositories": [{"path": "/a/b", "bucket": "data"}, {"path": "/a-b", "bucket": "models"}],
                    }
                ],
                "efs": [
                    {"name": "home", "accessPoints": [{"name": "x-y", "path": "/x"}]},
                    {"name": "home-x", "accessPoints": [{"name": "y", "path": "/x"}]},
                ],
                "buckets": {"data": {}, "models": {}},
            },
            "addons": {"preset": "minimal"},
        }
    )
    assert len(plan.of_type("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")) == 2
    assert len(plan.of_type("aws:efs/accessPoint:AccessPoint")) == 2


def test_a_volume_comes_after_all_that_mounting_it_needs_and_goes_before(plan: Plan):
    """A mount target that goes first leaves pods hanging in NFS, and nodes that cannot be drained."""
    for system, (parts, rules) in MOUNT_NEEDS.items():
        for made in plan.of_type(system):
            needed = {part.urn for part in plan.of_type(*parts) if part.inputs["fileSystemId"] == made.id}
            needed |= {rule.urn for rule in plan.of_type(INGRESS, EGRESS) if rule.name.startswith(rules)}
            volumes = [
                volume
                for volume in plan.of_type("kubernetes:core/v1:PersistentVolume")
                if volume.inputs["spec"]["csi"]["volumeHandle"].partition("::")[0] == made.id
            ]
            assert needed
            assert volumes
            assert all(needed <= set(volume.dependencies) for volume in volumes)
