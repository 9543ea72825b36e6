"""That Renovate finds every pin: its regular expressions, asked of the files as Renovate asks them.

What stands in renovate.json is compared with what the add-on registry knows, and with every text in the code of the
add-ons that looks like a version. That Renovate itself extracts the same was tried once by
`renovate --platform=local --dry-run=extract`.
"""

import ast
import functools
import importlib.metadata
import ipaddress
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from addons import registry
from addons.spec import Chart, Kustomization, Manifest, Objects

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json.loads((ROOT / "renovate.json").read_text())
ADDONS = registry.discover()
FOLDERS = ("addons", "images", "tests/fixtures/kfp", ".github")
NOT_PINS = {
    # Of EKS's own registry, which has an account and a login in each region: the image that its AMIs start with.
    "eks/pause:3.10",
}
VERSION = re.compile(r"v?\d+(\.\d+)+([-.+][A-Za-z0-9.-]+)*")
IMAGE = re.compile(r"[^\s:@]*:v?\d[A-Za-z0-9._-]*")
PORT = re.compile(r":\d+")
DIGEST = re.compile(r"(.*@sha256:)?[0-9a-f]{64}")


@dataclass(frozen=True)
class Pin:
    """What Renovate knows of a dependency."""

    file: str
    line: int
    name: str
    value: str
    datasource: str
    type: str
    registry: str | None
    digest: str | None
    extract: str | None


def python_regex(text: str) -> re.Pattern[str]:
    """A regular expression of RE2 in Python's spelling: only the names of groups differ here."""
    return re.compile(text.replace("(?<", "(?P<"))


def pins_in(file: str, text: str) -> list[Pin]:
    """Every match of every custom manager that reads the file."""
    found = []
    for manager in CONFIG["customManagers"]:
        if not any(re.search(each.strip("/"), file) for each in manager["managerFilePatterns"]):
            continue
        for pattern in manager["matchStrings"]:
            for match in python_regex(pattern).finditer(text):
                groups: dict[str, Any] = match.groupdict()
                found.append(
                    Pin(
                        file=file,
                        line=text.count("\n", 0, match.start("currentValue")) + 1,
                        name=groups["depName"],
                        value=groups["currentValue"],
                        datasource=groups.get("datasource") or manager["datasourceTemplate"],
                        type=groups.get("depType") or manager.get("depTypeTemplate", ""),
                        registry=groups.get("registryUrl"),
                        digest=groups.get("currentDigest"),
                        extract=groups.get("extractVersion"),
                    )
                )
    return found


@functools.cache
def files() -> tuple[str, ...]:
    return tuple(
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    )


@functools.cache
def pins() -> tuple[Pin, ...]:
    return tuple(
        pin
        for file in files()
        if file.startswith("addons/") or file.endswith("images.json")
        if file.endswith((".py", ".yaml", ".json"))
        for pin in pins_in(file, (ROOT / file).read_text())
    )


def home(addon: Any) -> str:
    return f"addons/catalog/{addon.group}/{addon.name.replace('-', '_')}.py"


def of_addon(addon: Any) -> list[Pin]:
    """What stands in its file, or in a module that several share."""
    return [pin for pin in pins() if pin.file == home(addon) or Path(pin.file).parent == Path("addons")]


# Charts, manifests, kustomizations: what the registry knows, found with the right source.


@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=each.name) for each in ADDONS.values() if isinstance(each.source, Chart)]
)
def test_every_chart_is_found_where_it_comes_from(addon):
    chart = addon.source
    if chart.repo.startswith("oci://"):
        folder = chart.repo.removeprefix("oci://")
        of = [pin for pin in of_addon(addon) if pin.datasource == "docker" and pin.name.startswith(f"{folder}/")]
        named = f"{folder}/{chart.name}"
    else:
        of = [pin for pin in of_addon(addon) if pin.datasource == "helm" and pin.registry == chart.repo]
        named = chart.name
    (pin,) = [pin for pin in of if pin.value == chart.version and pin.type == ""]
    # Charts of one release share a version, which is looked up by the name of one of them.
    assert pin.name == named or Path(pin.file).parent == Path("addons")


