"""What the machines are told at boot, and when a machine counts as idle."""

import email
import os
import shutil
import subprocess
import sys
from email.message import Message
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.workstation import user_data
from infra.workstation.idle import PERIOD_SECONDS, idle
from infra.workstation.user_data import Share

BASH = shutil.which("bash") or ""
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
LUSTRE = user_data.lustre("fs-0a1.fsx.us-west-2.amazonaws.com", "abcdefgh", "/mnt/scratch")
EFS = user_data.efs("fs-0b2", "fs-0b2.efs.us-west-2.amazonaws.com", "/mnt/home")
CHOICES = [(LUSTRE,), (EFS,), (LUSTRE, EFS)]


def parts(text: str) -> dict[str, str]:
    message = email.message_from_string(text)
    assert not message.defects
    found = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        found[part.get_content_type()] = str(part.get_payload())
    return found


def script(shares: tuple[Share, ...]) -> str:
    return parts(user_data.machine(shares))["text/x-shellscript"]


def linted(text: str) -> list[str]:
    """Complaints of bash and shellcheck."""
    parsed = subprocess.run([BASH, "-n"], input=text, capture_output=True, text=True, check=False)
    checked = subprocess.run([SHELLCHECK, "-"], input=text, capture_output=True, text=True, check=False)
    return [*parsed.stderr.splitlines(), *checked.stdout.splitlines()]


@pytest.mark.parametrize("shares", CHOICES, ids=["lustre", "efs", "both"])
def test_the_machines_script_is_sound(shares):
    assert linted(script(shares)) == []


def test_the_instances_script_is_sound_and_joins_the_cluster():
    text = user_data.ecs("workstation-ecs-0123456")
    assert linted(text) == []
    assert "\nECS_CLUSTER=workstation-ecs-0123456\n" in text
    assert "\nECS_ENABLE_GPU_SUPPORT=true\n" in text


def test_the_script_runs_at_every_start():
    assert yaml.safe_load(parts(user_data.machine(CHOICES[2]))["text/cloud-config"]) == {
        "cloud_final_modules": [["scripts-user", "always"]]
    }


def test_user_data_fits_ec2():
    shares = [user_data.lustre(f"fs-{n:017x}.fsx.us-west-2.amazonaws.com", "x" * 8, f"/mnt/{n}") for n in range(50)]
    assert len(user_data.machine(shares).encode()) < 16 * 1024


# FSx for Lustre user guide, "Mounting your Amazon FSx file system automatically"; EFS user guide, "Mounting EFS file
# systems automatically".
def test_the_lines_of_fstab_are_those_of_the_guides():
    assert LUSTRE.entry == (
        "fs-0a1.fsx.us-west-2.amazonaws.com@tcp:/abcdefgh /mnt/scratch lustre noatime,flock,_netdev,nofail 0 0"
    )
    assert EFS.entry == "fs-0b2:/ /mnt/home efs tls,noresvport,noatime,_netdev,nofail 0 0"


@pytest.mark.parametrize(
    ("shares", "packages"),
    [((LUSTRE,), "lustre-client"), ((EFS,), "amazon-efs-utils"), ((LUSTRE, EFS), "amazon-efs-utils lustre-client")],
)
def test_only_the_clients_that_are_needed_are_installed(shares, packages):
    assert f"try dnf install -y {packages}\n" in script(shares)
    assert ("modprobe lustre" in script(shares)) == (LUSTRE in shares)


def run(text: str, root: Path, *, dns_fails: int = 0) -> list[str]:
    """Run a script with every command that touches the system noted instead, below `root`; the commands in order."""
    tools, log = root / "bin", root / "log"
    tools.mkdir(exist_ok=True)
    (root / "mnt").mkdir(exist_ok=True)
    (root / "fails").write_text(str(dns_fails))
    for name in ("dnf", "modprobe", "systemctl", "sleep", "mount"):
        (tools / name).write_text(f'#!{BASH}\necho "{name} $*" >> {log}\n')
    # A path is a mount point once it was mounted.
    (tools / "mountpoint").write_text(f'#!{BASH}\ngrep -qx "mount $2" {log}\n')
    (tools / "getent").write_text(
        f'#!{BASH}\nleft=$(cat {root}/fails)\necho $((left - 1)) > {root}/fails\n[ "$left" -le 0 ]\n'
    )
    for tool in tools.iterdir():
        tool.chmod(0o755)
    text = text.replace("/etc/fstab", str(root / "fstab")).replace("/mnt/", f"{root}/mnt/")
    path = f"{tools}:{os.environ['PATH']}"
    done = subprocess.run(
        [BASH], input=text, capture_output=True, text=True, check=False, env={"PATH": path}, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines()


def test_a_second_start_changes_nothing(tmp_path: Path):
    (tmp_path / "fstab").write_text("UUID=1 / xfs defaults 0 0\n")
    text = script(CHOICES[2])
    run(text, tmp_path)
    first = (tmp_path / "fstab").read_text()
    commands = run(text, tmp_path)
    assert (tmp_path / "fstab").read_text() == first
    assert first.startswith("UUID=1 / xfs defaults 0 0\n")
    assert sorted(command for command in commands if command.startswith("mount ")) == [
        f"mount {tmp_path}/mnt/home",
        f"mount {tmp_path}/mnt/scratch",
    ]


def test_a_file_system_that_is_no_longer_named_leaves_fstab(tmp_path: Path):
    (tmp_path / "fstab").write_text("UUID=1 / xfs defaults 0 0\n")
    run(script(CHOICES[2]), tmp_path)
    run(script((EFS,)), tmp_path)
    assert "lustre" not in (tmp_path / "fstab").read_text()


def test_it_waits_for_dns(tmp_path: Path):
    (tmp_path / "fstab").write_text("")
    commands = run(script((EFS,)), tmp_path, dns_fails=3)
    assert commands.count("sleep 10") == 3
    assert commands[-1] == f"mount {tmp_path}/mnt/home"


def test_a_file_system_that_never_comes_does_not_keep_the_others(tmp_path: Path):
    (tmp_path / "fstab").write_text("")
    commands = run(script(CHOICES[2]), tmp_path, dns_fails=60)
    assert commands.count("sleep 10") == 60
    assert commands[-1] == f"mount {tmp_path}/mnt/home"


@given(st.integers(3, 288).map(lambda n: n * 5), st.integers(1, 448))
def test_a_job_on_one_vcpu_is_work_and_an_empty_machine_is_idle(minutes: int, vcpus: int):
    limits = idle(minutes, vcpus)
    assert limits.periods * PERIOD_SECONDS == minutes * 60
    one_vcpu = 100 / vcpus
    assert 0 < limits.percent < one_vcpu
    # CloudWatch looks back a day at most where the period is shorter than an hour.
    assert limits.periods * PERIOD_SECONDS <= 86_400
