"""What nodes are told at boot: valid MIME, YAML, shell and TOML, with what each type needs."""

import email
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.catalog import amis, mig
from infra.catalog.instances import accelerated_types, instance_type
from infra.catalog.zones import offered_zones, regions
from infra.node_groups.expand import ManagedGroup, expand
from infra.node_groups.settings import NodeGroupSettings
from infra.node_groups.user_data import ClusterFacts, user_data

MIG_FACTS = Path(__file__).resolve().parents[2].parent / "shared" / "facts" / "mig_profiles.json"
CLUSTER = ClusterFacts(
    name="ml",
    endpoint="https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com",
    certificate_authority="LS0tLS1CRUdJTg==",
    cidr="172.20.0.0/16",
)
NODE_CONFIG, SCRIPT = "application/node.eks.aws", "text/x-shellscript"


def managed(name: str, **more: Any) -> ManagedGroup:
    group = NodeGroupSettings.model_validate(
        {"name": "g", "instanceTypes": [name], "zones": ["usw2-az1"], "efa": bool(instance_type(name).efa_interfaces)}
        | more
    )
    (found,) = expand([group], "us-west-2", ("usw2-az1",))
    return found


def images() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every accelerated type that a region offers, with each operating system that drives it."""
    for name in accelerated_types():
        if not any(offered_zones(name, region) for region in regions()):
            continue
        for system, own in (("al2023", {"imageId": "ami-0123456789abcdef0"}), ("bottlerocket", None)):
            try:
                amis.ami_type(instance_type(name), bottlerocket=system == "bottlerocket")
            except ValueError:
                if own is not None:
                    yield name, own
            else:
                yield name, {"os": system}


IMAGES = list(images())
AL2023 = [(name, more) for name, more in IMAGES if more.get("os") != "bottlerocket"]
BOTTLEROCKET = [(name, more) for name, more in IMAGES if more.get("os") == "bottlerocket"]


def parts(text: str) -> dict[str, str]:
    """The parts of a MIME message by content type, in order."""
    message = email.message_from_string(text)
    assert message.is_multipart()
    assert message.get_content_type() == "multipart/mixed"
    assert not message.defects
    found: dict[str, str] = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        assert not part.defects
        assert part.get_content_type() not in found
        found[part.get_content_type()] = str(part.get_payload())
    return found


def node_config(text: str) -> dict[str, Any]:
    document = yaml.safe_load(parts(text)[NODE_CONFIG])
    assert document.keys() == {"apiVersion", "kind", "spec"}
    assert (document["apiVersion"], document["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
    spec: dict[str, Any] = document["spec"]
    return spec


def commands(text: str) -> list[str]:
    """What the script and the unit that it writes run, without their paths."""
    lines = parts(text)[SCRIPT].splitlines()
    return [line.removeprefix("ExecStart=").lstrip("-").replace("/usr/bin/", "") for line in lines]


def position(pattern: str, lines: list[str]) -> int:
    found = [index for index, line in enumerate(lines) if re.fullmatch(pattern, line)]
    assert len(found) == 1, (pattern, lines)
    return found[0]


def test_every_accelerated_type_is_here():
    assert len({name for name, _ in IMAGES}) >= 80
    assert len(BOTTLEROCKET) >= 30


@pytest.mark.parametrize(("name", "more"), AL2023, ids=[name for name, _ in AL2023])
def test_al2023_is_told_by_nodeadm_and_a_script(name: str, more: Mapping[str, Any]):
    group = managed(name, **more)
    text = user_data(group, CLUSTER if "imageId" in more else None)
    text.encode("ascii")
    assert len(text) <= 16 * 1024  # EC2's limit, before base64
    if not text:
        assert (group.max_pods, group.raid0, group.hugepages) == (None, False, 0)
        assert group.pool.accelerator != "nvidia"
        return
    found = parts(text)
    assert list(found) == [kind for kind in (NODE_CONFIG, SCRIPT) if kind in found]
    spec = node_config(text) if NODE_CONFIG in found else {}
    wanted: dict[str, Any] = {}
    if "imageId" in more:
        wanted["cluster"] = {
            "name": "ml",
            "apiServerEndpoint": "https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com",
            "certificateAuthority": "LS0tLS1CRUdJTg==",
            "cidr": "172.20.0.0/16",
        }
    if group.settings.efa:
        wanted["kubelet"] = {"config": {"maxPods": group.max_pods}}
    if instance_type(name).instance_store:
        wanted["instance"] = {"localStorage": {"strategy": "RAID0"}}
    assert spec == wanted
    assert (SCRIPT in found) == (group.settings.efa or group.pool.accelerator == "nvidia")


def test_layers_of_an_image_are_pulled_side_by_side_where_that_is_asked_for():
    """Source: awslabs/amazon-eks-ami@81fec2e8, nodeadm/doc/examples.md, "Enabling fast image pull"."""
    assert node_config(user_data(managed("p5.48xlarge", fastImagePull=True)))["featureGates"] == {"FastImagePull": True}
    assert "featureGates" not in node_config(user_data(managed("p5.48xlarge")))


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_every_script_is_shell():
    scripts = {
        found[SCRIPT]
        for name, more in AL2023
        if (text := user_data(managed(name, **more), CLUSTER if "imageId" in more else None))
        and SCRIPT in (found := parts(text))
    }
    assert len(scripts) >= 10
    for script in scripts:
        assert script.startswith("#!/usr/bin/env bash\nset -euo pipefail\n")
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), script


@pytest.mark.parametrize(("name", "more"), BOTTLEROCKET, ids=[name for name, _ in BOTTLEROCKET])
def test_bottlerocket_is_told_by_toml(name: str, more: Mapping[str, Any]):
    group = managed(name, **more)
    text = user_data(group)
    wanted: dict[str, Any] = {}
    if group.settings.efa:
        wanted["kubernetes"] = {"max-pods": group.max_pods}
        wanted["kernel"] = {"sysctl": {"vm.nr_hugepages": "5128"}}
    if instance_type(name).instance_store:
        wanted["bootstrap-commands"] = {
            "instance-store": {
                "commands": [
                    ["apiclient", "ephemeral-storage", "init"],
                    [
                        "apiclient",
                        "ephemeral-storage",
                        "bind",
                        "--dirs",
                        "/var/lib/containerd",
                        "/var/lib/kubelet",
                        "/var/log/pods",
                    ],
                ],
                "mode": "always",
                "essential": True,
            }
        }
    assert tomllib.loads(text) == ({"settings": wanted} if wanted else {})


@pytest.mark.parametrize("os", ["al2023", "bottlerocket"])
def test_kubelet_settings_reach_the_kubelet(os: str):
    kubelet = {"maxPods": 42, "cpuManagerPolicy": "static", "topologyManagerPolicy": "single-numa-node"}
    text = user_data(managed("m7i.large", os=os, kubelet=kubelet))
    if os == "al2023":
        assert parts(text).keys() == {NODE_CONFIG}
        assert node_config(text) == {"kubelet": {"config": kubelet}}
    else:
        assert tomllib.loads(text)["settings"]["kubernetes"] == {
            "max-pods": 42,
            "cpu-manager-policy": "static",
            "topology-manager-policy": "single-numa-node",
        }


@pytest.mark.parametrize("os", ["al2023", "bottlerocket"])
def test_a_plain_node_is_told_nothing(os: str):
    assert user_data(managed("m7i.large", os=os)) == ""


def test_hugepages_can_be_asked_for_without_efa():
    group = managed("m7i.large", hugepages=512)
    assert re.search(r"vm\.nr_hugepages ?= ?512\b", parts(user_data(group))[SCRIPT])
    assert group.resources["hugepages-2Mi"] == "1Gi"


def test_disks_can_be_left_alone():
    assert "instance" not in node_config(user_data(managed("p5.48xlarge", instanceStore="none")))


def test_gpus_of_p5_are_set_up_in_order():
    lines = commands(user_data(managed("p5.48xlarge")))
    pages = min(index for index, line in enumerate(lines) if "vm.nr_hugepages" in line)
    # 2619 and 1980 MHz are the H100's highest (EC2 user guide, "Optimize GPU settings").
    assert pages < position(r"nvidia-smi -pm 1", lines) < position(r"nvidia-smi -ac 2619,1980", lines)


def test_persistence_and_clocks_can_be_left_alone():
    text = user_data(managed("p5.48xlarge", efa=False, gpu={"persistence": False, "clocks": "default"}))
    assert "-pm 1" not in text
    assert "-ac " not in text


@pytest.mark.parametrize("name", ["g5g.2xlarge", "p6e-gb200.36xlarge"])
def test_clocks_are_set_only_where_ec2_documents_them(name: str):
    assert " -ac " not in user_data(managed(name))


def test_neuron_nodes_run_nothing_of_nvidia():
    assert "nvidia" not in user_data(managed("trn2.48xlarge"))


CUTS = [
    (name, profile, count)
    for name in accelerated_types()
    for profile, count in mig.profiles(name).items()
    if any(offered_zones(name, region) for region in regions())
]


@pytest.mark.parametrize(("name", "profile", "count"), CUTS)
def test_mig_cuts_every_gpu_into_all_it_holds(name: str, profile: str, count: int):
    sharing = {"mode": "mig", "migProfile": profile, "migStrategy": "mixed"}
    # An image of one's own, because EKS has none for g7.
    group = managed(name, efa=False, gpu={"sharing": sharing}, imageId="ami-0123456789abcdef0")
    lines = commands(user_data(group))
    on = position(r"nvidia-smi -mig 1", lines)
    made = position(r"nvidia-smi mig -cgi [\w.,]+ -C", lines)
    # Instances of an earlier boot go first, compute instances before the GPU instances that hold them.
    assert on < position(r"nvidia-smi mig -dci.*", lines) < position(r"nvidia-smi mig -dgi.*", lines) < made
    assert lines[made].split()[3].split(",") == [profile] * count
    gpus = instance_type(name).accelerator.count  # type: ignore[union-attr]  # it has GPUs
    assert group.resources[f"nvidia.com/mig-{profile}"] == str(gpus * count)


@pytest.mark.parametrize(
    ("modes", "rebooted_before", "reboots"),
    [
        (["Enabled", "Enabled"], False, False),
        (["Enabled", "Disabled"], False, True),
        # MIG that never comes on must not keep the node in a circle.
        (["Enabled", "Disabled"], True, False),
    ],
)
def test_a_node_reboots_once_where_mig_is_still_pending(
    tmp_path: Path, modes: list[str], rebooted_before: bool, reboots: bool
):
    """A100s take the mode at a reset, which the persistence daemon and virtual machines refuse."""
    group = managed("p4d.24xlarge", efa=False, gpu={"sharing": {"mode": "mig", "migProfile": "1g.5gb"}})
    text = user_data(group)
    lines = commands(text)
    asks = position(r"bash -c .*mig\.mode\.current.*", lines)
    assert position(r"nvidia-smi -mig 1", lines) < asks < position(r"nvidia-smi mig -dci.*", lines)
    smi, systemctl, mark = tmp_path / "nvidia-smi", tmp_path / "systemctl", tmp_path / "mark"
    smi.write_text("#!/bin/sh\nprintf '%s\\n' " + " ".join(modes) + "\n")
    systemctl.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    for program in (smi, systemctl):
        program.chmod(0o755)
    if rebooted_before:
        mark.touch()
    (line,) = [line for line in text.splitlines() if "mig.mode.current" in line]
    script = shlex.split(line)[2]
    for path, fake in {
        "/usr/bin/nvidia-smi": smi,
        "/usr/bin/systemctl": systemctl,
        "/var/lib/slipway-mig-rebooted": mark,
    }.items():
        assert path in script
        script = script.replace(path, str(fake))
    subprocess.run(["bash", "-c", script.replace("sleep infinity", "true")], check=True, timeout=10)
    assert (tmp_path / "asked").exists() is reboots
    assert mark.exists() is (rebooted_before or reboots)
    smi.write_text("#!/bin/sh\necho Enabled\n")
    subprocess.run(["bash", "-c", script], check=True, timeout=10)
    assert not mark.exists()


def test_mig_cuts_are_nvidias():
    if not MIG_FACTS.is_file():
        pytest.skip("../shared/facts/mig_profiles.json is not here")
    known = json.loads(MIG_FACTS.read_text())["gpu"]
    facts = {(profile, count) for cuts in known.values() if isinstance(cuts, dict) for profile, count in cuts.items()}
    assert len(CUTS) >= 30
    assert {(profile, count) for _, profile, count in CUTS} <= facts
