"""The repository's stacks on the real engine. Needs the Pulumi CLI and its Python language host on PATH."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from pulumi import automation

from slipway import stackfile
from slipway.plan.compare import compare
from slipway.plan.deployment import to_document
from slipway.plan.diff import diff
from slipway.rehearsal import engine
from slipway.rehearsal.plugin import PACKAGES
from slipway.rehearsal.recorder import record
from slipway.wire import REDACTED
from stacks.program import main
from stacks.settings import StackSettings

WHY_NOT = engine.available()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"no real engine: {WHY_NOT}")

ROOT = stackfile.project_folder()
KEPT = {
    "aws:amp/workspace:Workspace",
    "aws:cognito/userPool:UserPool",
    "aws:ecr/repository:Repository",
    "aws:efs/fileSystem:FileSystem",
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:kms/key:Key",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
}
"""What a stack that is not disposable must not lose."""
STACKS = [
    *stackfile.environments(),
    *(str(path) for path in sorted((ROOT / "examples").glob("Pulumi.*.yaml"))),
]


def recorded(file, *, preview):
    return record(main, project=file.project, stack=file.stack, config=file.config, preview=preview)


def differences(left, right):
    return [str(difference) for difference in compare(left, right)]


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def variant(tmp_path, change):
    """A copy of the stack file `dev` with something changed, loaded."""
    content = read("stacks/config/Pulumi.dev.yaml")
    change(content["config"])
    path = tmp_path / "Pulumi.variant.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return stackfile.load(str(path))


def rewrite(running, changed):
    """Give the running stack another stack file; the engine's salt stays."""
    target = running.root / "stacks/config" / changed.path.name
    salted = yaml.safe_load(target.read_text(encoding="utf-8"))
    salted["config"] = yaml.safe_load(changed.path.read_text(encoding="utf-8"))["config"]
    target.write_text(yaml.safe_dump(salted), encoding="utf-8")


def every_service(config):
    """What prod has around its cluster, on the nodes of dev, and a workstation."""
    others = read("examples/Pulumi.workstation.yaml")["config"] | read("stacks/config/Pulumi.prod.yaml")["config"]
    config |= {key: others[key] for key in others.keys() - config.keys()} | {
        "slipway:storage": others["slipway:storage"]
    }
    assert config.keys() >= {f"slipway:{alias}" for alias in section_aliases()}


def section_aliases():
    return [field.alias or name for name, field in StackSettings.model_fields.items()]


