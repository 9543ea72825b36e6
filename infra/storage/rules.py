"""What can be wrong with storage, given the network and the accelerated groups.

The legal values stand in `infra.catalog.lustre` and `infra.catalog.efs`, with their sources.
"""

from collections.abc import Iterator, Sequence

from infra.catalog import efs as efs_facts
from infra.catalog import lustre as facts
from infra.catalog.zones import is_local
from infra.problems import Problem, nearest, one_of, shown
from infra.storage.settings import EfsSettings, LustreSettings, StorageSettings


def problems(storage: StorageSettings, zones: Sequence[str], gpu_zones: Sequence[str] | None) -> Iterator[Problem]:
    """Everything wrong with storage.

    Args:
        storage: The settings.
        zones: The zone ids of the network.
        gpu_zones: The zones of the accelerated groups; None where mistakes in the groups leave them unknown.
    """
    for index, lustre in enumerate(storage.lustre):
        yield from _lustre_problems(lustre, f"storage.lustre[{index}]", storage, zones, gpu_zones)
    for index, efs in enumerate(storage.efs):
        yield from _efs_problems(efs, f"storage.efs[{index}]", zones)
    seen: dict[str, str] = {}
    named = [(f"storage.lustre[{index}]", each.name) for index, each in enumerate(storage.lustre)]
    named += [(f"storage.efs[{index}]", each.name) for index, each in enumerate(storage.efs)]
    for here, name in named:
        if name in seen:
            yield Problem(f"{here}.name", f"{shown(name)} is the name of {seen[name]} too")
        seen.setdefault(name, here)
    for role, bucket in storage.buckets.items():
        if bucket.expire_days and bucket.infrequent_access_days and bucket.expire_days <= bucket.infrequent_access_days:
            yield Problem(
                f"storage.buckets.{role}.infrequentAccessDays",
                f"{bucket.infrequent_access_days}: objects are deleted after {bucket.expire_days} days already",
            )


def zone_of(lustre: LustreSettings, gpu_zones: Sequence[str]) -> str | None:
    """The zone of a file system: the one it names, else that of the accelerated groups where there is just one."""
    return lustre.zone or (gpu_zones[0] if len(gpu_zones) == 1 else None)


def warnings(storage: StorageSettings, gpu_zones: Sequence[str], *, efa: bool) -> Iterator[str]:
    """What the user should know, though it is allowed. `efa`: whether any node group has EFA."""
    for index, lustre in enumerate(storage.lustre):
        if lustre.efa and not efa:
            yield f"storage.lustre[{index}] {lustre.name} is EFA-enabled, and no node group has efa: clients use TCP"
        far = [zone for zone in gpu_zones if zone != zone_of(lustre, gpu_zones)]
        if lustre.zone and far:
            yield (
                f"storage.lustre[{index}] {lustre.name} is in {lustre.zone}; nodes in {one_of(far)} reach it "
                "across zones, which costs per GB and has no EFA"
            )
        if lustre.deployment == "SCRATCH_2" and not lustre.disposable:
            yield f"storage.lustre[{index}] {lustre.name} is SCRATCH_2: a failed server loses its files"
        exported = any(repository.export_events for repository in lustre.repositories)
        if lustre.deployment != "SCRATCH_2" and not (lustre.backup_days or exported or lustre.disposable):
            yield (
                f"storage.lustre[{index}] {lustre.name} has neither backupDays nor a repository that exports to S3: "
                "what is lost there is lost"
            )


def _lustre_problems(
    lustre: LustreSettings, here: str, storage: StorageSettings, zones: Sequence[str], gpu_zones: Sequence[str] | None
) -> Iterator[Problem]:
    if lustre.zone is not None and lustre.zone not in zones:
        yield Problem(
            f"{here}.zone",
            f"{shown(lustre.zone)} is not a zone of the network{nearest(lustre.zone, zones)}; it has: {one_of(zones)}",
        )
    if gpu_zones is not None and zone_of(lustre, gpu_zones) is None:
        where = f"accelerated groups are in {one_of(gpu_zones)}" if gpu_zones else "there is no accelerated group"
        yield Problem(
            f"{here}.zone", f"say which of {one_of(gpu_zones or zones)}: {where}, and a file system has one zone"
        )
    yield from _throughput_problems(lustre, here)
    yield from _metadata_problems(lustre, here)
    hdd = lustre.storage == "HDD"
    if hdd != (lustre.drive_cache is not None):
        yield Problem(f"{here}.driveCache", "is required for HDD: NONE or READ" if hdd else "is for storage HDD")
    yield from _repository_problems(lustre, here, storage)


