"""`slipway diff` on the repository's own stacks: what a person is told, and how the command ends."""

import functools
import gc
import json
import sys
from pathlib import Path

import pytest
import yaml

from slipway import cli, planning, stackfile
from slipway.plan.diff import diff
from slipway.plan.tenants import tenants

ROOT = Path(__file__).resolve().parents[2]
PROD, DEV = (ROOT / "stacks" / "config" / f"Pulumi.{name}.yaml" for name in ("prod", "dev"))
HELD = {"LimitRange", "Namespace", "NetworkPolicy", "Repository", "ResourceQuota"}
"""Kinds that hold a tenant's data, or hold in what may still run there."""


@pytest.fixture(name="slipway")
def _slipway(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in an empty folder: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["slipway", *map(str, arguments)])
        monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
        monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


def changed(folder, source, change, name="Pulumi.prod.yaml"):
    """A stack file with its configuration changed."""
    content = yaml.safe_load(source.read_text())
    change(content["config"])
    path = folder / name
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture(name="written")
def _written(tmp_path):
    """A function that writes a stack file with its configuration changed."""
    return functools.partial(changed, tmp_path)


def record(path):
    """As `slipway diff` does: the file's name says nothing."""
    return planning.record(stackfile.load(str(path)))


@pytest.fixture(name="taken_out", scope="module")
def _taken_out(tmp_path_factory):
    """A function that gives the difference that taking a tenant out of prod makes; each plan is recorded once."""
    folder = tmp_path_factory.mktemp("stacks")

    @functools.cache
    def without(name):
        return record(changed(folder, PROD, lambda config: config["slipway:tenants"].pop(name)))

    @functools.cache
    def compare(name, *, keep):
        whole = changed(folder, PROD, lambda config: config["slipway:tenants"][name].update(keepData=keep))
        return diff(record(whole), without(name))

    return compare


def test_a_tenant_that_is_taken_out_leaves_its_data(taken_out):
    found = taken_out("language", keep=True)
    assert found.refused == ()
    (tenant,) = [each for each in tenants(found) if each.status == "removed"]
    kinds = {entry.type.rpartition(":")[2] for entry in tenant.of("keep")}
    assert kinds == HELD
    gone = {entry.type.rpartition(":")[2] for entry in tenant.of("delete")}
    assert gone >= {"Role", "ClusterQueue", "LocalQueue", "RoleBinding", "Budget", "ServiceAccount", "AccessPoint"}
    assert not gone & HELD
    assert {each.place.partition(" ")[0].partition(":")[0] for each in tenant.data} == {"s3", "efs", "lustre", "ecr"}
    assert all(each.stays for each in tenant.data)


def test_of_one_that_keeps_no_data_all_goes_but_what_lies_in_shared_stores(taken_out):
    (tenant,) = [each for each in tenants(taken_out("language", keep=False)) if each.status == "removed"]
    assert tenant.of("keep") == ()
    assert {entry.type.rpartition(":")[2] for entry in tenant.of("delete")} > HELD
    assert [each.place.partition(" ")[0] for each in tenant.data if not each.stays] == ["ecr"]


def test_nobody_else_loses_anything(taken_out):
    found = taken_out("language", keep=True)
    others = [entry for entry in found.of("delete", "keep") if "vision" in entry.name]
    assert others == []
    assert {each.name for each in tenants(found)} == {"language"}


def test_nothing_is_different_since_now(slipway):
    code, _, err = slipway("plan", "-s", "dev", "--out", "plan.json")
    assert (code, err) == (0, "wrote plan.json\n")
    assert slipway("diff", "-s", "dev", "--from", "plan.json") == (
        0,
        "dev  compared with plan.json\nNo difference.\n",
        "",
    )
    code, out, err = slipway("diff", "-s", "dev", "--from", DEV, "--format", "json")
    assert (code, err, json.loads(out)["resources"]) == (0, "", [])


def test_a_plan_of_a_preview_is_compared_with_a_preview(slipway):
    slipway("plan", "-s", "dev", "--preview", "--out", "plan.json")
    code, out, _ = slipway("diff", "-s", "dev", "--from", "plan.json")
    assert (code, out.splitlines()[-1]) == (0, "No difference.")


def test_what_changed_and_what_it_costs(slipway, written):
    def smaller(config):
        (group,) = [each for each in config["slipway:nodeGroups"] if each["name"] == "inference"]
        group["max"] = 4

    older = written(PROD, smaller, "Pulumi.older.yaml")
    code, out, err = slipway("diff", "-s", "prod", "--from", older, "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["environment"] == "prod"
    changed = [each for each in found["resources"] if each["type"] == "aws:eks/nodeGroup:NodeGroup"]
    assert changed
    for each in changed:
        assert each["action"] == "change"
        assert each["changes"] == [{"path": "scalingConfig.maxSize", "before": "4", "after": "10"}]
    cost = found["cost"]
    assert cost["after"]["desired"] == cost["before"]["desired"]
    assert cost["after"]["maximum"] > cost["before"]["maximum"]


def test_a_protected_store_that_is_taken_out_ends_with_1(slipway, written):
    def more(config):
        config["slipway:storage"]["efs"].append({"name": "extra"})

    code, out, err = slipway("diff", "-s", "prod", "--from", written(PROD, more, "Pulumi.older.yaml"))
    assert (code, err) == (1, "")
    assert "efs FileSystem storage-extra: protected" in out
    assert "pulumi state unprotect 'urn:pulumi:prod::slipway::" in out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "not a plan: no JSON that can be read"),
        ('{"version": 2}', "not a plan: version: 2 is not a deployment of version 3"),
        ('{"version": 3}', "not a plan: deployment.resources: cannot be read"),
        (
            '{"version": 3, "deployment": {"resources": [{"urn": "x", "custom": true}]}}',
            "deployment.resources[0].urn: 'x' is no URN",
        ),
        ('{"version": 3, "deployment": {"resources": []}}', "there is no pulumi:pulumi:Stack"),
        ("- a\n", "not a mapping but a list"),
        ("config: {slipway:platform: {name: 5}}\n", "the settings in it cannot be used:"),
        (b"\xff\xfe\x00", "neither a plan nor a stack file (no text)"),
    ],
)
def test_a_file_that_cannot_be_compared_with(slipway, tmp_path, content, told):
    path = tmp_path / "earlier"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = slipway("diff", "-s", "dev", "--from", "earlier")
    assert (code, out) == (2, "")
    assert "earlier" in err
    assert told in err
    assert "Traceback" not in err


def test_a_plan_of_another_environment_and_a_state_of_the_engine(slipway, tmp_path):
    slipway("plan", "-s", "dev", "--out", "plan.json")
    code, _, err = slipway("diff", "-s", "prod", "--from", "plan.json")
    assert (code, err) == (
        2,
        "slipway: --from plan.json: a plan of dev (project slipway), not of prod (project slipway)\n",
    )
    state = json.loads((tmp_path / "plan.json").read_text())
    state["deployment"]["manifest"]["version"] = "v3.260.0"
    (tmp_path / "state.json").write_text(json.dumps(state))
    code, _, err = slipway("diff", "-s", "dev", "--from", "state.json")
    assert (code, "is for `pulumi preview`" in err) == (2, True)
