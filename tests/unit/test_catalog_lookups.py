"""What every look-up of the catalogue promises: right answers for right names, nearest names for wrong ones."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.catalog import amis, autoscaler, eks, latencies, prices, quotas
from infra.catalog.efa import EFA_HUGEPAGES, NetworkInterface, layout
from infra.catalog.errors import UnknownNameError, nearest
from infra.catalog.instances import (
    accelerated_types,
    eni_pods,
    instance_type,
    instance_types,
    kube_reserved_memory_mib,
    max_pods,
)
from infra.catalog.mig import profiles
from infra.catalog.table import DATA, Table, render
from infra.catalog.zones import local_zones, offered_zones, region_of, regions, zones

TYPES = st.sampled_from(instance_types())
LOOK_UPS: dict[str, tuple[Callable[[str], Any], Sequence[str]]] = {
    "instance type": (instance_type, instance_types()),
    "region": (zones, regions()),
    "zone id": (region_of, [zone for region in regions() for zone in zones(region)] + ["use1-dfw2-az1"]),
    "EKS version": (eks.version, [v.version for v in eks.versions()]),
    "EKS add-on": (lambda name: eks.addon_version(name, "1.35"), eks.addons()),
    "latency": (latencies.latency, latencies.slugs()),
    "quota": (quotas.quota, quotas.slugs()),
    "price": (prices.infrastructure, prices.infrastructure_slugs()),
    "cluster-autoscaler option": (autoscaler.option_tag, autoscaler.OPTIONS),
    "AMI type": (lambda name: amis.ssm_parameter(name, "1.35"), amis.ami_types()),
}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(LOOK_UPS)), st.text(min_size=1, max_size=20))
def test_an_unknown_name_is_told_with_known_names_of_its_kind(kind, name):
    look_up, known = LOOK_UPS[kind]
    if name in known:
        return
    with pytest.raises(UnknownNameError) as error:
        look_up(name)
    assert error.value.nearest
    assert set(error.value.nearest) <= set(known)
    message = str(error.value)
    assert message.startswith(f"unknown {kind} {name!r}; nearest: ")
    assert all(near in message for near in error.value.nearest)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("p5.48xlrge", "p5.48xlarge"),
        ("P5.48XLARGE", "p5.48xlarge"),
        ("p6-b300", "p6-b300.48xlarge"),
        ("g6e.48xl", "g6e.48xlarge"),
        ("trn2.48-xlarge", "trn2.48xlarge"),
    ],
)
def test_a_slip_in_an_instance_type_is_answered_with_the_type_meant(wrong, right):
    with pytest.raises(UnknownNameError) as error:
        instance_type(wrong)
    assert right in error.value.nearest


@pytest.mark.parametrize(
    ("look_up", "wrong", "right"),
    [(zones, "us-west2", "us-west-2"), (region_of, "use1az4", "use1-az4"), (eks.version, "1.53", "1.35")],
)
def test_a_slip_in_a_region_zone_or_version_is_answered_with_the_one_meant(look_up, wrong, right):
    with pytest.raises(UnknownNameError) as error:
        look_up(wrong)
    assert right in error.value.nearest


def test_nearest_names_nothing_only_when_nothing_is_known():
    assert nearest("p5", ()) == ()
    assert set(nearest("§", ("a", "b"))) == {"a", "b"}


def test_every_type_can_be_looked_up_and_holds_together():
    for name in instance_types():
        found = instance_type(name)
        assert found.name == name, name
        assert found.vcpus > 0, name
        assert found.memory_mib > 0, name
        assert found.network_cards == len(found.enis_per_card) >= 1, name
        assert found.max_pods == eni_pods(found.enis_per_card[0], found.ipv4_per_eni), name
        assert (found.efa_interfaces > 0) == bool(found.efa_cards), name
        assert found.network_gbps > 0, name
        assert found.usage_classes <= {"on-demand", "spot", "capacity-block"}, name
        assert found.arch in ("amd64", "arm64"), name
        if found.accelerator:
            assert found.accelerator.count >= 1, name
            assert found.accelerator.memory_mib > 0, name
            assert name in accelerated_types(), name


def test_layouts_fit_the_cards():
    for name in instance_types():
        found, interfaces = instance_type(name), layout(name)
        if not found.efa_interfaces:
            assert interfaces == (), name
            continue
        slots = [(i.card, i.device) for i in interfaces]
        assert slots[0] == (0, 0), name
        assert len(set(slots)) == len(slots), name
        assert sum(i.kind != "interface" for i in interfaces) == found.efa_interfaces, name
        # The node's address is on the first interface alone: efa-only takes none.
        assert [i.kind for i in interfaces[1:]] == ["efa-only"] * (len(interfaces) - 1), name
        assert interfaces[0].kind == ("efa" if found.enis_per_card[0] == 1 and 0 in found.efa_cards else "interface"), (
            name
        )
        for card in range(found.network_cards):
            devices = [i.device for i in interfaces if i.card == card]
            assert len(devices) <= found.enis_per_card[card], name
            assert all(device < found.enis_per_card[card] for device in devices), name


def test_p5_has_one_ena_and_32_efa_interfaces():
    interfaces = layout("p5.48xlarge")
    assert len(interfaces) == 33
    assert interfaces[:3] == (
        NetworkInterface(card=0, device=0, kind="interface"),
        NetworkInterface(card=0, device=1, kind="efa-only"),
        NetworkInterface(card=1, device=0, kind="efa-only"),
    )


def test_card_0_of_p6_b300_and_p6e_gb200_carries_no_efa():
    """One `efa` on every card, the usual rule, is refused at launch by both types."""
    b300, gb200 = layout("p6-b300.48xlarge"), layout("p6e-gb200.36xlarge")
    assert [i.card for i in b300] == [0, *range(1, 17)]
    assert [i.card for i in gb200] == [0, 1, 3, 5, 7, 9, 11, 13, 15]
    assert [i.kind for i in b300 if i.card == 0] == [i.kind for i in gb200 if i.card == 0] == ["interface"]


def test_an_efa_interface_on_card_0_costs_pods():
    assert max_pods(instance_type("p5.48xlarge"), efa=False) == 100
    assert max_pods(instance_type("p5.48xlarge"), efa=True) == 51
    assert max_pods(instance_type("p5en.48xlarge"), efa=True) == 149
    assert max_pods(instance_type("p6-b300.48xlarge"), efa=True) == 198
    assert max_pods(instance_type("m7i.large"), efa=False) == 29
    assert max_pods(instance_type("g4dn.metal"), efa=False) == 250


def test_nodeadm_keeps_11_mib_a_pod_and_255():
    assert kube_reserved_memory_mib(110) == 1465
    assert EFA_HUGEPAGES == 5128


@settings(max_examples=40, deadline=None)
@given(TYPES, st.booleans())
def test_pods_never_exceed_the_managed_cap_nor_the_formula(name, efa):
    found = instance_type(name)
    assert max_pods(found, efa=efa) <= min(found.max_pods, 110 if found.vcpus < 30 else 250)


def test_types_without_an_hourly_offer():
    without = {name for name in accelerated_types() if not instance_type(name).on_demand}
    families = {instance_type(name).family for name in without}
    assert families == {"p5e", "trn2", "trn2u", "p6e-gb200"}


def test_clocks_are_those_of_the_ec2_user_guide():
    clocks = {
        "p4d.24xlarge": (1215, 1410),
        "p5.48xlarge": (2619, 1980),
        "p5en.48xlarge": (3201, 1980),
        "p6-b200.48xlarge": (3996, 1965),
        "p6-b300.48xlarge": (3996, 2032),
        "g6e.xlarge": (9001, 2520),
    }
    for name, expected in clocks.items():
        accelerator = instance_type(name).accelerator
        assert accelerator is not None
        assert accelerator.clocks is not None
        assert (accelerator.clocks.memory_mhz, accelerator.clocks.graphics_mhz) == expected
    for name in ("g7.2xlarge", "g5g.xlarge", "p6e-gb200.36xlarge", "trn1.32xlarge"):
        accelerator = instance_type(name).accelerator
        assert accelerator is not None
        assert accelerator.clocks is None


def test_autoscaler_labels_are_known_ones_or_of_their_form():
    labels = {
        "p3dn.24xlarge": "nvidia-tesla-v100",
        "p4de.24xlarge": "nvidia-tesla-a100",
        "g4dn.xlarge": "nvidia-tesla-t4",
        "g5.xlarge": "nvidia-a10g",
        "g6.xlarge": "nvidia-l4",
        "g6e.xlarge": "nvidia-l40s",
        "p5.48xlarge": "nvidia-h100",
        "trn2.48xlarge": "aws-trainium2",
    }
    for name, label in labels.items():
        accelerator = instance_type(name).accelerator
        assert accelerator is not None
        assert accelerator.autoscaler_label == label


def test_a_single_accelerator_has_no_interconnect():
    links = {n: a.interconnect for n in ("p5.4xlarge", "p5.48xlarge") if (a := instance_type(n).accelerator)}
    assert links == {"p5.4xlarge": None, "p5.48xlarge": "NVSwitch, NVLink 4, 900 GB/s per GPU"}


def ami_or_reason(name: str, *, bottlerocket: bool) -> tuple[str, str]:
    try:
        return amis.ami_type(instance_type(name), bottlerocket=bottlerocket), ""
    except ValueError as error:
        return "", str(error)


def test_every_type_has_an_ami_or_a_reason():
    for name in instance_types():
        found = instance_type(name)
        for bottlerocket in (False, True):
            kind, reason = ami_or_reason(name, bottlerocket=bottlerocket)
            if reason:
                assert found.accelerator, name
                assert reason.startswith(name)
                assert "use" in reason or "choose" in reason
                continue
            nvidia = found.accelerator is not None and found.accelerator.kind == "nvidia"
            assert ("ARM" in kind) == (found.arch == "arm64"), name
            assert ("NVIDIA" in kind) == nvidia, name
            assert kind.startswith("BOTTLEROCKET") == bottlerocket, name


def test_neuron_on_bottlerocket_is_the_plain_variant_and_an_fpga_the_standard_al2023():
    assert amis.ami_type(instance_type("trn1.32xlarge"), bottlerocket=True) == "BOTTLEROCKET_x86_64"
    assert amis.ami_type(instance_type("f2.6xlarge")) == "AL2023_x86_64_STANDARD"
    with pytest.raises(ValueError, match=r"f2\.6xlarge.*FPGA.*AL2023"):
        amis.ami_type(instance_type("f2.6xlarge"), bottlerocket=True)


def test_release_versions_are_of_the_minor_they_are_asked_for():
    for kind in amis.ami_types():
        for minor in eks.ACCEPTED_VERSIONS:
            release = amis.release_version(kind, minor)
            assert release is None or kind.startswith("BOTTLEROCKET") or release.startswith(f"{minor}.")
    assert amis.release_version("AL2023_x86_64_NVIDIA", "1.29") is None


def test_zones_belong_to_their_region():
    for region in regions():
        assert zones(region)
        for zone in (*zones(region), *local_zones(region)):
            assert region_of(zone) == region


@settings(max_examples=60, deadline=None)
@given(TYPES, st.sampled_from(regions()))
def test_a_type_is_offered_in_zones_of_the_region_only(name, region):
    assert set(offered_zones(name, region)) <= {*zones(region), *local_zones(region)}


def test_ultraservers_are_offered_in_a_local_zone():
    assert offered_zones("p6e-gb200.36xlarge", "us-east-1") == ("use1-dfw2-az1",)
    assert "use1-dfw2-az1" not in zones("us-east-1")
    assert offered_zones("p6e-gb200.36xlarge", "eu-west-1") == ()


def test_accepted_versions_are_supported_and_have_an_autoscaler_image():
    assert eks.DEFAULT_VERSION in eks.ACCEPTED_VERSIONS
    for name in eks.ACCEPTED_VERSIONS:
        assert eks.support(name, date(2026, 11, 22)) == "standard"
        assert autoscaler.image_tag(name).startswith(f"v{name}.")
    assert autoscaler.image_tag("1.35") == "v1.35.2"


def test_addon_versions_are_exact_have_a_source_and_kube_proxy_follows_the_minor():
    for addon in eks.addons():
        for minor in eks.ACCEPTED_VERSIONS:
            pin = eks.addon_version(addon, minor)
            if pin is not None:
                number, _, build = pin.version.partition("-eksbuild.")
                assert number[0] == "v"
                assert build.isdecimal()
                assert pin.source
    for minor in eks.ACCEPTED_VERSIONS:
        pin = eks.addon_version("kube-proxy", minor)
        assert pin is not None
        assert pin.version.startswith(f"v{minor}.")
    assert eks.addon_version("vpc-cni", "1.29") is None


def test_mig_cuts_a_gpu_into_at_most_seven():
    for name in accelerated_types():
        for profile, most in profiles(name).items():
            slices = int(profile.partition("g.")[0])
            assert 1 <= most <= 7
            assert most * slices <= 7
    assert profiles("p5.48xlarge")["1g.10gb"] == 7
    assert profiles("g5.xlarge") == {}


def test_a_spot_quota_is_refused_for_what_is_not_sold_as_spot():
    with pytest.raises(ValueError, match=r"p6e-gb200\.36xlarge is not sold as Spot"):
        quotas.vcpu_quota("p6e-gb200.36xlarge", "spot")


def test_every_type_has_a_vcpu_quota():
    for name in instance_types():
        assert quotas.vcpu_quota(name, "on-demand").code, name
        if "spot" in instance_type(name).usage_classes:
            assert quotas.vcpu_quota(name, "spot").code, name


def test_autoscaler_tags_have_the_documented_form():
    template = "k8s.io/cluster-autoscaler/node-template"
    assert autoscaler.label_tag("a/b") == f"{template}/label/a/b"
    assert autoscaler.taint_tag("nvidia.com/gpu") == f"{template}/taint/nvidia.com/gpu"
    assert autoscaler.resource_tag("vpc.amazonaws.com/efa") == f"{template}/resources/vpc.amazonaws.com/efa"
    assert autoscaler.option_tag("scaledownunneededtime") == f"{template}/autoscaling-options/scaledownunneededtime"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_data_files_are_plain_json_one_row_a_line_with_source_and_date(path):
    text = path.read_text()
    whole = json.loads(text)
    assert render(whole["meta"], whole["rows"]) == text
    assert whole["meta"].get("source") or whole["meta"].get("sources")
    assert whole["meta"]["date"]
    table = Table(path)
    assert table.meta == whole["meta"]
    assert {name: table.row(name) for name in table.names()} == whole["rows"]


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters='"\\'), min_size=1),
        st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
    )
)
def test_what_is_written_is_what_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "t.json"
    path.write_text(render({"date": "x"}, rows))
    table = Table(path)
    assert {name: table.row(name) for name in table.names()} == rows
    assert table.row("no such row") is None


def test_a_file_of_another_form_is_refused(tmp_path):
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(ValueError, match=r"t\.json: not a catalogue file"):
        Table(tmp_path / "t.json")


def test_the_catalogue_needs_the_standard_library_only():
    modules = sorted(path.stem for path in DATA.parent.glob("*.py") if path.stem != "__init__")
    program = (
        "import sys\n"
        + "".join(f"import infra.catalog.{module}\n" for module in modules)
        + "third = {'boto3', 'botocore', 'pulumi', 'pydantic', 'yaml'} & set(sys.modules)\n"
        + "sys.exit(f'imported {third}' if third else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