@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=each.name) for each in ADDONS.values() if isinstance(each.source, Manifest)]
)
def test_every_manifest_is_found_where_it_comes_from(addon):
    manifest = addon.source
    (pin,) = [pin for pin in of_addon(addon) if pin.value == manifest.version and pin.type == ""]
    if pin.datasource == "docker":
        # KServe's is of the release whose charts are looked up.
        assert "/kserve/kserve/" in manifest.url
        assert pin.name.startswith("ghcr.io/kserve/charts/")
    else:
        assert pin.datasource in {"github-releases", "github-tags"}
        assert f"/{pin.name}/" in manifest.url
    if pin.extract:
        (tag,) = re.findall(rf"/([^/]*{re.escape(pin.value)})/", manifest.url)
        found = python_regex(pin.extract).match(tag)
        assert found is not None
        assert found["version"] == pin.value


@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=each.name) for each in ADDONS.values() if isinstance(each.source, Kustomization)]
)
def test_every_commit_of_a_kustomization_is_found_with_its_release(addon):
    file = f"addons/kustomize/{addon.name}/kustomization.yaml"
    resources = yaml.safe_load((ROOT / file).read_text())["resources"]
    foreign = [each for each in resources if "://" in each]
    assert foreign
    found = [pin for pin in pins() if pin.file == file]
    assert [(pin.datasource, pin.name, pin.digest, pin.value) for pin in found] == [
        ("github-tags", *re.findall(r"^https://github\.com/([^/]+/[^/]+)//.*\?ref=([0-9a-f]{40})&", each)[0], version)
        for each in foreign
        for version in [addon.source.version]
    ]
    # And what the catalogue says of the release moves with them.
    names = {pin.name for pin in found}
    (said,) = [
        pin
        for pin in of_addon(addon)
        if pin.name in names
        and pin.datasource == "github-tags"
        and addon.source.version in {pin.value, f"v{pin.value}"}
    ]
    assert (said.extract == "^v(?<version>.+)$") == (said.value != addon.source.version)


# Everything else that is a version.


def unfound(file: str, text: str) -> list[str]:
    """Texts in the code that look like a version, and that no custom manager finds."""
    lines = Counter(pin.line for pin in pins_in(file, text))
    tree = ast.parse(text)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        f"{file}:{node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
        if (VERSION.fullmatch(node.value) or IMAGE.fullmatch(node.value))
        and not address(node.value)
        and not PORT.fullmatch(node.value)
        if lines[node.lineno] != 1 and node.value not in NOT_PINS
    ]


def address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def test_every_version_in_the_code_of_the_add_ons_is_found_once():
    assert [each for file in files() if file.endswith(".py") for each in unfound(file, (ROOT / file).read_text())] == []


def test_a_digest_stands_beside_a_version_that_is_found():
    for file in files():
        if file.startswith("addons/") and file.endswith(".py"):
            text = (ROOT / file).read_text()
            nodes = ast.walk(ast.parse(text))
            if any(isinstance(node, ast.Constant) and DIGEST.fullmatch(str(node.value)) for node in nodes):
                assert pins_in(file, text), file


@pytest.mark.parametrize(
    "line",
    [
        '_VERSION: Final = "1.2.3"',
        'source = Chart(repo="https://charts.example", name="x", version="v1.2.3")',
        'image = Image(reference="org/app:1.2.3")',
        'tag = {"tag": "26.06-py3"}',
        'image = f"ghcr.io/org/{part}:1.2.3"',
        # Of another line than the comment's.
        '# renovate: datasource=docker depName=x/y\n\n_VERSION: Final = "1.2.3"',
        # Twice the same pin.
        '# renovate: datasource=docker depName=x.io/y\n_IMAGE: Final = "x.io/y:1.2.3"',
    ],
)
def test_a_pin_that_is_not_found_or_found_twice_is_told(line):
    assert unfound("addons/catalog/x/y.py", line)


