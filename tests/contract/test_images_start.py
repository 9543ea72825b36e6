"""The start script of the notebook images, run for real with stand-ins for JupyterLab and the devices' tools."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

START = Path(__file__).resolve().parents[2] / "images" / "common" / "start.sh"
TOOL = {"nvidia": "nvidia-smi", "neuron": "neuron-ls"}
ON_CPU = {
    "nvidia": {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
    "neuron": {"PJRT_DEVICE": "CPU", "JAX_PLATFORMS": "cpu"},
}
STEERING = {name for each in ON_CPU.values() for name in each}


@dataclass(frozen=True)
class Started:
    code: int
    said: str
    environment: dict[str, str] | None
    """None where JupyterLab was not reached."""
    arguments: list[str]
    in_place: bool
    """Whether JupyterLab is the process that the script was, and so gets its signals."""


@dataclass(frozen=True)
class Machine:
    """A folder with stand-ins on PATH, devices and a home."""

    root: Path

    def tool(self, name: str, body: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def device(self, name: str) -> None:
        (self.root / "dev" / name).touch()

    def start(self, *arguments: str, **environment: str) -> Started:
        for old in ("environment", "arguments"):
            (self.root / old).unlink(missing_ok=True)
        process = subprocess.Popen(
            ["/bin/bash", str(START), *arguments],
            env={
                "PATH": f"{self.root}/bin:/usr/bin:/bin",
                "HOME": str(self.root / "home"),
                "TMPDIR": str(self.root / "tmp"),
                "NOTEBOOK_DEVICES": str(self.root / "dev"),
                **environment,
            },
            cwd=self.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, said = process.communicate(timeout=60)
        seen = self.root / "environment"
        if not seen.exists():
            return Started(process.returncode, said, None, [], in_place=False)
        pairs = (line.split("=", 1) for line in seen.read_text(encoding="utf-8").split("\0") if line)
        given_to = (self.root / "arguments").read_text(encoding="utf-8").split("\0")[:-1]
        in_place = (self.root / "pid").read_text(encoding="utf-8").strip() == str(process.pid)
        return Started(process.returncode, said, dict(pairs), given_to, in_place=in_place)


@pytest.fixture(name="machine")
def _machine(tmp_path):
    for folder in ("bin", "dev", "home", "tmp"):
        (tmp_path / folder).mkdir()
    machine = Machine(tmp_path)
    written = (
        f"echo $$ > {tmp_path}/pid",
        f"env -0 > {tmp_path}/environment",
        f"printf '%s\\0' \"$@\" > {tmp_path}/arguments",
    )
    for program in ("jupyter", "jupyterhub-singleuser"):
        machine.tool(program, "\n".join((*written, "exit ${JUPYTER_EXIT:-0}")))
    return machine


@pytest.mark.parametrize(("kind", "device"), [("nvidia", "nvidia0"), ("neuron", "neuron0")])
def test_a_working_device_is_used(machine, kind, device):
    machine.device(device)
    machine.tool(TOOL[kind], "echo GPU 0")
    started = machine.start(NOTEBOOK_ACCELERATOR=kind, CUDA_VISIBLE_DEVICES="1")
    assert started.said == ""
    assert started.environment
    assert started.environment["CUDA_VISIBLE_DEVICES"] == "1", "what the platform chose stays"
    assert "JAX_PLATFORMS" not in started.environment
    assert "PJRT_DEVICE" not in started.environment


@pytest.mark.parametrize("kind", ["nvidia", "neuron"])
@pytest.mark.parametrize(
    ("device", "body", "why"),
    [
        (False, None, "there is no {dev}/{kind}*"),
        (False, "exit 0", "there is no {dev}/{kind}*"),
        (True, None, "there is no {tool}"),
        (True, "echo Failed to initialize NVML; exit 12", "{tool} failed with exit code 12"),
    ],
    ids=["nothing", "tool-but-no-device", "device-but-no-tool", "tool-fails"],
)
def test_without_a_working_device_it_starts_on_the_cpu_and_says_why_in_one_line(machine, kind, device, body, why):
    if device:
        machine.device(f"{kind}0")
    if body:
        machine.tool(TOOL[kind], body)
    started = machine.start(NOTEBOOK_ACCELERATOR=kind, CUDA_VISIBLE_DEVICES="0", PJRT_DEVICE="NEURON")
    assert started.code == 0
    assert started.environment
    assert started.environment | ON_CPU[kind] == started.environment
    reason = why.format(dev=machine.root / "dev", kind=kind, tool=TOOL[kind])
    assert started.said.splitlines() == [
        f"notebook: no {kind} device works ({reason}); using the CPU: "
        + " ".join(f"{key}={value}" for key, value in ON_CPU[kind].items())
    ]


def test_a_driver_that_hangs_does_not_keep_it_from_starting(machine):
    machine.device("nvidia0")
    machine.tool("nvidia-smi", "exec sleep 600")
    machine.tool("timeout", 'shift 2; exec /usr/bin/timeout 0.2 "$@"')
    started = machine.start(NOTEBOOK_ACCELERATOR="nvidia")
    assert "nvidia-smi did not answer in 30 seconds" in started.said
    assert started.environment
    assert started.environment["CUDA_VISIBLE_DEVICES"] == ""


def test_the_cpu_image_asks_for_no_device(machine):
    machine.device("nvidia0")
    machine.tool("nvidia-smi", f"touch {machine.root}/asked")
    started = machine.start(NOTEBOOK_ACCELERATOR="none")
    assert started.said == ""
    assert started.environment
    assert not STEERING & set(started.environment)
    assert not (machine.root / "asked").exists()


def test_control_nodes_of_the_driver_are_no_device(machine):
    for name in ("nvidiactl", "nvidia-uvm"):
        machine.device(name)
    machine.tool("nvidia-smi", "exit 0")
    assert "there is no" in machine.start(NOTEBOOK_ACCELERATOR="nvidia").said


def test_jupyterlab_listens_where_kubeflow_looks(machine):
    """kubeflow/notebooks, notebooks-v1, components/example-notebook-servers/jupyter/s6/services.d/jupyterlab/run."""
    started = machine.start("--ServerApp.quit_button=False", NB_PREFIX="/notebook/team-a/mine")
    home = machine.root / "home"
    assert started.arguments[0] == "lab"
    assert {
        "--no-browser",
        "--ServerApp.ip=0.0.0.0",
        "--ServerApp.port=8888",
        "--ServerApp.base_url=/notebook/team-a/mine",
        f"--ServerApp.root_dir={home}",
        "--IdentityProvider.token=",
        "--ServerApp.allow_origin=*",
        "--ServerApp.allow_remote_access=True",
        "--ServerApp.authenticate_prometheus=False",
    } <= set(started.arguments)
    assert started.arguments[-1] == "--ServerApp.quit_button=False"
    assert "--allow-root" not in started.arguments
    assert started.in_place
    assert started.environment
    assert started.environment["PWD"] == str(home)
    for name in ("JUPYTER_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
        folder = Path(started.environment[name])
        assert folder.parent == machine.root / "tmp", "not on the volume of the home"
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_hub_gets_a_server_that_asks_it_who_may_come_in(machine):
    """jupyterhub/kubespawner 7.0: the command is the container's arguments; the rest is in JUPYTERHUB_... variables."""
    started = machine.start(
        "jupyterhub-singleuser",
        "--debug",
        JUPYTERHUB_SERVICE_URL="http://0.0.0.0:8888/user/anna/",
        NOTEBOOK_ACCELERATOR="nvidia",
    )
    assert started.arguments == ["--debug"], "above all no option that lets everybody in"
    assert started.in_place
    assert started.environment
    assert started.environment["JUPYTERHUB_SERVICE_URL"] == "http://0.0.0.0:8888/user/anna/"
    assert started.environment["PWD"] == str(machine.root / "home")
    assert started.environment["CUDA_VISIBLE_DEVICES"] == "", "no device, as for Kubeflow"


