"""The bill and the page of a recorded fleet, against prices worked out by hand."""

import io
import re
from datetime import date

import pulumi
import pulumi_aws as aws
import pytest

from infra.catalog import names
from slipway.plan.bill.types import FREE, PRICED
from slipway.plan.cost import cost
from slipway.plan.fleet import node_groups
from slipway.plan.model import Plan, Resource
from slipway.plan.summary import summary
from slipway.plan.text import PLAIN_WIDTH, show
from slipway.rehearsal.answers import RESOURCES
from slipway.rehearsal.recorder import RecordingError, record
from slipway.wire import UNKNOWN

TODAY = date(2026, 11, 22)
REGION = "us-east-1"


def planned(program, region=REGION):
    def run():
        program(pulumi.ResourceOptions(provider=aws.Provider("aws", region=region)))

    return record(run, project="demo", stack="test", config={})


def cluster(opts, support="STANDARD", version="1.35"):
    return aws.eks.Cluster(
        "c",
        name="c",
        role_arn="arn:aws:iam::123456789012:role/r",
        version=version,
        upgrade_policy={"support_type": support},
        vpc_config={
            "subnet_ids": ["subnet-1"],
            "endpoint_private_access": True,
            "public_access_cidrs": ["203.0.113.0/24"],
        },
        opts=opts,
    )


def group(opts, name, types, capacity="on-demand", *, sizes=(0, 1, 4), disk=None, efa=0, in_template=False):
    kinds = ["interface", *["efa-only"] * efa]
    interfaces = [aws.ec2.LaunchTemplateNetworkInterfaceArgs(interface_type=kind) for kind in kinds]
    template = aws.ec2.LaunchTemplate(
        name,
        instance_type=types[0] if in_template else None,
        block_device_mappings=[{"device_name": "/dev/xvda", "ebs": disk}] if disk else None,
        network_interfaces=interfaces if efa else None,
        opts=opts,
    )
    kind = {"spot": "SPOT", "capacity-block": "CAPACITY_BLOCK"}.get(capacity, "ON_DEMAND")
    aws.eks.NodeGroup(
        name,
        cluster_name="c",
        node_role_arn="arn:aws:iam::123456789012:role/r",
        subnet_ids=["subnet-1"],
        instance_types=None if in_template else types,
        capacity_type=kind,
        labels={names.GROUP_LABEL: name, names.NODE_ZONE_LABEL: "use1-az1", names.CAPACITY_LABEL: capacity},
        scaling_config={"min_size": sizes[0], "desired_size": sizes[1], "max_size": sizes[2]},
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        opts=opts,
    )


def line(found, start):
    (one,) = [each for each in found.lines if each.item.startswith(start)]
    return one


def test_gpu_nodes_at_desired_and_at_maximum():
    """p5.48xlarge is 55.04 USD an hour in us-east-1 (AWS price list 2026-07-20)."""
    found = cost(planned(lambda opts: group(opts, "gpu", ["p5.48xlarge"])), TODAY)
    nodes = line(found, "gpu: p5.48xlarge on-demand")
    assert (nodes.desired, nodes.maximum) == (pytest.approx(55.04), pytest.approx(4 * 55.04))
    assert nodes.verified
    assert found.desired == pytest.approx(55.04)


def test_a_capacity_block_takes_the_type_from_the_launch_template():
    """p5.48xlarge by Capacity Block is 41.528 USD an instance and hour (list of 2026-07-28)."""
    found = cost(
        planned(
            lambda opts: group(opts, "block", ["p5.48xlarge"], "capacity-block", in_template=True, sizes=(0, 0, 2))
        ),
        TODAY,
    )
    nodes = line(found, "block: p5.48xlarge capacity-block")
    assert (nodes.desired, nodes.maximum) == (0, pytest.approx(2 * 41.528))


def test_a_reservation_is_known_by_its_label():
    (found,) = node_groups(planned(lambda opts: group(opts, "held", ["g6.xlarge"], "reservation")))
    assert found.capacity == "reservation"


def test_gp3_root_volumes_over_what_is_included():
    """100 GiB x 0.08 + 1000 IOPS over 3000 x 0.005 + 125 MB/s over 125 x 0.04 = 18 USD a month, / 730 hours."""
    disk = {"volume_type": "gp3", "volume_size": 100, "iops": 4000, "throughput": 250}
    found = cost(planned(lambda opts: group(opts, "g", ["g6.xlarge"], disk=disk, sizes=(0, 2, 5))), TODAY)
    volumes = line(found, "g: gp3 100 GiB")
    assert volumes.desired == pytest.approx(2 * 18 / 730)
    assert volumes.maximum == pytest.approx(5 * 18 / 730)


