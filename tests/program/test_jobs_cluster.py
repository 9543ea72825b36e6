"""What `slipway job` reads from plans is what the program knew when it made them, and the command says it."""

import dataclasses
import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.node_groups.expand import expand
from slipway.errors import CannotRunError
from slipway.jobs.choose import Wish, choose
from slipway.jobs.examples import example, examples
from slipway.jobs.fit import check
from slipway.jobs.planned import cluster
from slipway.jobs.render import rendered
from stacks.settings import parse

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.date(2026, 11, 22)


def test_the_node_groups_are_those_that_the_program_made(plan, settings):
    """All facts but two: how long a node takes, and the plain name of how GPUs are shared."""
    wanted = parse(settings, TODAY)
    made = expand(wanted.node_groups, wanted.platform.region, wanted.network.zone_ids)
    found = {group.pool.name: group.pool for group in cluster(plan).groups}
    assert found.keys() == {each.name for each in made}
    for each in made:
        expected = dataclasses.replace(each.pool, provision_minutes=0, sharing=None)
        assert dataclasses.replace(found[each.name], sharing=None) == expected
        assert (found[each.name].sharing is None) == (each.pool.sharing is None)


def test_every_flavour_of_the_queues_is_a_flavour_of_the_node_groups(plan):
    here = cluster(plan)
    assert here.flavors.keys() == (here.shares.keys() if here.has_queues else set())
    for name in here.flavors:
        assert {group.pool.name for group in here.groups_of(name)} == {pool.name for pool in here.shares[name].pools}


def test_every_example_that_can_run_fits_at_its_place(plan):
    here = cluster(plan)
    for found in examples().values():
        try:
            choice = choose(found, here)
        except CannotRunError:
            continue
        text = rendered(choice, here)
        if found.path.suffix == ".yaml":
            report = check(text, here)
            assert report.fits, [str(each) for each in report.errors]
            inside = [placed for job in report.jobs for placed in job.podsets]
            assert not inside or any(choice.flavor.pools[0].name in each.groups for each in inside)


def run(*arguments, cwd=ROOT, given=None):
    command = [sys.executable, "-m", "slipway.cli", "job", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=180, check=False, input=given)


def test_what_is_rendered_fits_what_is_checked(tmp_path):
    """As a person does it: one command into the other."""
    made = run("render", "ddp", "-s", "prod", "--tenant", "vision", "--workers", "1", "--name", "mine")
    assert made.returncode == 0
    assert made.stderr.startswith("ddp for vision: 1 worker of gpu-node on ")
    assert made.stderr.count("\n") == 1
    assert [each["kind"] for each in yaml.safe_load_all(made.stdout)] == ["ConfigMap", "TrainJob"]
    fits = run("check", "-", "-s", "prod", given=made.stdout)
    assert (fits.returncode, fits.stderr) == (0, "")
    assert fits.stdout.splitlines()[0] == "TrainJob/mine in vision: fits"
    path = tmp_path / "job.yaml"
    path.write_text(made.stdout.replace("numNodes: 1", "numNodes: 1000"), encoding="utf-8")
    grown = run("check", str(path), "-s", "prod", "--format", "json")
    assert (grown.returncode, grown.stderr) == (1, "")
    report = json.loads(grown.stdout)
    assert report["fits"] is False
    assert next(each["path"] for each in report["findings"] if each["level"] == "error") == "spec.trainer.numNodes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "none.yaml", "-s", "dev"), "none.yaml: cannot be read (No such file or directory)"),
        (("check", "examples/jobs/nccl.yaml", "-s", "dev"), "examples/jobs/nccl.yaml: a template, not a manifest"),
        (("check", "stacks/config/Pulumi.dev.yaml", "-s", "dev"), "stacks/config/Pulumi.dev.yaml: document 1: kind is"),
        (("render", "ncl", "-s", "dev"), "'ncl' is no example (did you mean 'nccl'?); there are: nccl, "),
        (("render", "nccl", "-s", "dve"), "-s dve: unknown environment"),
    ],
)
def test_what_cannot_run_ends_in_one_message(arguments, message):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"slipway: {message}")
    assert done.stderr.count("\n") == 1


def test_the_list_says_of_each_example_where_it_runs_or_why_not():
    done = run("list", "-s", "dev", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {each["name"]: each for each in json.loads(done.stdout)}
    assert rows.keys() == examples().keys()
    assert rows["nccl"]["runs"] is False
    assert rows["nccl"]["why"] == "nccl needs the add-on mpi-operator, which the stack does not have"
    assert rows["ddp"]["where"] == "ddp for sandbox: 2 workers of gpu-node on gpu (g5.xlarge)"


def test_the_sizes_are_those_of_each_flavour(prod):
    done = run("sizes", "-s", "prod", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {each["flavor"]: each for each in json.loads(done.stdout)}
    assert rows.keys() == cluster(prod).shares.keys()
    whole = rows["h100-usw2-az2"]["sizes"][-1]
    assert (whole["name"], whole["perNode"]) == ("gpu-node", 1)
    assert whole["requests"]["nvidia.com/gpu"] == "8"
    assert whole["requests"]["vpc.amazonaws.com/efa"] == "32"


WISHES = {
    "tenant": (
        Wish(tenant="visio"),
        "--tenant visio: unknown tenant (did you mean 'vision'?); there are: language, vision",
    ),
    "group": (Wish(group="h101"), "--group h101: unknown node group (did you mean 'h100'?); there are: "),
    "size": (Wish(size="gpu-3"), "--size: no node can hold the size 'gpu-3'; there are: h100-usw2-az2: gpu-s, "),
    "name": (Wish(name="Mine"), "--name Mine: use at most 40 small letters, digits and dashes, a letter first"),
    "workers": (Wish(workers=0), "--workers 0: at least one"),
    "more than there can be": (
        Wish(group="h100", tenant="language", workers=100),
        "ddp cannot run here; h100-usw2-az2 for language: has room for 8 of gpu-node, not 100: 8 nodes of 1 gpu-node",
    ),
    "no such nodes": (
        Wish(tenant="language", group="cpu"),
        "ddp cannot run here; no node group that language has a quota of has NVIDIA GPUs and the name cpu",
    ),
    "more than the namespace may ask for": (
        Wish(tenant="vision", workers=7),
        "ddp cannot run here; h200-usw2-az2 for vision: has room for 3 of gpu-node, not 7: the queue vision has"
        " 570.3 cpu; h100-usw2-az2 for vision: has room for 6 of gpu-node, not 7: the ResourceQuota of vision has"
        " 48 nvidia.com/gpu",
    ),
    "no spot": (
        Wish(tenant="language", spot=True),
        "ddp cannot run here; no node group that language has a quota of has NVIDIA GPUs and spot capacity",
    ),
}


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_that_cannot_come_true_says_what_can(name, prod):
    wish, message = WISHES[name]
    with pytest.raises(CannotRunError) as raised:
        choose(example("ddp"), cluster(prod), wish)
    assert str(raised.value).startswith(message)


def test_a_tenant_is_needed_only_where_there_are_some(existing):
    here = cluster(existing)
    assert here.tenants == ()
    choice = choose(example("ddp"), here)
    assert (choice.namespace, choice.queue) == ("default", None)
    with pytest.raises(CannotRunError, match="--tenant language: the stack has no tenants; leave it out"):
        choose(example("ddp"), here, Wish(tenant="language"))
