"""The notebook images: pinned, linted, not root, complete, and the way Kubeflow's notebook controller expects them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.catalog import eks

IMAGES = Path(__file__).resolve().parents[2] / "images"
TOOLS = Path(sys.executable).parent
INDEX: dict[str, dict[str, str | list[str]]] = json.loads((IMAGES / "images.json").read_text(encoding="utf-8"))
NAMES = sorted(INDEX)
SCRIPTS = sorted(IMAGES.rglob("*.sh"))
PINNED = sorted(path for path in IMAGES.glob("notebook-*/*.txt") if path.name != "base.txt")


class Instruction(NamedTuple):
    word: str
    rest: str


def dockerfile(name: str) -> Path:
    return IMAGES / str(INDEX[name]["dockerfile"])


def instructions(text: str) -> list[Instruction]:
    """Instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def of(name: str, word: str) -> list[str]:
    return [each.rest for each in instructions(dockerfile(name).read_text(encoding="utf-8")) if each.word == word]


def environment(name: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in of(name, "ENV") for pair in rest.split())


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / "hadolint"), "--no-color", "--format", "tty", "--failure-threshold", "style", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
    )


def shellcheck(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "shellcheck"), "--norc", "--severity", "style", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# --- the index, which the builds in the account read ---------------------------------------------------------------


def test_the_index_names_every_image_and_no_other():
    assert {path.name for path in IMAGES.iterdir() if path.is_dir() and path.name[0] != "."} == {"common", *NAMES}
    assert [INDEX[name]["accelerator"] for name in NAMES] == [None, "nvidia", "neuron"]


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_built_from_its_own_folder_and_the_common_one(name):
    assert INDEX[name]["context"] == ["common", name]
    assert INDEX[name]["dockerfile"] == f"{name}/Dockerfile"
    assert dockerfile(name).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_build_takes_is_in_its_context(name):
    text = dockerfile(name).read_text(encoding="utf-8")
    copied = [rest.split()[-2] for rest in of(name, "COPY")]
    bound = re.findall(r"--mount=type=bind,source=([^,\s]+),target=([^,\s]+)", text)
    used = [
        place.replace(target, source, 1)
        for source, target in bound
        for place in re.findall(rf"{re.escape(target)}/[\w./-]+", text)
    ]
    assert copied
    assert used
    for path in {*copied, *used}:
        assert path.split("/")[0] in INDEX[name]["context"], path
        assert (IMAGES / path).is_file(), path


def test_nothing_lies_outside_the_contexts_but_the_index_and_the_resolver():
    assert {path.name for path in IMAGES.iterdir() if path.is_file() and path.name[0] != "."} == {
        "images.json",
        "pin.sh",
    }


# --- Dockerfiles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_hadolint_finds_nothing_of_any_level(name):
    result = hadolint(dockerfile(name))
    assert (result.returncode, result.stdout) == (0, "")
    assert "hadolint ignore" not in dockerfile(name).read_text(encoding="utf-8")
    assert not [*IMAGES.rglob(".hadolint.y*ml"), *IMAGES.parent.glob(".hadolint.y*ml")]


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ("USER 1000", "USER root", "DL3002"),
        ("git-core-2.50.1", "git-core", "DL3041"),
        ("WORKDIR /home/jovyan", "WORKDIR home", "DL3000"),
        ("FROM ${BASE}", "FROM amazonlinux", "DL3006"),
    ],
)
def test_hadolint_finds_what_is_wrong(tmp_path, good, bad, rule):
    text = dockerfile("notebook-gpu").read_text(encoding="utf-8")
    assert good in text
    changed = tmp_path / "Dockerfile"
    changed.write_text(text.replace(good, bad), encoding="utf-8")
    result = hadolint(changed)
    assert result.returncode != 0
    assert rule in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_base_is_an_exact_tag_of_a_registry_that_needs_no_account(name):
    base = INDEX[name]["base"]
    assert of(name, "ARG")[0] == f"BASE={base}"
    assert of(name, "FROM") == ["${BASE}"], "one base, which a build may take from a mirror"
    tag = re.fullmatch(
        r"public\.ecr\.aws/(?:deep-learning-containers|neuron)/[a-z-]+:(?P<tag>[\w.-]+)(@sha256:[0-9a-f]{64})?",
        str(base),
    )
    assert tag
    assert re.match(r"\d+\.\d+\.\d+-", tag["tag"]), "major, minor and patch"


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_as_uid_1000_to_the_end(name):
    given = instructions(dockerfile(name).read_text(encoding="utf-8"))
    last = max(index for index, each in enumerate(given) if each.word == "USER")
    assert given[last].rest == "1000", "a number: Kubernetes cannot tell whether a name is root"
    assert {each.word for each in given[last + 1 :]} <= {"ENTRYPOINT", "CMD"}


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_contract_of_the_notebook_controller(name):
    """kubeflow/notebooks, notebooks-v1, components/example-notebook-servers/README.md, "Image Requirements"."""
    assert of(name, "EXPOSE") == ["8888"]
    assert environment(name)["HOME"] == of(name, "WORKDIR")[-1] == "/home/jovyan"
    assert environment(name)["NB_USER"] == "jovyan"
    assert environment(name)["NB_PREFIX"] == "/"
    assert ":8888${NB_PREFIX%/}/api" in of(name, "HEALTHCHECK")[0]
    assert "/home/jovyan" not in " ".join(of(name, "COPY")), "a volume hides what the image has there"


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_through_the_start_script_and_an_init(name):
    entry = json.loads(of(name, "ENTRYPOINT")[0])
    assert entry[:2] == ["dumb-init", "--"]
    assert "dumb-init" in pins(IMAGES / name / "requirements.txt")
    assert entry[-1] == "/usr/local/bin/start-notebook"
    assert "--chmod=0755 common/start.sh /usr/local/bin/start-notebook" in of(name, "COPY")
    assert environment(name)["NOTEBOOK_ACCELERATOR"] == (INDEX[name]["accelerator"] or "none")


