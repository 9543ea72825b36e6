"""What the builds run, with docker and the AWS CLI played by scripts that write down what they are asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.registry import mirror, notebooks
from infra.registry.builds import buildspec

HOST = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
IMAGE = f"{HOST}/ml/notebook-gpu:0123456789abcdef"
AWS = r"""#!/bin/bash
echo "aws $*" >>"$RECORD"
case "$*" in
  "ecr get-login-password"*) echo token ;;
  "secretsmanager get-secret-value"*) echo '{"username": "bot", "accessToken": "t0ken"}' ;;
  "s3 cp"*) cp "$LISTED" images.txt ;;
esac
"""
DOCKER = r"""#!/bin/bash
echo "docker $*" >>"$RECORD"
case "$*" in
  login*) read -r password; echo "password $password" >>"$RECORD" ;;
  *"--help") echo "$HELP" ;;
  *"imagetools inspect"*) [[ " $THERE " == *" $4 "* ]] ;;
  *) [[ " $BROKEN " != *" ${*: -1} "* ]] ;;
esac
"""


JQ = f"""#!{sys.executable}
import json, sys
print(json.load(sys.stdin)[sys.argv[2].removeprefix(".")])
"""
"""As much of jq as the scripts use, for machines that have none: `jq -er .key`."""


class Box:
    """A folder in which a script runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for name, text in (("aws", AWS), ("docker", DOCKER), ("jq", JQ)):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def run(self, script: str, **environment: str) -> tuple[int, list[str]]:
        """The exit code, and what docker and the AWS CLI were asked."""
        record = self.folder / "record"
        record.write_text("")
        (command,) = json.loads(buildspec(script))["phases"]["build"]["commands"]
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "RECORD": str(record),
                "AWS_REGION": "us-west-2",
                "HELP": "",
                "THERE": "",
                "BROKEN": "",
                **environment,
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert "unbound variable" not in done.stderr
        return done.returncode, record.read_text().splitlines()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.fixture
def listed(tmp_path: Path) -> dict[str, str]:
    """A list of two images, and the mirror's environment."""
    lines = tmp_path / "lines"
    lines.write_text("quay.io/org/a:v1 ml/mirror/quay.io/org/a:v1\nnvcr.io/b:v2 ml/mirror/nvcr.io/b:v2\n")
    return {"REGISTRY": HOST, "LIST": "s3://bucket/registry/mirror.txt", "LISTED": str(lines)}


COPY_A = f"docker buildx imagetools create --tag {HOST}/ml/mirror/quay.io/org/a:v1 quay.io/org/a:v1"
COPY_B = f"docker buildx imagetools create --tag {HOST}/ml/mirror/nvcr.io/b:v2 nvcr.io/b:v2"


def test_the_mirror_copies_all_that_is_listed(box, listed):
    code, asked = box.run(mirror.SCRIPT, **listed)
    assert code == 0
    # The two ends of a pipe run at the same time.
    assert set(asked[:3]) == {
        "aws ecr get-login-password --region us-west-2",
        f"docker login --username AWS --password-stdin {HOST}",
        "password token",
    }
    assert f"aws s3 cp --only-show-errors {listed['LIST']} images.txt" in asked
    assert [line for line in asked if "create --tag" in line] == [COPY_A, COPY_B]


def test_what_is_there_is_not_copied_again(box, listed):
    code, asked = box.run(mirror.SCRIPT, THERE=f"{HOST}/ml/mirror/quay.io/org/a:v1", **listed)
    assert code == 0
    assert [line for line in asked if "create --tag" in line] == [COPY_B]


def test_one_that_fails_fails_the_build_and_stops_no_other(box, listed):
    code, asked = box.run(mirror.SCRIPT, BROKEN="quay.io/org/a:v1", **listed)
    assert code == 1
    assert [line for line in asked if "create --tag" in line] == [COPY_A, COPY_B]


def test_a_newer_buildx_is_told_to_leave_an_image_of_one_platform_as_it_is(box, listed):
    code, asked = box.run(mirror.SCRIPT, HELP="      --prefer-index    When only a single source", **listed)
    assert code == 0
    assert COPY_A.replace("create", "create --prefer-index=false") in asked


def test_the_mirror_logs_in_with_a_secret_that_is_on_no_command_line(box, listed):
    arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:hub-AbCdEf"
    code, asked = box.run(mirror.SCRIPT, SECRETS=f"docker.io={arn}", **listed)
    assert code == 0
    at = asked.index("docker login --username bot --password-stdin docker.io")
    assert asked[at + 1] == "password t0ken"
    assert not any("t0ken" in line for line in asked if not line.startswith("password "))
    assert any(arn in line for line in asked)


def test_a_notebook_image_is_built_from_its_base_and_pushed(box):
    code, asked = box.run(
        notebooks.SCRIPT, IMAGE=IMAGE, BASE="public.ecr.aws/x/pytorch:2.12", DOCKERFILE="notebook-gpu/Dockerfile"
    )
    assert code == 0
    assert asked[-1] == (
        "docker buildx build --push --provenance=false --build-arg BASE=public.ecr.aws/x/pytorch:2.12 "
        f"--file notebook-gpu/Dockerfile --tag {IMAGE} ."
    )
    assert [line for line in asked if line.startswith("docker login")] == [
        f"docker login --username AWS --password-stdin {HOST}"
    ]


def test_a_base_image_in_a_private_registry_takes_a_login_in_its_own_region(box):
    dlc = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
    code, asked = box.run(
        notebooks.SCRIPT, IMAGE=IMAGE, BASE=f"{dlc}/pytorch:2.12", BASE_REGION="us-east-1", DOCKERFILE="Dockerfile"
    )
    assert code == 0
    assert "aws ecr get-login-password --region us-east-1" in asked
    assert f"docker login --username AWS --password-stdin {dlc}" in asked


def test_an_image_that_is_there_is_not_built_again(box):
    code, asked = box.run(notebooks.SCRIPT, THERE=IMAGE, IMAGE=IMAGE, BASE="a/b:c", DOCKERFILE="Dockerfile")
    assert code == 0
    assert not any("buildx build" in line for line in asked)


def test_a_build_that_fails_fails(box):
    code, _ = box.run(notebooks.SCRIPT, IMAGE=IMAGE, BASE="a/b:c", DOCKERFILE="Dockerfile", BROKEN=".")
    assert code != 0


@pytest.mark.parametrize("script", [mirror.SCRIPT, notebooks.SCRIPT], ids=["mirror", "notebooks"])
def test_shellcheck_finds_nothing(script):
    (command,) = json.loads(buildspec(script))["phases"]["build"]["commands"]
    done = subprocess.run(
        [SHELLCHECK, "--shell=bash", "-"], input=command, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ""
    assert done.returncode == 0