def test_spot_counts_the_dearest_type_and_is_an_estimate():
    found = cost(planned(lambda opts: group(opts, "s", ["g5.xlarge", "g5.4xlarge"], "spot")), TODAY)
    nodes = line(found, "s: g5.4xlarge spot")
    assert 0 < nodes.desired < 1.624  # g5.4xlarge on demand
    assert not nodes.verified


@pytest.mark.parametrize(("type_", "capacity"), [("p5e.48xlarge", "on-demand"), ("p5e.48xlarge", "reservation")])
def test_what_has_no_price_is_listed_and_never_zero(type_, capacity):
    """p5e has no on-demand price (facts: Capacity Blocks or commitments only)."""
    found = cost(planned(lambda opts: group(opts, "x", [type_], capacity)), TODAY)
    assert found.lines == ()
    assert found.unpriced == (f"x: {type_}, {capacity} in us-east-1: no price known",)
    assert not found.verified


def test_a_group_of_size_zero_costs_nothing():
    found = cost(planned(lambda opts: group(opts, "off", ["p5e.48xlarge"], sizes=(0, 0, 0))), TODAY)
    assert (found.lines, found.unpriced) == ((), ())


@pytest.mark.parametrize(
    ("support", "version", "usd"),
    [("STANDARD", "1.35", 0.10), ("EXTENDED", "1.35", 0.10), ("EXTENDED", "1.32", 0.60)],
)
def test_the_control_plane_costs_more_in_extended_support(support, version, usd):
    found = cost(planned(lambda opts: cluster(opts, support, version)), TODAY)
    assert line(found, "EKS cluster").desired == pytest.approx(usd)


def test_network_and_keys():
    """NAT 0.045, address 0.005, interface endpoint 0.01 a zone, key 1 a month: all per hour in us-east-1."""

    def program(opts):
        for n in range(2):
            address = aws.ec2.Eip(f"e{n}", opts=opts)
            aws.ec2.NatGateway(f"n{n}", allocation_id=address.id, subnet_id="subnet-1", opts=opts)
        for n in range(3):
            aws.ec2.VpcEndpoint(
                f"i{n}", vpc_id="vpc-1", service_name="com.amazonaws.us-east-1.ec2", vpc_endpoint_type="Interface",
                subnet_ids=["subnet-1", "subnet-2"], opts=opts,
            )  # fmt: skip
        aws.ec2.VpcEndpoint("s3", vpc_id="vpc-1", service_name="com.amazonaws.us-east-1.s3", opts=opts)
        aws.kms.Key("k", opts=opts)

    found = cost(planned(program), TODAY)
    assert found.desired == pytest.approx(2 * 0.045 + 2 * 0.005 + 6 * 0.01 + 1 / 730)
    assert found.verified
    assert found.by_use == ("NAT gateway traffic", "interface endpoint traffic")


def lustre(opts, **inputs):
    return aws.fsx.LustreFileSystem("training", subnet_ids="subnet-1", opts=opts, **inputs)


def test_lustre_by_tier():
    """PERSISTENT_2 at 125 MB/s per TiB is 0.145 USD per GB and month."""
    found = cost(
        planned(
            lambda opts: lustre(
                opts, deployment_type="PERSISTENT_2", per_unit_storage_throughput=125, storage_capacity=2400
            )
        ),
        TODAY,
    )
    assert line(found, "training: FSx PERSISTENT_2 2400 GiB").desired == pytest.approx(2400 * 0.145 / 730)


@pytest.mark.parametrize(
    "inputs",
    [
        {"deployment_type": "SCRATCH_1", "storage_capacity": 1200},
        {"deployment_type": "PERSISTENT_2", "storage_type": "INTELLIGENT_TIERING", "throughput_capacity": 4000},
    ],
)
def test_lustre_without_a_known_price_is_listed(inputs):
    found = cost(planned(lambda opts: lustre(opts, **inputs)), TODAY)
    assert found.lines == ()
    assert "no price known" in found.unpriced[0]


def test_efs_is_by_use_and_its_provisioned_throughput_is_not():
    """6 USD per MB/s and month."""

    def program(opts):
        aws.efs.FileSystem("home", opts=opts)
        aws.efs.FileSystem("fast", throughput_mode="provisioned", provisioned_throughput_in_mibps=100, opts=opts)

    found = cost(planned(program), TODAY)
    assert found.desired == pytest.approx(600 / 730)
    assert found.by_use == ("EFS storage and transfer",)


