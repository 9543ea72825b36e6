"""Mistakes in storage."""

from tests.unit.settings_stack import ABSENT, Table


def lustre(table: Table) -> None:
    add = table.add
    here = "storage.lustre[0]"
    tiering = {
        "name": "scratch",
        "storage": "INTELLIGENT_TIERING",
        "throughputCapacity": 4000,
        "metadata": {"mode": "USER_PROVISIONED", "iops": 6000},
        "readCache": {},
    }
    add("lustre-zone-unknown", {f"{here}.zone": "usw2-az3"}, f"{here}.zone", "'usw2-az3'", "usw2-az1, usw2-az2")
    add(
        "lustre-zone-of-several",
        {"nodeGroups[1].zones": ["usw2-az1", "usw2-az2"]},
        f"{here}.zone",
        "say which of usw2-az1, usw2-az2",
        "accelerated groups are in usw2-az1, usw2-az2",
    )
    add(
        "lustre-zone-of-none",
        {"nodeGroups[1]": {"name": "cpu", "instanceTypes": ["m7i.large"]}},
        f"{here}.zone",
        "say which of usw2-az1, usw2-az2",
        "there is no accelerated group",
    )
    add("lustre-cache-on-ssd", {f"{here}.driveCache": "READ"}, f"{here}.driveCache", "is for storage HDD")
    add(
        "lustre-hdd-without-cache",
        {
            here: {
                "name": "scratch",
                "deployment": "PERSISTENT_1",
                "storage": "HDD",
                "capacity": 6000,
                "throughputPerTib": 12,
            }
        },
        f"{here}.driveCache",
        "required for HDD: NONE or READ",
    )
    add(
        "lustre-throughput-of-another-kind",
        {f"{here}.throughputPerTib": 200},
        f"{here}.throughputPerTib",
        "200 MB/s per TiB is not one PERSISTENT_2 SSD has",
        "125, 250, 500, 1000",
    )
    add(
        "lustre-throughput-missing",
        {f"{here}.throughputPerTib": ABSENT},
        f"{here}.throughputPerTib",
        "is needed",
        "125",
    )
    add(
        "lustre-storage-of-another-kind",
        {f"{here}.storage": "HDD", f"{here}.driveCache": "READ"},
        f"{here}.storage",
        "PERSISTENT_2 does not go with HDD",
        "SSD or INTELLIGENT_TIERING",
    )
    add(
        "lustre-efa-on-scratch",
        {f"{here}.deployment": "SCRATCH_2", f"{here}.throughputPerTib": ABSENT, f"{here}.efa": True},
        f"{here}.efa",
        "SCRATCH_2 SSD cannot be EFA-enabled; use PERSISTENT_2",
    )
    add(
        "lustre-capacity-not-a-multiple",
        {f"{here}.capacity": 3000},
        f"{here}.capacity",
        "3000 GiB is not a capacity of PERSISTENT_2 SSD",
        "nearest: 2400 or 4800",
    )
    add("lustre-capacity-missing", {f"{here}.capacity": ABSENT}, f"{here}.capacity", "capacity is needed", "1200 GiB")
    add(
        "lustre-efa-below-its-minimum",
        {f"{here}.efa": True, f"{here}.metadata": {}, f"{here}.throughputPerTib": 1000},
        f"{here}.capacity",
        "2400 GiB is not a capacity of PERSISTENT_2 SSD with EFA",
        "4800",
    )
    add(
        "lustre-tiering-with-capacity",
        {here: {**tiering, "capacity": 2400}},
        f"{here}.capacity",
        "intelligent tiering takes no capacity",
    )
    add(
        "lustre-tiering-throughput",
        {here: {**tiering, "throughputCapacity": 5000}},
        f"{here}.throughputCapacity",
        "5000 MB/s is not a throughput",
        "nearest: 4000",
    )
    add(
        "lustre-throughput-capacity-on-ssd",
        {f"{here}.throughputCapacity": 4000},
        f"{here}.throughputCapacity",
        "for storage INTELLIGENT_TIERING; use throughputPerTib",
    )
    add(
        "lustre-tiering-without-cache",
        {here: {key: value for key, value in tiering.items() if key != "readCache"}},
        f"{here}.readCache",
        "required for INTELLIGENT_TIERING",
        "NO_CACHE",
    )
    add("lustre-read-cache-on-ssd", {f"{here}.readCache": {}}, f"{here}.readCache", "for storage INTELLIGENT_TIERING")
    add(
        "lustre-read-cache-without-size",
        {here: {**tiering, "readCache": {"sizing": "USER_PROVISIONED"}}},
        f"{here}.readCache.size",
        "goes with sizing USER_PROVISIONED",
    )
    add(
        "lustre-read-cache-size-not-asked",
        {here: {**tiering, "readCache": {"size": 64}}},
        f"{here}.readCache.size",
        "goes with sizing USER_PROVISIONED",
    )
    add(
        "lustre-metadata-iops",
        {f"{here}.metadata": {"mode": "USER_PROVISIONED", "iops": 5000}},
        f"{here}.metadata",
        "5000 metadata IOPS cannot be had; nearest: 3000 or 6000",
    )
    add(
        "lustre-efa-without-metadata",
        {f"{here}.efa": True, f"{here}.throughputPerTib": 1000, f"{here}.capacity": 4800},
        f"{here}.metadata",
        "EFA-enabled file system needs a metadata configuration",
    )
    data = {"path": "/data", "bucket": "data"}
    add(
        "repositories-overlap",
        {f"{here}.repositories": [data, {**data, "path": "/data/raw"}]},
        f"{here}.repositories",
        "paths overlap: /data and /data/raw",
    )
    add(
        "repositories-many",
        {f"{here}.repositories": [{**data, "path": f"/data{index}"} for index in range(9)]},
        f"{here}.repositories",
        "9 associations; a file system takes 8",
    )
    add(
        "backups-with-repositories",
        {f"{here}.repositories": [data], f"{here}.backupDays": 7},
        f"{here}.backupDays",
        "7: a file system linked to S3 has no backups",
    )
    add(
        "backups-of-scratch",
        {here: {"name": "scratch", "deployment": "SCRATCH_2", "capacity": 2400, "backupDays": 7}},
        f"{here}.backupDays",
        "7: SCRATCH_2 has no backups",
    )
    add(
        "repository-prefix-twice",
        {f"{here}.repositories": [{"path": "/data", "bucket": "s3://corpus/raw", "prefix": "raw"}]},
        f"{here}.repositories[0].prefix",
        "s3://name/prefix",
    )
    add(
        "repository-bucket-not-there",
        {f"{here}.repositories": [{**data, "bucket": "models"}]},
        f"{here}.repositories[0].bucket",
        "'models' is not in storage.buckets, which has: data",
    )
    add(
        "repository-bucket-malformed",
        {f"{here}.repositories": [{**data, "bucket": "corpus"}]},
        f"{here}.repositories[0].bucket",
        "'corpus' does not match",
        "artifacts",
        "s3://",
        schema=True,
    )


