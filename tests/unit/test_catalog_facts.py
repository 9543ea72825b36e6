"""The catalogue against the facts it was built from: where both speak of a thing, they say the same."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from infra.catalog import amis, autoscaler, efs, eks, latencies, lustre, mig, prices, quotas
from infra.catalog.efa import layout
from infra.catalog.instances import accelerated_types, instance_type, instance_types, max_pods
from infra.catalog.table import table
from infra.catalog.zones import offered_zones

FACTS = Path(__file__).resolve().parents[2].parent / "shared" / "facts"
GATHERED = "2026-11-22"
pytestmark = pytest.mark.skipif(not FACTS.is_dir(), reason="../shared/facts is not here")

# No EKS AMI drives these, so the catalogue leaves them out (meta of data/instances.json).
LEFT_OUT = {"dl2q.24xlarge", "vt1.24xlarge"}
# The API's newer answers give these two network cards (meta of data/instances.json).
TWO_CARDS = {"i7ie.48xlarge", "i7ie.metal-48xl", "i8ge.48xlarge", "i8ge.metal-48xl"}


def rows(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(newline="") as file:
        return list(csv.DictReader(file))


def tree(name: str):
    return json.loads((FACTS / name).read_text())


def as_gathered(name: str) -> None:
    """Skip when a refresh has renewed the file since: then AWS's newer answer is right."""
    if table(name).meta["date"] > GATHERED:
        pytest.skip(f"data/{name}.json was renewed after the facts were gathered")


def accelerated() -> list[dict[str, str]]:
    """The rows that are EC2 types; the two Trainium3 rows are UltraServer totals without a type's name."""
    return [row for row in rows("instance_types.csv") if not row["instance_type"].startswith("(")]


def test_accelerated_types_have_the_facts_figures():
    as_gathered("instances")
    for row in accelerated():
        found = instance_type(row["instance_type"])
        assert (found.family, found.arch) == (row["family"], row["arch"])
        assert found.vcpus == int(row["vcpu"])
        assert found.memory_mib == float(row["memory_gib"]) * 1024
        assert found.network_cards == int(row["network_cards"])
        assert found.enis_per_card[0] == int(row["enis_card0"])
        assert found.ipv4_per_eni == int(row["ipv4_per_eni"])
        assert found.efa_interfaces == int(row["efa_max_interfaces"])
        assert found.max_pods == int(row["max_pods"])
        assert found.bare_metal == (row["bare_metal"] == "True")
        assert found.usage_classes == set(row["usage_classes"].split("|"))
        if row["placement_strategies"]:
            assert found.placement_strategies == set(row["placement_strategies"].split("|"))
        if row["bandwidth_mbps_karpenter"]:
            assert found.network_gbps * 1000 == pytest.approx(int(row["bandwidth_mbps_karpenter"]))
        disks = (found.instance_store.count, found.instance_store.total_gb) if found.instance_store else (0, 0)
        assert disks == (int(row["local_nvme_count"]), int(row["local_nvme_gb_total"] or 0))


def test_accelerators_have_the_facts_figures():
    as_gathered("instances")
    for row in accelerated():
        found = instance_type(row["instance_type"]).accelerator
        assert found is not None, row["instance_type"]
        vendor, _, model = row["accelerator_model"].partition(" ")
        assert found.kind == {"NVIDIA": "nvidia", "AWS": "neuron"}[vendor]
        assert found.model == model or (found.model, model) == ("GB200", "B200 (GB200 superchip)")
        # A fraction of a GPU is Count 0 in the API and one device for the plugin.
        assert found.count == int(row["logical_accelerator_count"])
        assert found.memory_mib == int(row["accelerator_memory_mib_each"])
        assert found.neuron_cores == (int(row["neuron_cores"]) if row["neuron_cores"] else None)
        assert found.resource == row["k8s_resource"]
        linked = found.count > 1 and row["interconnect"] != "none"
        assert (found.interconnect is not None) == linked, row["instance_type"]


def test_every_accelerated_type_of_the_facts_and_f2_are_listed_as_accelerated():
    listed = set(accelerated_types())
    assert {row["instance_type"] for row in accelerated()} <= listed
    assert {"f2.6xlarge", "f2.12xlarge", "f2.48xlarge"} <= listed