def own_images(running, folder):
    """A copy of the sources of images for this stack alone, to change files of."""
    shutil.copytree(ROOT / "images", folder)
    link = running.root / "images"
    link.unlink()
    link.symlink_to(folder, target_is_directory=True)
    program = running.root / "stacks/__main__.py"
    redirect = (
        "import pathlib",
        "from infra.registry import images",
        f"images.sources.__defaults__ = (pathlib.Path({str(folder)!r}),)",
    )
    program.write_text("\n".join((*redirect, "")) + program.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


LISTENING = """\
#!{python}
import pathlib
import sys
from google.protobuf import empty_pb2
from slipway.rehearsal import plugin

def delete(self, request, context):
    with pathlib.Path({log!r}).open("a", encoding="utf-8") as log:
        log.write(request.urn + chr(10))
    return empty_pb2.Empty()

plugin.Plugin.Delete = delete
plugin.main({package!r})
"""


def listened(running, log):
    """Have the plugins write down what the engine tells them to delete."""
    for package in PACKAGES:
        launcher = running.root.parent / f"bin/pulumi-resource-{package}"
        assert launcher.exists()
        launcher.write_text(LISTENING.format(python=sys.executable, log=str(log), package=package), encoding="utf-8")


UNSERVED = ("kubernetes:kustomize/v2:Directory", "kubernetes:yaml/v2:ConfigFile")
"""Remote components: while the provider's configuration is unknown the engine asks nobody, and drops their options."""


@pytest.fixture(scope="module")
def life():
    return engine.live(stackfile.load("dev"))


@pytest.mark.parametrize("selection", STACKS)
def test_a_preview_registers_what_the_plan_says(selection):
    file = stackfile.load(selection)
    with engine.stack(file) as running:
        outcome = running.preview()
    assert outcome.changes == {"create": len(outcome.plan.resources)}
    found = differences(recorded(file, preview=True), outcome.plan)
    assert [each for each in found if not each.startswith(UNSERVED)] == []


def test_an_up_leaves_what_the_plan_says(life):
    file = stackfile.load("dev")
    assert life.up.changes == life.preview.changes
    assert differences(recorded(file, preview=False), life.up.plan) == []


def test_a_second_preview_is_empty(life):
    assert life.again.changes.keys() == {"same"}
    assert life.again.changed == 0


def test_a_refresh_finds_no_drift(life):
    assert life.refresh.changed == 0
    assert compare(life.up.plan, life.refresh.plan) == ()


def test_a_destroy_leaves_nothing(life):
    assert life.destroy is not None
    assert life.destroy.changes == {"delete": life.up.changes["create"]}


def test_a_plan_is_a_state_that_the_engine_takes_over():
    file = stackfile.load("dev")
    plan = recorded(file, preview=False)
    # The engine keeps no provider of a component (see `differences`).
    resources = [each if each.custom else replace(each, provider="") for each in plan]
    document = to_document(replace(plan, resources=tuple(resources)))
    with engine.stack(file) as running:
        running._stack.import_stack(automation.Deployment(version=3, deployment=document["deployment"]))
        outcome = running.preview()
    assert outcome.changes == {"same": len(plan.resources)}


def test_a_change_of_the_stack_file_shows_as_that_change(tmp_path):
    with engine.stack(variant(tmp_path, lambda _config: None)) as running:
        running.up()
        changed = variant(tmp_path, lambda config: config["slipway:nodeGroups"][1].update(max=5))
        rewrite(running, changed)
        outcome = running.preview()
        (group,) = (
            resource for resource in outcome.plan.of_type("aws:eks/nodeGroup:NodeGroup") if "gpu" in resource.name
        )
        assert group.inputs["scalingConfig"]["maxSize"] == 5
        assert 0 < outcome.changed < 5
        assert "create" not in outcome.changes
        assert "replace" not in outcome.changes


def test_a_stack_with_every_service_lives(tmp_path):
    def kept(config):
        every_service(config)
        config["slipway:platform"]["disposable"] = False

    file = variant(tmp_path, kept)
    with engine.stack(file) as running:
        sources = own_images(running, tmp_path / "images")
        up = running.up()
        assert differences(recorded(file, preview=False), up.plan) == []
        client = up.plan.one("aws:cognito/userPoolClient:UserPoolClient")
        assert client.outputs["clientSecret"] == REDACTED
        assert running.preview().changes == {"same": len(up.plan.resources)}
        refresh = running.refresh()
        assert refresh.changed == 0
        assert differences(up.plan, refresh.plan) == []

        with (sources / "notebook-gpu/Dockerfile").open("a", encoding="utf-8") as dockerfile:
            dockerfile.write("# changed\n")
        changed = running.preview()
        touched = {difference.path.partition(": ")[0] for difference in compare(refresh.plan, changed.plan)}
        assert touched == {
            "aws:s3/bucketObjectv2:BucketObjectv2 registry-notebook-gpu",
            "aws:iam/rolePolicy:RolePolicy registry-notebook-gpu-build",
            "aws:codebuild/project:Project registry-notebook-gpu",
            "aws:ssm/parameter:Parameter registry-notebook-gpu",
        }
        assert changed.changes["update"] == changed.changed == len(touched)

        # What a person sees first. With `--skip-preview` all would go that nothing protected needs.
        assert {resource.type for resource in up.plan if resource.protect} >= KEPT
        with pytest.raises(automation.CommandError, match="protect"):
            running._stack.preview_destroy()
        rewrite(running, variant(tmp_path, every_service))
        assert not [resource.urn for resource in running.up().plan if resource.protect]
        assert running.destroy().changes == {"delete": up.changes["create"]}


def test_a_tenant_that_is_taken_out_goes_as_the_difference_says(tmp_path):
    """Its data stays: the engine asks nobody to delete what holds it."""

    def both(config):
        config["slipway:platform"]["disposable"] = False
        config["slipway:tenants"]["guests"] = {
            "owners": ["ann@example.com"],
            "images": {},
            "quota": {"gpu": {"nodes": 1}},
        }

    def one(config):
        both(config)
        del config["slipway:tenants"]["guests"]

    with_it = variant(tmp_path, both)
    log = tmp_path / "deleted"
    log.touch()
    with engine.stack(with_it) as running:
        listened(running, log)
        running.up()
        earlier = recorded(with_it, preview=False)
        without = variant(tmp_path, one)
        rewrite(running, without)
        said = diff(earlier, recorded(without, preview=False))
        assert differences(recorded(without, preview=False), running.up().plan) == []
    kept = {entry.urn for entry in said.of("keep")}
    assert {entry.type for entry in said.of("keep")} >= {
        "aws:ecr/repository:Repository",
        "kubernetes:core/v1:Namespace",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    }
    deleted = set(log.read_text(encoding="utf-8").split("\n")) - {""}
    assert deleted == {urn for urn, fate in said.fates.items() if fate.kind == "deleted"}
    assert not deleted & kept


def test_what_is_protected_survives_a_destroy(tmp_path):
    def keep(config):
        config["slipway:platform"]["disposable"] = False

    with engine.stack(variant(tmp_path, keep)) as running:
        protected = {resource.urn for resource in running.up().plan if resource.protect}
        assert protected
        with pytest.raises(engine.EngineError, match="protect"):
            running.destroy()
        assert protected <= {resource.urn for resource in running.state()}


def test_a_mistake_in_a_stack_file_is_what_the_engine_reports(tmp_path):
    def misspell(config):
        config["slipway:network"]["nat"] = "sinlge"

    with engine.stack(variant(tmp_path, misspell)) as running:
        for operation in (running.preview, running.up):
            with pytest.raises(engine.EngineError, match=r"network\.nat: 'sinlge' is not allowed") as ended:
                operation()
            assert "Traceback" not in str(ended.value)


def test_the_engine_sees_no_credentials_and_writes_nothing_into_the_project(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    file = stackfile.load("dev")
    before = file.path.read_bytes()
    with engine.stack(file) as running:
        root = running.root
        assert running.environment["AWS_ACCESS_KEY_ID"] == ""
        assert running.environment["AWS_PROFILE"] == ""
        assert running.environment["KUBECONFIG"] == ""
        running.preview()
    assert file.path.read_bytes() == before
    assert not root.exists()


def test_the_command_lets_an_environment_live(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "slipway.cli", "rehearse", "--engine", "-s", "dev"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=400,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "on the engine, preview, up, preview, refresh: " in done.stdout
    assert "; destroyed in " in done.stdout
