"""What the data sources (invokes) return."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.catalog import zones
from slipway.rehearsal.answers.ids import Ids

Invoke = Callable[[Mapping[str, Any], Ids], dict[str, Any]]


def _identity(_args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    return {
        "accountId": ids.account,
        "arn": ids.arn("iam", "user/slipway", regional=False),
        "id": ids.account,
        "userId": f"AIDA{ids.letters('user', 'slipway', 17).upper()}",
    }


def _partition(_args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    return {
        "partition": ids.partition,
        "dnsSuffix": ids.dns_suffix,
        "id": ids.partition,
        "reverseDnsPrefix": ".".join(reversed(ids.dns_suffix.split("."))),
    }


def _region(_args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    return {
        "name": ids.region,
        "region": ids.region,
        "id": ids.region,
        "description": ids.region,
        "endpoint": f"ec2.{ids.region}.{ids.dns_suffix}",
    }


def _zones(_args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    found = sorted((ids.zone_name(zone), zone) for zone in zones.zones(ids.region))
    return {
        "id": ids.region,
        "region": ids.region,
        "names": [name for name, _ in found],
        "zoneIds": [zone for _, zone in found],
        "groupNames": [ids.region],
    }


def _zone(args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    asked = args.get("zoneId"), args.get("name")
    for zone_id in (*zones.zones(ids.region), *zones.local_zones(ids.region)):
        name = ids.zone_name(zone_id)
        if zone_id in asked or name in asked:
            return {
                "id": ids.region,
                "region": ids.region,
                "name": name,
                "zoneId": zone_id,
                "nameSuffix": name.removeprefix(ids.region),
                "groupName": ids.region,
                "networkBorderGroup": ids.region,
                "optInStatus": "opt-in-not-required",
                "parentZoneId": "",
                "parentZoneName": "",
                "state": "available",
                "zoneType": "availability-zone",
            }
    raise LookupError(f"{ids.region} has no zone {asked[0] or asked[1]}")


def _vpc(args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    id_ = str(args.get("id") or ids.id("vpc", "existing"))
    return {
        "id": id_,
        "arn": ids.arn("ec2", f"vpc/{id_}"),
        "cidrBlock": args.get("cidrBlock") or "10.0.0.0/16",
        "cidrBlockAssociations": [],
        "default": False,
        "dhcpOptionsId": ids.id("dopt", id_),
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "enableNetworkAddressUsageMetrics": False,
        "instanceTenancy": "default",
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "mainRouteTableId": ids.id("rtb", id_),
        "ownerId": ids.account,
        "region": ids.region,
        "state": "available",
        "tags": {},
    }


def _addon_version(args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    # AWS's default changes with time, so no real version is claimed: this one names itself as made up.
    return {
        "addonName": args["addonName"],
        "kubernetesVersion": args["kubernetesVersion"],
        "mostRecent": bool(args.get("mostRecent")),
        "id": args["addonName"],
        "region": ids.region,
        "version": "v1.0.0-eksbuild.1",
    }


def _parameter(args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    """A public parameter of AWS's that holds an image id, which is made up: newer ones come every week."""
    name = str(args["name"])
    if not name.startswith("/aws/service/") or not name.endswith(("ami-id", "image_id")):
        raise LookupError(f"{name} is not a public parameter with an image id")
    image = ids.id("ami", name)
    return {
        "arn": ids.arn("ssm", f"parameter{name}", owned=False),
        "id": name,
        "insecureValue": image,
        "name": name,
        "region": ids.region,
        "type": "String",
        "value": image,
        "version": 1,
    }


def _prefix_list(args: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    """A prefix list that AWS manages, such as that of S3."""
    name = str(args["name"])
    id_ = ids.id("pl", name)
    return {
        "addressFamily": "IPv4",
        "arn": ids.arn("ec2", f"prefix-list/{id_}").replace(ids.account, "aws"),
        "entries": [],
        "id": id_,
        "maxEntries": 0,
        "name": name,
        "ownerId": "AWS",
        "region": ids.region,
        "tags": {},
        "version": 0,
    }


INVOKES: Final[Mapping[str, Invoke]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getAvailabilityZone:getAvailabilityZone": _zone,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:ssm/getParameter:getParameter": _parameter,
    "aws:eks/getAddonVersion:getAddonVersion": _addon_version,
}
