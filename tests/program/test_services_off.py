"""The services around the cluster: nothing of them where nobody asked, each of them used somewhere."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml

from stacks.settings import KEYS
from tests.program.conftest import ROOT, STACK_FILES, planned, settings_of

SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "edge": ("aws:route53/", "aws:acm/", "aws:cognito/", "aws:lb/", "aws:wafv2/"),
    "databases": ("aws:rds/", "aws:secretsmanager/"),
    "registry": ("aws:ecr/", "aws:codebuild/", "aws:s3/bucketObject"),
    "observability": ("aws:sns/", "aws:amp/", "aws:budgets/", "aws:costexplorer/", "aws:cloudwatch/metricAlarm:"),
    "analytics": ("aws:emrcontainers/", "aws:athena/", "aws:glue/", "aws:sagemaker/"),
    "workstation": ("aws:ecs/", "aws:ec2/instance:", "aws:ec2/spotInstanceRequest:", "aws:autoscaling/group:"),
    "tenants": ("slipway:tenants:",),
}
"""The key of a service to what the types of its resources begin with."""
BARE: Final = frozenset({"platform", "network", "cluster", "nodeGroups", "storage", "addons", "policies"})
"""The keys that are there without any service."""
MINIMAL: Final[Mapping[str, Any]] = {
    "platform": {
        "name": "slipway-minimal",
        "region": "us-west-2",
        "environment": "test",
        "owner": "tests",
        "costCenter": "tests",
        "disposable": True,
    },
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 2}],
    "addons": {"preset": "minimal"},
}


def of_services(types: set[str]) -> dict[str, set[str]]:
    """The services that types belong to, with those types."""
    found = {
        service: {type_ for type_ in types if type_.startswith(prefixes)} for service, prefixes in SERVICES.items()
    }
    return {service: those for service, those in found.items() if those}


def test_every_key_of_a_stack_file_is_a_service_or_not():
    assert KEYS.keys() - BARE == SERVICES.keys()


def test_a_minimal_stack_has_nothing_of_the_services(record_settings):
    types = {resource.type for resource in record_settings(MINIMAL)}
    assert "aws:eks/cluster:Cluster" in types
    assert of_services(types) == {}
    ours = {type_.rpartition(":")[2].lower() for type_ in types if type_.startswith("slipway:infra:")}
    assert not ours & {"edge", "databases", "registry", "observability", "analytics", "workstation"}


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_a_stack_has_the_services_that_its_file_names(path):
    asked = SERVICES.keys() & settings_of(path).keys()
    assert of_services({resource.type for resource in planned(path)}).keys() == asked


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_used_by_prod_or_an_example(service):
    files = [ROOT / "stacks/config/Pulumi.prod.yaml", *sorted(ROOT.glob("examples/Pulumi.*.yaml"))]
    using = [path.name for path in files if yaml.safe_load(path.read_text())["config"].get(f"slipway:{service}")]
    assert using, f"slipway:{service} is in none of {', '.join(path.name for path in files)}"