def _throughput_problems(lustre: LustreSettings, here: str) -> Iterator[Problem]:
    wrong = facts.throughput_problem(lustre.deployment, lustre.storage, lustre.throughput_per_tib, efa=lustre.efa)
    if wrong:
        field = "throughputPerTib" if (lustre.deployment, lustre.storage) in facts.THROUGHPUTS else "storage"
        efa = lustre.efa and lustre.deployment != "PERSISTENT_2"
        yield Problem(f"{here}.{'efa' if efa and field != 'storage' else field}", wrong)
    else:
        wrong = facts.capacity_problem(
            lustre.deployment, lustre.storage, lustre.capacity, per_unit=lustre.throughput_per_tib, efa=lustre.efa
        )
        if wrong:
            yield Problem(f"{here}.capacity", wrong)
    tiering = lustre.storage == "INTELLIGENT_TIERING"
    if tiering:
        wrong = facts.tiering_throughput_problem(lustre.throughput_capacity)
        if wrong:
            yield Problem(f"{here}.throughputCapacity", wrong)
    elif lustre.throughput_capacity is not None:
        yield Problem(f"{here}.throughputCapacity", "is for storage INTELLIGENT_TIERING; use throughputPerTib")
    cache = lustre.read_cache
    if tiering and cache is None:
        yield Problem(
            f"{here}.readCache", f"is required for INTELLIGENT_TIERING: sizing {one_of(facts.TIERING_READ_CACHES)}"
        )
    if not tiering and cache is not None:
        yield Problem(f"{here}.readCache", "is for storage INTELLIGENT_TIERING")
    if cache is not None and (cache.sizing == "USER_PROVISIONED") != (cache.size is not None):
        yield Problem(f"{here}.readCache.size", "goes with sizing USER_PROVISIONED, and only with it")


def _metadata_problems(lustre: LustreSettings, here: str) -> Iterator[Problem]:
    metadata = lustre.metadata
    wrong = facts.metadata_problem(
        lustre.deployment,
        lustre.storage,
        mode=metadata.mode if metadata else None,
        iops=metadata.iops if metadata else None,
        # Of a deployment without EFA that is said already, and it has no metadata configuration either.
        efa=lustre.efa and lustre.deployment == "PERSISTENT_2",
    )
    if wrong:
        yield Problem(f"{here}.metadata", wrong)


def _repository_problems(lustre: LustreSettings, here: str, storage: StorageSettings) -> Iterator[Problem]:
    wrong = facts.association_problem(lustre.deployment, tuple(each.path for each in lustre.repositories))
    if wrong:
        yield Problem(f"{here}.repositories", wrong)
    if lustre.repositories and lustre.backup_days:
        yield Problem(
            f"{here}.backupDays", f"{lustre.backup_days}: a file system linked to S3 has no backups; leave it out"
        )
    if lustre.deployment == "SCRATCH_2" and lustre.backup_days:
        yield Problem(f"{here}.backupDays", f"{lustre.backup_days}: SCRATCH_2 has no backups; leave it out")
    for index, repository in enumerate(lustre.repositories):
        path = f"{here}.repositories[{index}]"
        if repository.bucket.startswith("s3://"):
            if repository.prefix is not None:
                yield Problem(f"{path}.prefix", "is in bucket already; s3://name/prefix")
        elif repository.bucket not in storage.buckets:
            have = one_of(storage.buckets) or "none"
            yield Problem(f"{path}.bucket", f"{shown(repository.bucket)} is not in storage.buckets, which has: {have}")


def _efs_problems(efs: EfsSettings, here: str, zones: Sequence[str]) -> Iterator[Problem]:
    wrong = efs_facts.throughput_problem(
        efs.throughput, performance=efs.performance, provisioned_mibps=efs.provisioned_mibps
    )
    if wrong:
        yield Problem(f"{here}.throughput", wrong)
    zones = [zone for zone in zones if not is_local(zone)]
    if efs.one_zone is not None and efs.one_zone not in zones:
        yield Problem(
            f"{here}.oneZone",
            f"{shown(efs.one_zone)} is not a zone of the network{nearest(efs.one_zone, zones)}; "
            f"it has: {one_of(zones)}",
        )
    names = [point.name for point in efs.access_points]
    for index, name in enumerate(names):
        if names.index(name) != index:
            yield Problem(f"{here}.accessPoints[{index}].name", f"{shown(name)} stands here twice")
