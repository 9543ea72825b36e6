"""`slipway addons`: what it lists and explains, against the declarations."""

import io
import json
import subprocess
import sys

import pytest

from addons import registry
from slipway import explain

CATALOGUE = registry.discover()


def run(*arguments, cwd):
    command = [sys.executable, "-m", "slipway.cli", "addons", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.fixture(scope="module", name="listed")
def _listed(tmp_path_factory):
    done = run("--format", "json", cwd=tmp_path_factory.mktemp("list"))
    assert (done.returncode, done.stderr) == (0, "")
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_the_list_for_machines_has_every_addon_and_what_it_says(listed):
    assert listed.keys() == CATALOGUE.keys()
    for name, each in listed.items():
        addon = CATALOGUE[name]
        assert each["group"] == addon.group
        assert each["docs"] == addon.docs
        assert each["needs"] == list(addon.needs)
        assert each["conflicts"] == list(addon.conflicts)
        assert each["ownsCrds"] == list(addon.owns_crds)
        assert each["presets"] == list(addon.presets)


def test_versions_are_those_that_are_installed(listed, prod):
    installed = {name: version for name, version in prod.outputs["addons"].items() if version}
    assert installed
    assert {name: listed[name]["version"] for name in installed} == installed


def test_a_preset_brings_what_the_presets_it_includes_bring(listed):
    """coredns is in the preset minimal, which training includes."""
    assert listed["coredns"]["presets"] == ["minimal"]
    assert listed["coredns"]["enabledBy"] == ["minimal", "training", "inference", "notebooks", "full"]
    assert listed["nvidia-device-plugin"]["enabledBy"] == ["training", "inference", "notebooks", "full"]
    assert listed["dex"]["enabledBy"] == ["by name"]


def test_the_list_for_people_has_every_name_and_whole_links(tmp_path):
    done = run(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.strip() for line in done.stdout.splitlines()}
    for name, addon in CATALOGUE.items():
        assert addon.docs in lines
        assert any(line.split()[0] == name for line in lines if line)


def test_one_addon_is_explained(tmp_path):
    done = run("cluster-autoscaler", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("scaleDownUnneededMinutes", "integer", "AWS permissions", "registry.k8s.io/autoscaling/cluster-auto"):
        assert words in done.stdout
    assert "`" not in done.stdout


def test_one_addon_is_explained_to_machines(tmp_path):
    data = json.loads(run("cluster-autoscaler", "--format", "json", cwd=tmp_path).stdout)
    assert data["namespace"] == "kube-system"
    assert data["identities"] == [
        {
            "serviceAccount": "cluster-autoscaler",
            "namespace": "kube-system",
            "ownPolicy": True,
            "managedPolicies": [],
        }
    ]
    assert "scaleDownUnneededMinutes" in data["settings"]["properties"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_addon_can_be_explained(name):
    page = io.StringIO()
    explain.show(explain.one(name), page)
    assert page.getvalue().startswith(f"{name}: ")
    assert CATALOGUE[name].docs in page.getvalue().splitlines()
    json.dumps(explain.one(name).data())


def test_an_unknown_name_is_one_message_with_the_nearest(tmp_path):
    done = run("cluster-autoscalr", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    first = "slipway: 'cluster-autoscalr' is not an add-on (did you mean 'cluster-autoscaler'?); known: "
    assert done.stderr.startswith(first)
    assert done.stderr.count("\n") == 1
