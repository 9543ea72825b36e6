"""What FSx, EFS and S3 return."""

from typing import Any, Final

from slipway.rehearsal.answers.request import Answer, Request, Rule, Table


def _lustre(request: Request) -> Answer:
    id_, ids = request.ids.id("fs", request.name), request.ids
    # "fsx" is the mount name of SCRATCH_1 alone; elsewhere FSx makes eight characters up, others on replacement.
    scratch_1 = request.text("deploymentType", "SCRATCH_1") == "SCRATCH_1"
    outputs: dict[str, Any] = {
        "arn": ids.arn("fsx", f"file-system/{id_}"),
        "dnsName": f"{id_}.fsx.{ids.region}.{ids.dns_suffix}",
        "mountName": "fsx" if scratch_1 else ids.letters("mount", request.name, 8),
        "networkInterfaceIds": [ids.id("eni", request.name)],
        "ownerId": ids.account,
        "fileSystemTypeVersion": "2.15",
        "weeklyMaintenanceStartTime": "1:00:00",
        **request.tags,
    }
    if "kmsKeyId" not in request.inputs:
        outputs["kmsKeyId"] = ids.arn("kms", f"key/{ids.uuid('fsx-default-key', ids.region)}")
    return Answer(id=id_, outputs=outputs)


def _data_repository(request: Request) -> Answer:
    id_ = request.ids.id("dra", request.name)
    file_system = request.text("fileSystemId", request.name)
    outputs = {
        "arn": request.ids.arn("fsx", f"association/{file_system}/{id_}"),
        "associationId": id_,
        "importedFileChunkSize": 1024,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _efs(request: Request) -> Answer:
    id_, ids = request.ids.id("fs", request.name), request.ids
    outputs: dict[str, Any] = {
        "arn": ids.arn("elasticfilesystem", f"file-system/{id_}"),
        "creationToken": ids.name(request.name),
        "dnsName": f"{id_}.efs.{ids.region}.{ids.dns_suffix}",
        "name": (request.inputs.get("tags") or {}).get("Name", ""),
        "numberOfMountTargets": 0,
        "ownerId": ids.account,
        "performanceMode": "generalPurpose",
        "sizeInBytes": [{"value": 6144, "valueInIa": 0, "valueInStandard": 6144}],
        "throughputMode": "bursting",
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _mount_target(request: Request) -> Answer:
    ids, file_system = request.ids, request.text("fileSystemId", request.name)
    host = f"{file_system}.efs.{ids.region}.{ids.dns_suffix}"
    outputs = {
        "dnsName": host,
        "mountTargetDnsName": f"{ids.region}a.{host}",
        "fileSystemArn": ids.arn("elasticfilesystem", f"file-system/{file_system}"),
        "ipAddress": ids.address(request.name, "10.0"),
        "networkInterfaceId": ids.id("eni", request.name),
        "ownerId": ids.account,
    }
    return Answer(id=ids.id("fsmt", request.name), outputs=outputs)


def _access_point(request: Request) -> Answer:
    id_, ids = request.ids.id("fsap", request.name), request.ids
    file_system = request.text("fileSystemId", request.name)
    outputs = {
        "arn": ids.arn("elasticfilesystem", f"access-point/{id_}"),
        "fileSystemArn": ids.arn("elasticfilesystem", f"file-system/{file_system}"),
        "ownerId": ids.account,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _bucket(request: Request) -> Answer:
    name, ids = request.named("bucket"), request.ids
    outputs = {
        "arn": ids.arn("s3", name, regional=False, owned=False),
        "bucket": name,
        "bucketDomainName": f"{name}.s3.{ids.dns_suffix}",
        "bucketRegion": ids.region,
        "bucketRegionalDomainName": f"{name}.s3.{ids.region}.{ids.dns_suffix}",
        "hostedZoneId": f"Z{ids.hex('s3-zone', ids.region, 13).upper()}",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _of(key: str) -> Rule:
    """A part of another resource: its id is that resource's, as the provider has it."""
    return lambda request: Answer(id=request.text(key, request.name))


RESOURCES: Final[Table] = {
    "aws:fsx/lustreFileSystem:LustreFileSystem": _lustre,
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": _data_repository,
    "aws:efs/fileSystem:FileSystem": _efs,
    "aws:efs/mountTarget:MountTarget": _mount_target,
    "aws:efs/accessPoint:AccessPoint": _access_point,
    "aws:efs/backupPolicy:BackupPolicy": _of("fileSystemId"),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _of("fileSystemId"),
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketVersioning:BucketVersioning": _of("bucket"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _of("bucket"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _of("bucket"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _of("bucket"),
    "aws:s3/bucketPolicy:BucketPolicy": _of("bucket"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _of("bucket"),
    "aws:s3/bucketLogging:BucketLogging": _of("bucket"),
}
