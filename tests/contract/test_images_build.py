"""What runs while a notebook image is built: downloads, packages added to an environment, the user."""

import hashlib
import io
import json
import re
import runpy
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

COMMON = Path(__file__).resolve().parents[2] / "images" / "common"
KUBECTL = b"#!/bin/sh\necho kubectl\n"


def tool(folder: Path, name: str, body: str, shebang: str = "#!/bin/bash") -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"{shebang}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run(script: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", COMMON / script, *arguments],
        env={"PATH": f"{path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# --- install_tools.sh ------------------------------------------------------------------------------------------------


def bundle() -> bytes:
    """A stand-in for the AWS CLI's zip: its installer writes down what it was told."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("aws/install", '#!/bin/bash\nmkdir -p "$5"\necho "$*" > "$5/aws"\n')
    return content.getvalue()


def server(folder: Path, kubectl: bytes, awscli: bytes) -> Path:
    """A PATH with a curl that serves these, whatever the address, and an unzip."""
    (folder / "kubectl.bytes").write_bytes(kubectl)
    (folder / "awscli.bytes").write_bytes(awscli)
    bin_folder = folder / "bin"
    tool(
        bin_folder,
        "curl",
        f"""
printf '%s\\n' "$*" >> {folder}/asked
while [[ $# -gt 0 ]]; do
  case "$1" in
    --output) file="$2"; shift ;;
    https://*/kubectl) from=kubectl ;;
    https://*.zip) from=awscli ;;
  esac
  shift
done
cp {folder}/$from.bytes "$file"
""",
    )
    tool(
        bin_folder,
        "unzip",
        "import pathlib, sys, zipfile\n"
        "zipfile.ZipFile(sys.argv[2]).extractall(sys.argv[4])\n"
        "pathlib.Path(sys.argv[4], 'aws/install').chmod(0o755)",
        shebang=f"#!{sys.executable}",
    )
    return bin_folder


@pytest.fixture(name="known")
def _known(tmp_path):
    """The script with the checksums of the stand-ins in place of the real ones."""
    text = (COMMON / "install_tools.sh").read_text(encoding="utf-8")
    for name, content in (("kubectl", KUBECTL), ("awscli", bundle())):
        text, count = re.subn(
            rf"(readonly {name}_sha256=)[0-9a-f]{{64}}", rf"\g<1>{hashlib.sha256(content).hexdigest()}", text
        )
        assert count == 1
    script = tmp_path / "install_tools.sh"
    script.write_text(text, encoding="utf-8")
    return script


def test_the_tools_are_installed_from_their_makers(tmp_path, known):
    path = server(tmp_path, KUBECTL, bundle())
    result = run(str(known), str(tmp_path / "usr"), path=path)
    assert (result.returncode, result.stderr) == (0, "")
    kubectl = tmp_path / "usr" / "bin" / "kubectl"
    assert kubectl.read_bytes() == KUBECTL
    assert kubectl.stat().st_mode & 0o777 == 0o755
    assert "--update" in (tmp_path / "usr" / "bin" / "aws").read_text(encoding="utf-8")
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert len(asked) == 2
    assert all("--fail" in line and "--proto =https" in line for line in asked)
    hosts = [re.search(r"https://([^/]+)/", line) for line in asked]
    assert [found[1] for found in hosts if found] == ["dl.k8s.io", "awscli.amazonaws.com"]


@pytest.mark.parametrize("changed", ["kubectl", "awscli"])
def test_a_changed_download_stops_the_build_before_it_is_installed(tmp_path, known, changed):
    content = {"kubectl": KUBECTL, "awscli": bundle()}
    content[changed] += b"\0"
    path = server(tmp_path, content["kubectl"], content["awscli"])
    result = run(str(known), str(tmp_path / "usr"), path=path)
    assert result.returncode != 0
    assert not (tmp_path / "usr" / "bin" / ("kubectl" if changed == "kubectl" else "aws")).exists()


def test_the_checksums_in_the_script_are_not_those_of_anything_else(tmp_path):
    path = server(tmp_path, KUBECTL, bundle())
    assert run("install_tools.sh", str(tmp_path / "usr"), path=path).returncode != 0
    assert not (tmp_path / "usr").exists()


# --- packages.py -----------------------------------------------------------------------------------------------------


def install(site: Path, name: str, version: str, *needs: str) -> None:
    """Put the metadata of a package into a folder, in place of any other version."""
    for old in site.glob(f"{name}-*.dist-info/METADATA"):
        old.unlink()
        old.parent.rmdir()
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    (folder / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(name="site")
def _site(tmp_path):
    site = tmp_path / "site"
    install(site, "slipwaybase", "1.0")
    install(site, "slipwaynumbers", "2.4.4")
    return site


def packages(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", COMMON / "packages.py", *arguments],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def verify(site: Path, *pins: str) -> tuple[int, list[str]]:
    requirements = site.parent / "requirements.txt"
    requirements.write_text("".join(f"{pin} \\\n    --hash=sha256:0\n" for pin in pins), encoding="utf-8")
    result = packages(site, "verify", site.parent / "before", requirements)
    return result.returncode, result.stderr.splitlines()


def test_packages_that_are_added_whole_are_well(site):
    assert packages(site, "record", site.parent / "before").returncode == 0
    install(
        site, "slipwayadded", "3.0", "slipwaybase>=1", 'nowhere; python_version < "3"', "torch>=2", "no; extra=='x'"
    )
    assert verify(site, "slipwayadded==3.0") == (0, [])


def with_an_extra(site: Path) -> None:
    install(site, "slipwayadded", "3.0", "slipwayother[more]")
    install(site, "slipwayother", "1", "slipwayextra; extra == 'more'")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda site: install(site, "slipwaynumbers", "2.5.0"),
            "slipwaynumbers: the base image has 2.4.4; after the installation it is 2.5.0",
        ),
        (
            lambda site: [each.rename(site.parent / "gone") for each in site.glob("slipwaynumbers-*")],
            "slipwaynumbers: the base image has 2.4.4; after the installation it is gone",
        ),
        (lambda _: None, "slipwayadded: 3.0 was to be added; it is not there"),
        (lambda site: install(site, "slipwayadded", "3.1"), "slipwayadded: 3.0 was to be added; 3.1 is there"),
        (
            lambda site: install(site, "slipwayadded", "3.0", "slipwaymissing>1"),
            "slipwayadded: needs slipwaymissing>1; it is not there",
        ),
        (
            lambda site: install(site, "slipwayadded", "3.0", "slipwaynumbers<2"),
            "slipwayadded: needs slipwaynumbers<2; 2.4.4 is there",
        ),
        (
            with_an_extra,
            'slipwayadded: slipwayother: needs slipwayextra; extra == "more"; it is not there',
        ),
    ],
    ids=["replaced", "removed", "not-added", "other-version", "need-missing", "need-too-new", "need-of-an-extra"],
)
def test_what_went_wrong_is_named(site, change, message):
    packages(site, "record", site.parent / "before")
    change(site)
    pins = () if message.startswith("slipwaynumbers") else ("slipwayadded==3.0",)
    assert verify(site, *pins) == (1, [message])


def test_what_the_base_has_already_may_keep_its_version(site):
    packages(site, "record", site.parent / "before")
    assert verify(site, "slipwaynumbers==2.0") == (0, [])


def test_used_wrongly_it_says_how_to_use_it(site):
    result = packages(site, "compare")
    assert result.returncode == 2
    assert "packages.py verify FILE REQUIREMENTS" in result.stderr


CHANGED = runpy.run_path(str(COMMON / "packages.py"))["changed"]
ENVIRONMENTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]))


@given(before=ENVIRONMENTS, now=ENVIRONMENTS)
def test_exactly_what_changed_is_found(before, now):
    found = [line.split(":")[0] for line in CHANGED(before, now)]
    assert found == sorted(name for name in before if before[name] != now.get(name))


# --- create_user.sh --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "removed"),
    [("ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash", ["userdel --remove ubuntu"]), ("", [])],
    ids=["ubuntu", "amazon-linux"],
)
def test_the_user_is_the_one_that_kubeflow_expects(tmp_path, entry, removed):
    log = tmp_path / "log"
    path = tmp_path / "bin"
    tool(path, "getent", f'echo "{entry}"' if entry else "exit 2")
    for name in ("userdel", "useradd", "install", "chmod"):
        tool(path, name, f'echo "{name} $*" >> {log}')
    result = run("create_user.sh", sys.executable, path=path)
    assert (result.returncode, result.stderr) == (0, "")
    done = log.read_text(encoding="utf-8").splitlines()
    assert done[:-1] == [
        *removed,
        "useradd --no-create-home --no-user-group --shell /bin/bash --home-dir /home/jovyan"
        " --uid 1000 --gid 0 --groups 100 jovyan",
        "install --directory --owner=1000 --group=100 --mode=2775 /home/jovyan",
    ]
    assert done[-1].startswith("chmod g+w ")
    own = {sysconfig.get_path(key) for key in ("purelib", "platlib", "scripts")}
    assert set(done[-1].split()[2:]) == own, "the folders, not what the base image has in them"


# --- install_packages.sh ---------------------------------------------------------------------------------------------


def test_packages_are_added_by_hash_alone_and_then_verified(tmp_path):
    log = tmp_path / "log"
    tool(tmp_path / "bin", "python", f'printf "%s\\n" "$*" >> {log}')
    result = run(
        "install_packages.sh",
        str(tmp_path / "bin" / "python"),
        "some.txt",
        "--target",
        "/opt/kernel",
        path=tmp_path / "bin",
    )
    assert (result.returncode, result.stderr) == (0, "")
    ensure, record, pip, verified = log.read_text(encoding="utf-8").splitlines()
    assert ensure == "-m ensurepip"
    before = record.removeprefix(f"{COMMON}/packages.py record ")
    assert {"--require-hashes", "--no-deps", "--no-build-isolation", "--only-binary=:all:"} <= set(pip.split())
    assert pip.endswith("--requirement some.txt --target /opt/kernel")
    assert verified == f"{COMMON}/packages.py verify {before} some.txt"
    assert not Path(before).exists()


def test_an_image_with_a_changed_base_is_not_built(tmp_path):
    tool(tmp_path / "bin", "python", 'case "$*" in *verify*) exit 1 ;; esac')
    result = run("install_packages.sh", str(tmp_path / "bin" / "python"), "some.txt", path=tmp_path / "bin")
    assert result.returncode == 1


def test_the_settings_that_are_copied_are_json():
    for path in COMMON.parent.rglob("*.json"):
        assert isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