@pytest.mark.parametrize(
    ("text", "value", "digest"),
    [
        ('# renovate: datasource=docker depName=x/y\n_VERSION: Final = "1.2.3"', "1.2.3", None),
        ('# renovate: datasource=docker depName=x/y depType=follows\n    "tag": "26.06-py3",', "26.06-py3", None),
        ('_IMAGE: Final = "ghcr.io/org/app:v1.2.3"', "v1.2.3", None),
        (f'"ghcr.io/org/app:v1"\n    "@sha256:{"a" * 64}"', "v1", f"sha256:{'a' * 64}"),
    ],
)
def test_the_forms_that_are_found(text, value, digest):
    (pin,) = pins_in("addons/catalog/x/y.py", text)
    assert (pin.value, pin.digest) == (value, digest)


def test_comments_for_renovate_are_all_read():
    """A misspelt one would be passed over in silence."""
    for file in files():
        if file.startswith("addons/"):
            text = (ROOT / file).read_text()
            annotated = [pin for pin in pins_in(file, text) if pin.type != "image" and file.endswith(".py")]
            assert text.count("renovate:") == len(annotated), file


def test_no_pin_is_found_twice():
    twice = [key for key, count in Counter((pin.file, pin.line) for pin in pins()).items() if count > 1]
    assert twice == []


def test_images_are_found_as_they_are_declared():
    found = {(pin.name, pin.value, pin.digest) for pin in pins() if pin.type == "image"}
    assert ("public.ecr.aws/docker/library/busybox", "1.37.0", None) in found
    assert (
        "public.ecr.aws/karpenter/controller",
        "1.14.1",
        "sha256:723130949e4cab989461ff07d1be4cd781d63515432494641b33c235f300ae23",
    ) in found
    assert ("public.ecr.aws/deep-learning-containers/pytorch", "2.12.1-cpu-amzn2023", None) in found


# What becomes of them.


def globbed(pattern: str, text: str) -> bool:
    """Whether a glob of minimatch fits; the two forms that are used."""
    expression = re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, text) is not None


def rule(description: str) -> dict[str, Any]:
    (found,) = [each for each in CONFIG["packageRules"] if each["description"] == description]
    return dict(found)


def test_what_a_chart_renders_waits_for_its_chart_and_our_own_images_do_not():
    gated = rule("What a chart, a manifest or a kustomization runs goes with it: the catalogue says what it renders.")
    assert gated["dependencyDashboardApproval"] is True
    assert gated["matchDepTypes"] == ["follows", "image"]
    own = rule("Images of our own choice.")
    assert own["dependencyDashboardApproval"] is False
    upstream = {home(each) for each in ADDONS.values() if not isinstance(each.source, Objects)}
    # Its engine is set in its values, and its chart's own is `latest`.
    upstream -= {"addons/catalog/serving/vllm.py"}
    for pin in pins():
        if pin.type == "image":
            free = any(globbed(each, pin.file) for each in own["matchFileNames"])
            assert free == (pin.file not in upstream), pin


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        # Tags of kubeflow/community-distribution.
        ("v1.11.0", ("1", "11", "0", None)),
        ("26.03", ("26", "03", None, None)),
        ("26.03.1", ("26", "03", "1", None)),
        ("26.03.1-rc.2", ("26", "03", "1", "rc.2")),
    ],
)
def test_a_candidate_of_kubeflow_is_no_release(tag, parts):
    """No other scheme reads its months and knows a candidate: of `loose` every version is stable."""
    scheme = rule("Kubeflow's releases are months, such as 26.03 and 26.03.1-rc.2.")["versioning"]
    found = python_regex(scheme.removeprefix("regex:")).fullmatch(tag)
    assert found is not None
    assert found.group("major", "minor", "patch", "prerelease") == parts


def test_every_version_is_read_by_a_scheme_that_knows_candidates():
    assert "loose" not in json.dumps(CONFIG)
    assert not any("versioning=" in (ROOT / file).read_text() for file in files() if file.startswith("addons/"))