def test_a_gpu_image_sees_no_gpu_that_it_was_not_given():
    assert environment("notebook-gpu")["NVIDIA_VISIBLE_DEVICES"] == "void"


def commands() -> Iterator[tuple[str, str]]:
    """Every command line that a build runs: of Dockerfiles and of the scripts that they call."""
    for name in NAMES:
        yield from ((name, each) for each in of(name, "RUN"))
    for script in SCRIPTS:
        text = re.sub(r"\\\n\s*", " ", script.read_text(encoding="utf-8"))
        yield from ((script.name, line) for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_what_is_downloaded_is_compared_with_a_checksum():
    fetching = [(where, line) for where, line in commands() if re.search(r"\b(curl|wget)\b", line)]
    assert [where for where, _ in fetching] == ["install_tools.sh"], "one place downloads; test_images_build.py runs it"
    assert not [name for name in NAMES if of(name, "ADD")]
    installing = [line for _, line in commands() if re.search(r"\bpip install\b", line)]
    assert installing
    assert all("--require-hashes" in line and "--no-deps" in line for line in installing)


def test_kubectl_is_of_the_kubernetes_that_clusters_get():
    script = (IMAGES / "common" / "install_tools.sh").read_text(encoding="utf-8")
    version = re.search(r"^readonly kubectl_version=(\d+\.\d+)\.\d+$", script, re.MULTILINE)
    assert version
    assert version[1] == eks.DEFAULT_VERSION


# --- scripts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing_of_any_level(script):
    result = shellcheck(script)
    assert (result.returncode, result.stdout) == (0, "")
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert "shellcheck disable" not in text


def test_shellcheck_finds_what_is_wrong(tmp_path):
    changed = tmp_path / "start.sh"
    text = (IMAGES / "common" / "start.sh").read_text(encoding="utf-8")
    changed.write_text(text.replace('cd "${HOME}"', "cd ${HOME}"), encoding="utf-8")
    result = shellcheck(changed)
    assert result.returncode != 0
    assert "SC2086" in result.stdout


# --- Python packages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PINNED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_package_is_pinned_with_hashes_and_no_index(path):
    text = path.read_text(encoding="utf-8")
    blocks = re.sub(r" \\\n\s+", " ", text).splitlines()
    assert blocks
    wrong = [
        block
        for block in blocks
        if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.+!-]*( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+", block)
    ]
    assert not wrong
    assert not re.search(r"https?:|index-url|find-links|trusted-host", text)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_asked_for_is_pinned(name):
    asked = [*wanted(IMAGES / name / "requirements.in")]
    assert {"jupyterlab", "kfp", "kubeflow", "kubeflow-kale", "sagemaker", "boto3", "s3fs"} <= set(asked)
    have = pins(IMAGES / name / "requirements.txt") | held(name)
    assert not [each for each in asked if each not in have]


def wanted(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from wanted(path.parent / line.removeprefix("-r ").strip())
        elif found := re.match(r"[a-z0-9-]+", line):
            yield found[0]


def held(name: str) -> dict[str, str]:
    """What the base image has, at the versions that must stay."""
    base = IMAGES / name / "base.txt"
    return pins(base) if base.exists() else {}


@pytest.mark.parametrize("name", ["notebook-cpu", "notebook-gpu"])
def test_nothing_of_the_base_is_replaced(name):
    assert {"numpy", "pandas", "torch"} <= set(held(name))
    assert not set(held(name)) & set(pins(IMAGES / name / "requirements.txt"))


@pytest.mark.parametrize("path", PINNED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_package_hides_a_tool_or_a_framework(path):
    assert not {"awscli", "torch", "torchvision", "torchaudio", "triton", "nvidia-nccl-cu13"} & set(pins(path))


def test_the_base_of_the_gpu_image_is_cuda_and_that_of_the_cpu_image_is_not():
    assert held("notebook-gpu")["torch"] == "2.12.1+cu130"
    assert held("notebook-cpu")["torch"] == "2.12.1+cpu"
    assert "nvidia-nccl-cu13" in held("notebook-gpu")
    for name in ("notebook-cpu", "notebook-gpu"):
        assert held(name)["torch"].split("+")[0] in str(INDEX[name]["base"])


def test_images_have_the_same_versions_but_where_their_bases_differ():
    have = {name: pins(IMAGES / name / "requirements.txt") for name in NAMES}
    differing = {
        package
        for package in set.union(*(set(each) for each in have.values()))
        if len({each[package] for each in have.values() if package in each}) > 1
    }
    assert differing <= {"s3fs"}, "images/pin.sh makes each image prefer the versions of the one before it"
    for name in ("notebook-cpu", "notebook-gpu"):
        assert have[name]["s3fs"] == held(name)["fsspec"], "s3fs takes fsspec of its own version, which the base has"


def test_the_neuron_kernel_and_the_build_of_its_environment_are_of_one_resolution():
    whole = pins(IMAGES / "notebook-neuron" / "requirements.txt")
    for part in ("kernel", "build"):
        some = pins(IMAGES / "notebook-neuron" / f"{part}.txt")
        assert some
        assert some.items() <= whole.items(), part
    kernel = json.loads((IMAGES / "notebook-neuron" / "kernel" / "kernel.json").read_text(encoding="utf-8"))
    assert kernel["argv"][:3] == ["/usr/local/bin/python3.12", "-m", "ipykernel_launcher"]