def test_every_type_of_the_program_is_known_to_cost_something_or_nothing():
    """A new type must be put in one of the two, or every plan says that its price is not known."""
    assert {type_ for type_ in RESOURCES if type_.startswith("aws:")} == PRICED | FREE
    assert not PRICED & FREE


def test_a_type_in_neither_is_listed():
    def program(opts):
        pulumi.CustomResource("aws:redshift/cluster:Cluster", "warehouse", {}, opts)

    with pytest.raises(RecordingError, match=r"warehouse: no simulated answer for aws:redshift/cluster:Cluster"):
        planned(program)
    unknown = Resource(urn="urn:pulumi:test::demo::aws:redshift/cluster:Cluster::warehouse", custom=True)
    found = cost(Plan(project="demo", stack="test", resources=(unknown,)), TODAY)
    assert found.unpriced == ("aws:redshift/cluster:Cluster: no price known",)


def test_another_region_is_an_estimate_and_says_so():
    found = cost(planned(lambda opts: aws.kms.Key("k", opts=opts), region="eu-west-1"), TODAY)
    assert found.region == "eu-west-1"
    assert not found.lines[0].verified
    assert "us-east-1 price" in found.lines[0].basis


def whole(opts):
    cluster(opts)
    group(opts, "gpu", ["p5en.48xlarge"], efa=16, sizes=(0, 1, 2))
    group(opts, "none", ["p5e.48xlarge"])
    lustre(opts, deployment_type="SCRATCH_2", storage_capacity=1200)
    pulumi.export("warnings", ["read me"])


@pytest.fixture(scope="module")
def plan():
    return planned(whole)


def test_summary_of_groups(plan):
    found = summary(plan, TODAY)
    gpu = found.groups[0]
    assert (gpu.group, gpu.zone, gpu.types, gpu.capacity) == ("gpu", "use1-az1", ("p5en.48xlarge",), "on-demand")
    assert (gpu.minimum, gpu.desired, gpu.maximum) == (0, 1, 2)
    assert gpu.accelerator == "8 x H200, 141 GiB each"
    assert gpu.accelerators_at_maximum == 16
    assert gpu.efa_interfaces == 16
    assert found.endpoint == "public from 203.0.113.0/24 and private"
    assert found.zones == ("use1-az1",)
    assert found.warnings == ("read me",)


def test_summary_of_an_existing_vpc(existing):
    found = summary(existing, TODAY)
    # Nothing is known of its gateways; the zone of its subnets is known by the node groups in them.
    assert found.network == "existing VPC vpc-0123456789abcdef0"
    assert {(store.name, store.zone) for store in found.stores} == {("gds", "use1-az6"), ("data", "all")}


def test_a_version_that_aws_will_choose_is_not_shown_as_known(existing):
    versions = {addon.name: addon.version for addon in summary(existing, TODAY).addons}
    assert versions["snapshot-controller"] == UNKNOWN
    assert versions["vpc-cni"].startswith("v1.")


def test_efs_one_zone_goes_by_the_zones_id(inference):
    (models,) = [store for store in summary(inference, TODAY).stores if store.kind == "EFS"]
    assert (models.name, models.zone) == ("models", "usw2-az1")


def test_the_lines_of_a_long_warning_begin_below_each_other():
    stream = io.StringIO()
    show(summary(planned(lambda _: pulumi.export("warnings", ["word " * 40])), TODAY), stream)
    lines = stream.getvalue().partition("Warnings\n")[2].splitlines()
    assert len(lines) > 1
    assert lines[0].startswith("  - word")
    assert all(each.startswith("    word") for each in lines[1:])


@pytest.mark.parametrize("brief", [False, True])
def test_the_page_is_plain_and_fits_where_there_is_no_terminal(plan, brief):
    stream = io.StringIO()
    show(summary(plan, TODAY), stream, brief=brief)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert all(len(line_) <= PLAIN_WIDTH and line_ == line_.rstrip() for line_ in text.splitlines())
    for word in ("p5en.48xlarge", "H200", "1,200 GiB", "read me", "Kubernetes 1.35"):
        assert word in text
    assert ("not counted: none: p5e.48xlarge" in text) is not brief


def test_the_page_holds_every_figure_of_the_bill(plan):
    stream = io.StringIO()
    found = summary(plan, TODAY)
    show(found, stream)
    assert f"{found.cost.desired:,.2f}" in stream.getvalue()
    assert f"{found.cost.maximum:,.2f}" in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_the_page_fits_any_terminal(plan, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    show(summary(plan, TODAY), stream)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert max(map(len, plain.splitlines())) <= columns