def test_pods_of_a_managed_group_follow_the_facts_with_and_without_efa():
    as_gathered("instances")
    for row in accelerated():
        found = instance_type(row["instance_type"])
        cap = 110 if found.vcpus < 30 else 250
        if row["max_pods_managed_node_group"]:
            assert max_pods(found, efa=False) == int(row["max_pods_managed_node_group"])
        if row["max_pods_efa_only_on_card0"] and found.efa_interfaces:
            assert max_pods(found, efa=True) == min(int(row["max_pods_efa_only_on_card0"]), cap)


def test_cpu_types_have_the_facts_figures():
    as_gathered("instances")
    for row in rows("cpu_instance_types.csv"):
        found = instance_type(row["instance_type"])
        assert found.accelerator is None
        assert (found.arch, found.vcpus, found.memory_mib) == (
            row["arch"],
            int(row["vcpu"]),
            float(row["memory_gib"]) * 1024,
        )
        assert (sum(found.enis_per_card), found.ipv4_per_eni) == (int(row["enis"]), int(row["ipv4_per_eni"]))
        assert (found.max_pods, found.efa_interfaces) == (int(row["max_pods"]), int(row["efa_max_interfaces"]))


def test_layouts_equal_the_recommended_ones():
    for name, fact in tree("efa_layouts.json")["layouts"].items():
        assert [[i.card, i.device, i.kind] for i in layout(name)] == fact["recommended"], name


def test_every_efa_type_has_a_layout_with_all_its_efa_interfaces():
    for row in rows("efa_all_types.csv"):
        name = row["instance_type"]
        if name in LEFT_OUT:
            assert name not in instance_types()
            continue
        found = instance_type(name)
        assert found.efa_interfaces == int(row["efa_max_interfaces"])
        assert found.network_cards == (2 if name in TWO_CARDS else int(row["network_cards"]))
        assert sum(i.kind != "interface" for i in layout(name)) == found.efa_interfaces


def test_offerings_by_zone_equal_the_facts():
    as_gathered("offerings")
    for row in rows("instance_offerings.csv"):
        found = offered_zones(row["instance_type"], row["region"])
        assert found == tuple(row["az_ids"].split("|")), (row["instance_type"], row["region"])


def test_ami_types_are_the_facts_ones_where_eks_has_an_ami():
    for row in accelerated():
        found = instance_type(row["instance_type"])
        if found.family == "g7":
            # The facts' own note: driver 595 is needed and the AMI has 580.
            with pytest.raises(ValueError, match="driver 595"):
                amis.ami_type(found)
            continue
        assert amis.ami_type(found) == row["eks_ami_type"], row["instance_type"]


def test_ssm_parameters_have_the_facts_paths():
    for name, fact in tree("eks_ami.json")["ami_types"].items():
        if name not in amis.ami_types():
            continue
        path, _, leaves = fact["ssm"].rpartition("/")
        image, release = leaves.strip("{}").split("|")
        base = path.replace("{v}", "1.35")
        assert amis.ssm_parameter(name, "1.35") == f"{base}/{image}"
        assert amis.ssm_parameter(name, "1.35", attribute="release") == f"{base}/{release}"


def test_versions_have_the_facts_dates():
    for fact in tree("eks_versions.json")["versions"]:
        found = eks.version(fact["version"])
        dates = (found.released, found.standard_until, found.extended_until)
        assert [d and d.isoformat() for d in dates] == [
            fact["release"],
            fact["standard_until"],
            fact["extended_until"],
        ]


def test_us_east_1_prices_equal_the_price_list():
    as_gathered("prices")
    for row in rows("ec2_prices_us_east_1.csv"):
        if row["instance_type"] not in instance_types():
            continue
        found = prices.instance_hourly(row["instance_type"], "us-east-1", "on-demand")
        assert found is not None
        assert found.verified
        assert found.usd_per_hour == float(row["usd_per_hour_linux_on_demand"])


def test_prices_of_other_regions_capacity_blocks_and_types_without_on_demand():
    as_gathered("prices")
    facts = tree("prices.json")
    for name, by_region in facts["ec2_p_family_by_region"].items():
        for region, usd in by_region.items():
            if name in instance_types():
                found = prices.instance_hourly(name, region, "on-demand")
                assert found is not None
                assert found.usd_per_hour == pytest.approx(usd, abs=1e-4)
    for name, usd in facts["capacity_blocks"]["usd_per_instance_hour"].items():
        block = prices.instance_hourly(name, "us-east-2", "capacity-block")
        assert block is not None
        assert block.usd_per_hour == usd
    for row in accelerated():
        on_demand = prices.instance_hourly(row["instance_type"], "us-east-1", "on-demand")
        assert (on_demand is None) == (row["price_usd_hour_us_east_1"] == ""), row["instance_type"]