def test_an_image_without_a_day_does_not_wait_for_ever():
    """Since Renovate 42 a release without a timestamp never is old enough, and few registries have one."""
    assert CONFIG["minimumReleaseAge"] == "7 days"
    (optional,) = [each for each in CONFIG["packageRules"] if "minimumReleaseAgeBehaviour" in each]
    assert optional["minimumReleaseAgeBehaviour"] == "timestamp-optional"
    assert optional["matchDatasources"] == ["docker"]
    # The others have one: pypi, helm's index, GitHub's releases and tags.
    assert {pin.datasource for pin in pins()} == {"docker", "helm", "github-releases", "github-tags"}


def test_nothing_merges_by_itself():
    text = json.dumps(CONFIG)
    assert CONFIG["automerge"] is False
    assert text.count("automerge") == 1
    assert rule("Majors are looked at before there is a pull request.")["dependencyDashboardApproval"] is True


def python_pins() -> dict[str, str]:
    """Package to version, of what `make lock` wrote."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


def test_every_rule_is_about_something():
    written = "".join((ROOT / file).read_text() for file in files() if file.endswith(".in"))
    names = {pin.name for pin in pins()} | {*python_pins(), *re.findall(r"^([\w-]+)==", written, re.MULTILINE)}
    paths = {*files(), "pyproject.toml", "requirements.lock"}
    for each in CONFIG["packageRules"]:
        for pattern in each.get("matchPackageNames", []):
            assert any(globbed(pattern, name) for name in names), pattern
        for pattern in each.get("matchFileNames", []):
            assert any(globbed(pattern, path) for path in paths), pattern


def test_parts_of_one_release_come_together():
    def group(name: str) -> str | None:
        found = None
        for each in CONFIG["packageRules"]:
            if "groupName" in each and any(globbed(pattern, name) for pattern in each.get("matchPackageNames", [])):
                found = each["groupName"]
        return found

    assert group("public.ecr.aws/karpenter/karpenter") == group("public.ecr.aws/karpenter/karpenter-crd") == "karpenter"
    assert group("argo-workflows") == group("argoproj/argo-workflows") == "argo workflows"
    kubeflow = [pin.name for pin in pins() if pin.file.startswith("addons/catalog/kubeflow/") and pin.type == "follows"]
    # Its workflow controller is Argo's, of an older release.
    assert {group(name) for name in [*kubeflow, "kubeflow/community-distribution", "kfp"]} == {
        "kubeflow",
        "argo workflows",
    }


def test_limits_of_python_packages_are_those_of_the_packages():
    limit = rule("pulumi-policy asks for protobuf ~=5.29.5.")["allowedVersions"]
    asked = [Requirement(each) for each in importlib.metadata.requires("pulumi-policy") or []]
    (protobuf,) = [each.specifier for each in asked if each.name == "protobuf"]
    allowed = SpecifierSet(limit)
    for version in ("5.29.4", "5.29.5", "5.29.6", "5.29.99", "5.30.0", "6.0.0"):
        assert (version in allowed) == (version in protobuf), version
    pyproject = (ROOT / "pyproject.toml").read_text()
    for each in CONFIG["packageRules"]:
        if "allowedVersions" in each:
            (name,) = each["matchPackageNames"]
            assert python_pins()[name] in SpecifierSet(each["allowedVersions"])
    assert '"setuptools<81"' in pyproject


def test_python_requirements_are_read_where_people_write_them():
    patterns = CONFIG["pip_requirements"]["managerFilePatterns"]
    read = {file for file in (*files(), "requirements.lock") if any(re.search(p.strip("/"), file) for p in patterns)}
    assert {"requirements.lock", "tests/fixtures/kfp/requirements.in", "images/common/requirements.in"} <= read
    # What is resolved from them is not edited line by line.
    assert not any(file.endswith(".txt") or file.endswith("kfp/requirements.lock") for file in read)
    assert CONFIG["ignorePaths"] == ["images/**/*.txt"]


def test_base_images_and_workflows_are_read_by_renovate_s_own_managers():
    assert {"custom.regex", "dockerfile", "github-actions", "pep621", "pip_requirements"} == set(
        CONFIG["enabledManagers"]
    )
    bases = {each["base"] for each in json.loads((ROOT / "images/images.json").read_text()).values()}
    for path in (ROOT / "images").glob("*/Dockerfile"):
        assert any(f"ARG BASE={base}\n" in path.read_text() for base in bases), path
