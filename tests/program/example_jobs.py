"""The examples of examples/jobs, rendered for stacks that can run them, for tests of several levels."""

import copy
import functools
import json
from collections.abc import Mapping
from typing import Any, Final

from slipway.jobs.cluster import Cluster
from slipway.jobs.planned import cluster
from slipway.jobs.render import render
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.program import conftest

FOLDER: Final = conftest.ROOT / "examples" / "jobs"
_OPERATORS: Final = ("kuberay-operator", "mpi-operator")

STACKS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "prod": ("stacks/config/Pulumi.prod.yaml", ("mpi-operator", "training-operator")),
    "dev": ("stacks/config/Pulumi.dev.yaml", ()),
    "neuron": ("examples/Pulumi.neuron.yaml", ()),
    "inference": ("examples/Pulumi.inference.yaml", ()),
    "notebooks": ("examples/Pulumi.notebooks.yaml", ()),
    "karpenter": ("examples/Pulumi.karpenter.yaml", _OPERATORS),
    "private": ("examples/Pulumi.private.yaml", _OPERATORS),
}
"""Stack files, and the add-ons without presets that they get here."""

RUN: Final[Mapping[str, frozenset[str]]] = {
    "prod": frozenset(
        {
            *("nccl", "ddp", "elastic", "deepspeed", "tfjob", "mpi", "jobset", "ray", "spark", "pipeline", "katib"),
            *("kserve-llm", "sagemaker"),
        }
    ),
    "dev": frozenset({"ddp", "deepspeed", "jobset"}),
    "neuron": frozenset({"neuron"}),
    "inference": frozenset({"kserve-llm"}),
    "notebooks": frozenset(),
    "karpenter": frozenset({"nccl", "ddp", "deepspeed", "jobset", "mpi", "ray"}),
    "private": frozenset({"nccl", "ddp", "deepspeed", "jobset", "ray"}),  # its plain nodes are the system's, too small
}
"""What each of these can run: the kinds' add-ons and the nodes are there."""

CASES: Final = sorted((stack, name) for stack, found in RUN.items() for name in found)


@functools.cache
def plan_of(stack: str) -> Plan:
    """The plan of one of `STACKS`."""
    file, more = STACKS[stack]
    settings: dict[str, Any] = copy.deepcopy(dict(conftest.settings_of(conftest.ROOT / file)))
    addons = settings["addons"]
    addons["enable"] = [*addons.get("enable", ()), *(each for each in more if each not in addons.get("enable", ()))]
    config = {f"slipway:{key}": json.dumps(value) for key, value in settings.items()}
    return record(main, project="slipway", stack=stack, config=config)


@functools.cache
def cluster_of(stack: str) -> Cluster:
    """What jobs meet there."""
    return cluster(plan_of(stack))


@functools.cache
def text_of(stack: str, name: str) -> str:
    """An example, rendered with nothing but its name."""
    return render(name, cluster_of(stack))