def test_spot_is_the_on_demand_price_less_what_spot_advisor_saves():
    for row in rows("spot_advisor.csv"):
        name, region = row["instance_type"], row["region"]
        if name not in instance_types() or "spot" not in instance_type(name).usage_classes:
            continue
        on_demand = prices.instance_hourly(name, region, "on-demand")
        spot = prices.instance_hourly(name, region, "spot")
        assert (spot is None) == (on_demand is None), (name, region)
        if spot and on_demand:
            saved = int(row["savings_percent_vs_on_demand"])
            assert spot.usd_per_hour == pytest.approx(on_demand.usd_per_hour * (1 - saved / 100), abs=1e-5)
            assert row["interruption_frequency_range"] in spot.basis


def test_an_ultraserver_costs_what_its_instances_cost():
    per_hour = tree("prices.json")["capacity_blocks"]["usd_per_ultraserver_hour"]
    found = prices.instance_hourly("p6e-gb200.36xlarge", "us-east-1", "capacity-block")
    assert found is not None
    assert found.usd_per_hour * 9 == pytest.approx(per_hour["u-p6e-gb200x36"])
    assert found.usd_per_hour * 18 == pytest.approx(per_hour["u-p6e-gb200x72"])


def test_region_factors_reproduce_the_prices_they_come_from():
    for family, fact in tree("prices.json")["region_factors"].items():
        for region, usd in fact["usd_by_region"].items():
            found = prices.instance_hourly(fact["reference_type"], region, "on-demand")
            assert found is not None
            assert found.usd_per_hour == pytest.approx(usd, rel=1e-3), (family, region)


def test_infrastructure_prices_are_the_facts_ones():
    facts = {row["item"]: row for row in rows("infra_prices_us_east_1.csv")}
    for slug, item in {
        "eks-cluster": "EKS cluster, standard support",
        "eks-cluster-extended": "EKS cluster, extended support",
        "nat-gateway": "NAT gateway",
        "gp3-gb-month": "EBS gp3",
        "interface-endpoint": "VPC interface endpoint",
        "fsx-persistent-2-125-gb-month": "FSx Lustre PERSISTENT_2 SSD 125",
        "fsx-persistent-2-1000-gb-month": "FSx Lustre PERSISTENT_2 SSD 1000",
        "efs-standard-gb-month": "EFS Standard",
        "public-ipv4": "Idle or in-use public IPv4 / EIP",
        "kms-key-month": "KMS customer key",
    }.items():
        found = prices.infrastructure(slug)
        assert (found.usd, found.unit) == (float(facts[item]["usd"]), facts[item]["unit"])
        assert found.verified == (not facts[item]["status"].startswith("unverified"))
    listed = [usd for row in facts.values() for usd in row["usd"].split(" / ") if usd]
    known = [prices.infrastructure(slug).usd for slug in prices.infrastructure_slugs()]
    # The catalogue has more: what a service needed that the facts do not price.
    assert not Counter(float(usd) for usd in listed) - Counter(known)


RAISED: Final = {("eks", "Pod Identity associations per cluster"): 5000}
"""What AWS gives more of since the facts' sources were written: EKS user guide, "Learn how EKS Pod Identity grants pods
access to AWS services", limits, in 2026."""


def test_quotas_are_the_facts_ones():
    as_gathered("quotas")
    known = {(q.service, q.name): q for q in map(quotas.quota, quotas.slugs())}
    for row in rows("quotas.csv"):
        found = known[row["service"], row["quota"]]
        default = RAISED.get((row["service"], row["quota"]), int(row["default"]))
        assert (found.code or "", found.default) == (row["quota_code"], default)


def test_vcpu_quotas_have_the_facts_codes():
    for row in accelerated():
        assert quotas.vcpu_quota(row["instance_type"], "on-demand").code == row["quota_on_demand"]
        if "spot" in row["usage_classes"]:
            assert quotas.vcpu_quota(row["instance_type"], "spot").code == row["quota_spot"]


