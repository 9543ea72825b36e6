"""Recorded plans of the repository's own stack files, each made once per process."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway import stackfile
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from stacks.program import main

ROOT = Path(__file__).resolve().parents[2]
STACK_FILES = sorted([*ROOT.glob("stacks/config/Pulumi.*.yaml"), *ROOT.glob("examples/Pulumi.*.yaml")])


@functools.cache
def planned(path: Path) -> Plan:
    """The plan of one stack file, as `up` would register it."""
    file = stackfile.load(str(path))
    return record(main, project=file.project, stack=file.stack, config=file.config)


def settings_of(path: Path) -> Mapping[str, Any]:
    """The `slipway:` part of a stack file, keys without the namespace."""
    config = stackfile.load(str(path)).config
    return {key.partition(":")[2]: json.loads(value) for key, value in config.items() if key.startswith("slipway:")}


@pytest.fixture(params=STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def stack_file(request: pytest.FixtureRequest) -> Path:
    """Every stack file of the repository in turn."""
    path: Path = request.param
    return path


@pytest.fixture
def plan(stack_file: Path) -> Plan:
    """The plan of every stack file in turn."""
    return planned(stack_file)


@pytest.fixture
def settings(stack_file: Path) -> Mapping[str, Any]:
    """What the same file says."""
    return settings_of(stack_file)


@pytest.fixture
def dev() -> Plan:
    """The plan of `dev`."""
    return planned(ROOT / "stacks/config/Pulumi.dev.yaml")


@pytest.fixture
def prod() -> Plan:
    """The plan of `prod`."""
    return planned(ROOT / "stacks/config/Pulumi.prod.yaml")


@pytest.fixture
def private() -> Plan:
    """The plan of the private example."""
    return planned(ROOT / "examples/Pulumi.private.yaml")


@pytest.fixture
def existing() -> Plan:
    """The plan of the example in an existing VPC."""
    return planned(ROOT / "examples/Pulumi.existing-vpc.yaml")


@pytest.fixture
def inference() -> Plan:
    """The plan of the inference example."""
    return planned(ROOT / "examples/Pulumi.inference.yaml")


@pytest.fixture
def record_settings() -> Callable[..., Plan]:
    """A function that records the program with settings given as `{key: value}`."""

    def run(raw: Mapping[str, Any], *, preview: bool = False) -> Plan:
        config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
        return record(main, project="slipway", stack="test", config=config, preview=preview)

    return run
