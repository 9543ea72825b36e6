"""The list of services in a readable plan has what the stack file asks for, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from addons import registry
from slipway.plan.model import Plan
from slipway.plan.services import services


def asked(settings: Mapping[str, Any]) -> Iterator[str]:
    """The kinds of services that a stack file asks for."""
    if "edge" in settings:
        yield "load balancer"
    if settings.get("databases"):
        yield "RDS"
    registry = settings.get("registry", {})
    if "registry" in settings:
        yield "ECR"
    if registry.get("notebookImages") or "mirror" in registry or not settings["network"].get("internet", True):
        yield from ["CodeBuild"] if "registry" in settings else []
    if "observability" in settings:
        yield "alarms"
        if "prometheus" in settings["observability"]:
            yield "Prometheus"
        if "budgets" in settings["observability"]:
            yield "budget"
    names = {"emr": "EMR on EKS", "athena": "Athena", "sagemaker": "SageMaker"}
    yield from (names[part] for part in settings.get("analytics", {}))
    machines = {"instance": "machine", "ecs": "ECS instances"}
    yield from (machines[part] for part in settings.get("workstation", {}))


def test_the_list_has_what_the_file_asks_for(plan: Plan, settings: Mapping[str, Any]):
    assert {each.kind for each in services(plan)} - {"web page"} == set(asked(settings))
    assert all(each.name and each.detail for each in services(plan))


def test_web_pages_are_listed_with_the_addon_behind_each(plan: Plan, settings: Mapping[str, Any]):
    edge = settings.get("edge", {})
    behind = {entry.name: addon.name for addon in registry.discover().values() for entry in addon.entries}
    installed = plan.outputs["addons"]
    listed = {each.name: each.detail for each in services(plan) if each.kind == "web page"}
    assert listed == {
        f"https://{name}.{edge['domain']}": f"to {behind[name]}, after the login"
        for name in edge.get("entries", [])
        if behind.get(name) in installed
    }


def test_databases_are_listed_by_the_names_of_the_file(plan: Plan, settings: Mapping[str, Any]):
    listed = {each.name: each.detail for each in services(plan) if each.kind == "RDS"}
    assert listed.keys() == {each["name"] for each in settings.get("databases", [])}
    for each in settings.get("databases", []):
        assert each["engine"] in listed[each["name"]]
        assert ("two zones" in listed[each["name"]]) == each.get("multiAz", False)