def test_latencies_are_the_facts_ones():
    facts = sorted((int(r["low_s"]), int(r["typical_s"]), int(r["high_s"])) for r in rows("latencies.csv"))
    known = [latencies.latency(slug) for slug in latencies.slugs()]
    assert sorted((k.low_s, k.typical_s, k.high_s) for k in known) == facts
    cluster = latencies.latency("eks-cluster-create")
    assert (cluster.low_s, cluster.typical_s, cluster.high_s, cluster.status) == (503, 610, 683, "measured")
    gpu = latencies.latency("node-group-create-gpu")
    assert (gpu.typical_s, gpu.status) == (300, "documented")


def test_autoscaler_facts():
    facts = tree("cluster_autoscaler.json")
    assert set(autoscaler.OPTIONS) == set(facts["node_template_tags"]["autoscaling_options"]["keys"])
    assert list(autoscaler.KNOWN_ACCELERATOR_LABELS) == facts["gpu"]["known_values"]
    usable = {name for name in facts["expanders"] if not name.startswith("price")}
    assert set(autoscaler.EXPANDERS) == usable
    for flag, value in facts["flags"].items():
        assert autoscaler.FLAG_DEFAULTS[flag] == value.partition(" ")[0]
    tags = {tag.replace("<cluster-name>", "ml") for tag in facts["discovery_tags"]}
    assert set(autoscaler.discovery_tags("ml")) == tags


def test_lustre_facts():
    facts = tree("fsx_efs.json")["fsx_lustre"]
    kinds = facts["deployment_types"]
    assert list(lustre.THROUGHPUTS["PERSISTENT_1", "SSD"]) == kinds["PERSISTENT_1"]["SSD"]["per_unit"]
    assert list(lustre.THROUGHPUTS["PERSISTENT_2", "SSD"]) == kinds["PERSISTENT_2"]["SSD"]["per_unit"]
    multiples = {str(unit): gib for unit, gib in lustre.EFA_MULTIPLE_GIB.items()}
    assert multiples == facts["efa"]["capacity_multiple_gib"]
    assert facts["dra"]["max_per_fs"] == lustre.MAX_ASSOCIATIONS
    assert list(lustre.ASSOCIATION_EVENTS) == facts["dra"]["events"]
    assert list(lustre.TIERING_READ_CACHES) == kinds["PERSISTENT_2"]["INTELLIGENT_TIERING"]["read_cache"]
    ports = [str(a) if a == b else f"{a}-{b}" for a, b in lustre.PORTS]
    assert ports == facts["security_group"]["tcp"]
    assert tree("fsx_efs.json")["efs"]["access_points_max"] == efs.MAX_ACCESS_POINTS


def test_api_enums_hold_the_names_we_use():
    enums = tree("api_enums.json")
    assert set(amis.ami_types()) <= set(enums["eks"]["AMITypes"])
    assert set(lustre.DEPLOYMENTS) == set(enums["fsx"]["LustreDeploymentType"])
    assert set(lustre.COMPRESSIONS) == set(enums["fsx"]["DataCompressionType"])
    assert set(lustre.HDD_DRIVE_CACHES) == set(enums["fsx"]["DriveCacheType"])
    assert set(lustre.METADATA_MODES) == set(enums["fsx"]["MetadataConfigurationMode"])
    assert set(efs.THROUGHPUT_MODES) == set(enums["efs"]["ThroughputMode"])
    assert set(efs.PERFORMANCE_MODES) == set(enums["efs"]["PerformanceMode"])


def test_mig_profiles_are_the_facts_ones():
    facts = tree("mig_profiles.json")["gpu"]
    assert dict(mig.profiles("p4d.24xlarge")) == facts["p4d (A100 40 GB)"]
    assert dict(mig.profiles("p5.48xlarge")) == facts["p4de (A100 80 GB), p5 (H100 80 GB)"]
    assert dict(mig.profiles("p6-b200.48xlarge")) == facts["p6-b200 (B200)"]
    for row in accelerated():
        if row["mig"].startswith("no") or row["mig"] == "n/a":
            assert mig.profiles(row["instance_type"]) == {}, row["instance_type"]
        elif row["family"] != "p6-b300":
            assert mig.profiles(row["instance_type"]), row["instance_type"]


def test_support_changes_the_day_after_the_dates_of_the_facts():
    assert eks.support("1.34", date(2026, 12, 2)) == "standard"
    assert eks.support("1.34", date(2026, 12, 3)) == "extended"
    assert eks.support("1.31", date(2026, 11, 26)) == "extended"
    assert eks.support("1.31", date(2026, 11, 27)) == "ended"