def test_an_empty_home_stays_empty(machine):
    machine.start()
    assert not list((machine.root / "home").iterdir())


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"NOTEBOOK_ACCELERATOR": "gpu"}, "NOTEBOOK_ACCELERATOR is 'gpu'; it must be nvidia, neuron or none"),
        ({"NB_PREFIX": "notebook/a"}, "NB_PREFIX is 'notebook/a'; it must start with /"),
        ({"HOME": "/nowhere"}, "/nowhere is not a folder that user"),
        ({"HOME": ""}, "HOME is not set"),
    ],
)
def test_a_mistake_is_said_in_one_line_and_nothing_starts(machine, environment, message):
    started = machine.start(**environment)
    assert started.code != 0
    assert started.environment is None
    assert len(started.said.splitlines()) == 1
    assert message in started.said


PREFIXES = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="/-_ .$*;'\""), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["nvidia", "neuron"]),
    device=st.booleans(),
    tool=st.none() | st.integers(min_value=0, max_value=123),
    prefix=PREFIXES.map("/{}".format),
    code=st.integers(min_value=0, max_value=255),
)
def test_whatever_the_node_has_jupyterlab_runs_and_its_exit_code_is_ours(machine, *, kind, device, tool, prefix, code):
    shutil.rmtree(machine.root / "dev")
    (machine.root / "dev").mkdir()
    (machine.root / "bin" / TOOL[kind]).unlink(missing_ok=True)
    if device:
        machine.device(f"{kind}3")
    if tool is not None:
        machine.tool(TOOL[kind], f"exit {tool}")
    started = machine.start(NOTEBOOK_ACCELERATOR=kind, NB_PREFIX=prefix, JUPYTER_EXIT=str(code))
    works = device and tool == 0
    assert started.code == code
    assert started.environment is not None
    assert f"--ServerApp.base_url={prefix}" in started.arguments
    assert {key: value for key, value in started.environment.items() if key in STEERING} == (
        {} if works else ON_CPU[kind]
    )
    assert len(started.said.splitlines()) == (0 if works else 1)
