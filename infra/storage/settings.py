"""Settings of storage: FSx for Lustre, EFS and S3 buckets."""

from typing import Annotated, Literal

from pydantic import Field

from infra.catalog import efs as efs_facts
from infra.catalog import lustre as lustre_facts
from infra.model import Model

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=30)]
BucketRole = Literal["data", "artifacts", "models", "logs", "backups"]
Event = Literal["NEW", "CHANGED", "DELETED"]
_CHUNK_LEAST, _CHUNK_DEFAULT, _CHUNK_MOST = lustre_facts.ASSOCIATION_CHUNK_MIB


class MetadataSettings(Model):
    """Metadata performance of PERSISTENT_2. Only at creation."""

    mode: Literal["AUTOMATIC", "USER_PROVISIONED"] = "AUTOMATIC"
    """AUTOMATIC grows with the capacity."""
    iops: int | None = None
    """For USER_PROVISIONED: 1500, 3000, 6000, 12000 or multiples of 12000 up to 192000."""


class ReadCacheSettings(Model):
    """SSD read cache of INTELLIGENT_TIERING."""

    sizing: Literal["NO_CACHE", "USER_PROVISIONED", "PROPORTIONAL_TO_THROUGHPUT_CAPACITY"] = (
        "PROPORTIONAL_TO_THROUGHPUT_CAPACITY"
    )
    """How large it is."""
    size: Annotated[int, Field(ge=32)] | None = None
    """GiB, for USER_PROVISIONED."""


class DataRepository(Model):
    """A link between a directory of the file system and a prefix of an S3 bucket."""

    path: Annotated[str, Field(pattern=r"^/[^\s]*$")]
    """Directory, such as /data. `/` must be the only one."""
    bucket: Annotated[str, Field(pattern=r"^(data|artifacts|models|logs|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?)$")]
    """The role of a bucket in storage.buckets, or s3://name/prefix of one that is there already."""
    prefix: Annotated[str, Field(pattern=r"^[^/\s][^\s]*$")] | None = None
    """Prefix in the bucket, for a bucket named by its role."""
    import_events: tuple[Event, ...] = ("NEW", "CHANGED", "DELETED")
    """What S3 tells the file system."""
    export_events: tuple[Event, ...] = ("NEW", "CHANGED", "DELETED")
    """What the file system writes to S3."""
    import_existing: bool = True
    """Import the metadata of what is there at creation."""
    chunk_mib: Annotated[int, Field(ge=_CHUNK_LEAST, le=_CHUNK_MOST)] = _CHUNK_DEFAULT
    """Stripe size of imported files, MiB."""


class LustreSettings(Model):
    """An FSx for Lustre file system. It lives in one zone: that of the accelerated groups."""

    name: Name
    """Short name, such as scratch."""
    zone: str | None = None
    """Zone id. By default the zone of the accelerated groups, where they share one."""
    deployment: Literal["SCRATCH_2", "PERSISTENT_1", "PERSISTENT_2"] = "PERSISTENT_2"
    """Deployment type."""
    storage: lustre_facts.StorageType = "SSD"
    """SSD; HDD with PERSISTENT_1; INTELLIGENT_TIERING with PERSISTENT_2."""
    capacity: Annotated[int, Field(ge=1200)] | None = None
    """GiB. Not for INTELLIGENT_TIERING, which grows with its contents."""
    throughput_per_tib: int | None = None
    """MB/s per TiB: 50, 100 or 200 (PERSISTENT_1 SSD), 12 or 40 (HDD), 125, 250, 500 or 1000 (PERSISTENT_2)."""
    throughput_capacity: int | None = None
    """MB/s, for INTELLIGENT_TIERING: multiples of 4000."""
    drive_cache: Literal["NONE", "READ"] | None = None
    """For HDD."""
    metadata: MetadataSettings | None = None
    """Metadata performance, for PERSISTENT_2. EFA needs it."""
    read_cache: ReadCacheSettings | None = None
    """Read cache, for INTELLIGENT_TIERING."""
    efa: bool = False
    """EFA-enabled, for GPUDirect Storage; PERSISTENT_2 with large minimum sizes. Cannot change later."""
    compression: lustre_facts.Compression = "LZ4"
    """Data compression."""
    lustre_version: Literal["2.12", "2.15"] = "2.15"
    """File system version."""
    backup_days: Annotated[int, Field(ge=0, le=90)] = 0
    """Days that daily backups are kept; 0 for none. Not with `repositories`, whose data is in S3."""
    repositories: tuple[DataRepository, ...] = ()
    """Links to S3, 8 at most."""
    disposable: bool = False
    """Scratch data: `destroy` may delete it."""


class AccessPointSettings(Model):
    """An EFS access point: a directory with an owner."""

    name: Name
    """Short name."""
    path: Annotated[str, Field(pattern=r"^/[^\s]+$")]
    """Directory, created on first use."""
    uid: Annotated[int, Field(ge=0, le=4_294_967_295)] = 1000
    """Owner; everything done through the access point is done as this user."""
    gid: Annotated[int, Field(ge=0, le=4_294_967_295)] = 1000
    """Owner's group."""
    permissions: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] = "0770"
    """Mode of the directory."""


class EfsSettings(Model):
    """An EFS file system, with a mount target in every zone unless it is One Zone."""

    name: Name
    """Short name, such as home."""
    throughput: efs_facts.ThroughputMode = "elastic"
    """Throughput mode."""
    provisioned_mibps: (
        Annotated[float, Field(ge=efs_facts.PROVISIONED_MIBPS[0], le=efs_facts.PROVISIONED_MIBPS[1])] | None
    ) = None
    """MiB/s, for provisioned."""
    performance: efs_facts.PerformanceMode = "generalPurpose"
    """maxIO cannot change later and not be elastic."""
    one_zone: str | None = None
    """Keep it in this zone alone, for half the price."""
    infrequent_access_after: (
        Literal["AFTER_7_DAYS", "AFTER_14_DAYS", "AFTER_30_DAYS", "AFTER_60_DAYS", "AFTER_90_DAYS"] | None
    ) = "AFTER_30_DAYS"
    """Move files to Infrequent Access when unread for so long."""
    backups: bool = True
    """AWS Backup's automatic daily backups."""
    access_points: tuple[AccessPointSettings, ...] = ()
    """Directories with owners."""
    disposable: bool = False
    """`destroy` may delete it."""


class BucketSettings(Model):
    """An S3 bucket: encrypted, versioned, private, TLS only."""

    expire_days: Annotated[int, Field(ge=1)] | None = None
    """Delete objects after so many days."""
    infrequent_access_days: Annotated[int, Field(ge=30)] | None = None
    """Move objects to Standard-IA after so many days."""
    noncurrent_days: Annotated[int, Field(ge=1)] = 30
    """Keep overwritten and deleted versions for so many days."""
    disposable: bool = False
    """`destroy` may delete it, with all objects."""


class StorageSettings(Model):
    """Shared storage."""

    lustre: tuple[LustreSettings, ...] = ()
    """FSx for Lustre file systems."""
    efs: tuple[EfsSettings, ...] = ()
    """EFS file systems."""
    buckets: dict[BucketRole, BucketSettings] = Field(default_factory=dict)
    """S3 buckets by role: data, artifacts, models, logs, backups."""
