"""Which node groups Karpenter can have, over every accelerated instance type that a region offers."""

from collections import Counter
from typing import Any

import pytest

from infra.catalog import efa
from infra.catalog.instances import accelerated_types, instance_type
from infra.catalog.zones import offered_zones, regions
from infra.karpenter import groups
from infra.node_groups.expand import ManagedGroup, expand
from infra.node_groups.settings import NodeGroupSettings

VERSION = "1.35"
IMAGE = {"imageId": "ami-0123456789abcdef0"}


def managed(name: str, **more: Any) -> ManagedGroup:
    found = instance_type(name)
    raw = {"name": "g", "instanceTypes": [name], "zones": ["usw2-az1"], "efa": bool(found.efa_interfaces), **more}
    (group,) = expand([NodeGroupSettings.model_validate(raw)], "us-west-2", ("usw2-az1",))
    return group


def offered() -> list[str]:
    return [name for name in accelerated_types() if any(offered_zones(name, region) for region in regions())]


@pytest.mark.parametrize("name", offered())
def test_whatever_karpenter_takes_it_can_launch(name):
    """EC2NodeClass: one primary interface, no two of one place, one EFA interface on a card; images are pinned."""
    group = managed(name, **IMAGE)
    reason = groups.stays(group, VERSION)
    if reason is not None:
        assert name.startswith(("p6e", "trn2u"))
        return
    interfaces = group.interfaces
    if interfaces:
        assert (interfaces[0].card, interfaces[0].device, interfaces[0].kind) == (0, 0, "interface")
        assert {each.kind for each in interfaces} <= {"interface", "efa-only"}
        assert max(Counter((each.card, each.device) for each in interfaces).values()) == 1
        assert max(Counter(each.card for each in interfaces if each.kind == "efa-only").values()) == 1
    assert groups.image(group, VERSION) == {"id": IMAGE["imageId"]}


@pytest.mark.parametrize("name", ["hpc6id.32xlarge"])
def test_an_efa_interface_that_carries_the_address_stays(name):
    assert {each.kind for each in efa.layout(name)} >= {"efa"}
    reason = groups.stays(managed(name), VERSION)
    assert reason is not None
    assert "carries the node's address" in reason


def test_a_group_of_reservations_stays():
    arn = "arn:aws:resource-groups:us-west-2:123456789012:group/blocks"
    group = managed("p5.48xlarge", capacity={"type": "reservation", "resourceGroupArn": arn})
    assert "takes one by its id" in str(groups.stays(group, VERSION))


@pytest.mark.parametrize(
    ("more", "image"),
    [
        ({"releaseVersion": "1.35.2-20260105"}, {"alias": "al2023@v20260105"}),
        ({"os": "bottlerocket", "releaseVersion": "1.62.0-1a2b3c4d"}, {"alias": "bottlerocket@v1.62.0-1a2b3c4d"}),
        ({"os": "bottlerocket"}, None),
        (IMAGE, {"id": IMAGE["imageId"]}),
    ],
)
def test_images_are_pinned_or_the_group_stays(more, image):
    group = managed("g6.12xlarge", efa=False, **more)
    assert groups.image(group, VERSION) == image
    assert (groups.stays(group, VERSION) is None) is (image is not None)


def test_a_version_without_a_known_release_is_not_guessed():
    assert groups.image(managed("g6.12xlarge", efa=False), "1.99") is None


def test_a_part_of_a_gpu_counts():
    """EC2 says that g6f has no GPU."""
    assert groups.unknown_resources(managed("g6f.xlarge")) == {"nvidia.com/gpu": "1"}
    assert groups.unknown_resources(managed("g6.xlarge")) == {}