def efs(table: Table) -> None:
    add = table.add
    here = "storage.efs[0]"
    add(
        "file-systems-of-one-name",
        {f"{here}.name": "scratch"},
        f"{here}.name",
        "'scratch' is the name of storage.lustre[0] too",
    )
    add(
        "bucket-expires-before-it-moves",
        {"storage.buckets.data": {"expireDays": 30, "infrequentAccessDays": 60}},
        "storage.buckets.data.infrequentAccessDays",
        "60",
        "deleted after 30 days already",
    )
    add(
        "efs-elastic-with-max-io",
        {f"{here}.performance": "maxIO"},
        f"{here}.throughput",
        "elastic throughput does not go with maxIO",
    )
    add(
        "efs-provisioned-of-none",
        {f"{here}.throughput": "provisioned"},
        f"{here}.throughput",
        "needs its MiB/s",
        "3414",
    )
    add(
        "efs-zone-unknown",
        {f"{here}.oneZone": "usw2-az4"},
        f"{here}.oneZone",
        "'usw2-az4' is not a zone of the network",
        "usw2-az1, usw2-az2",
    )
    add(
        "access-point-twice",
        {f"{here}.accessPoints": [{"name": "users", "path": "/a"}, {"name": "users", "path": "/b"}]},
        f"{here}.accessPoints[1].name",
        "'users' stands here twice",
    )
