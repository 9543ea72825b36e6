"""Kubeflow Pipelines in a plan: steps have a place for their files, servers their database, and no key is anywhere."""

import functools
from collections.abc import Mapping
from typing import Any

import pytest

from infra.problems import SettingsError
from tests.contract import selections
from tests.program.addon_stacks import CATALOGUE, Recorded, grounded, of

DIRECTORY = "kubernetes:kustomize/v2:Directory"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PROFILES = {"people": {"owner": "ada@example.com"}, "speech": {"owner": "eva@example.com"}}


def asked() -> dict[str, Any]:
    names = ["kubeflow-pipelines", "kubeflow-profiles", "cognito-login", "aws-load-balancer-controller"]
    wanted = selections.closure(names, CATALOGUE)
    settings = grounded(wanted)
    settings["addons"].setdefault("settings", {})["kubeflow-profiles"] = {"profiles": PROFILES}
    return settings


@functools.cache
def pipelines() -> Recorded:
    return of(asked())


def named(kind: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The plan's Kubernetes objects of a kind, by namespace and name."""
    found = [
        each.inputs for each in pipelines().plan if each.package == "kubernetes" and each.inputs.get("kind") == kind
    ]
    return {(each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in found}


def test_it_is_one_directory_that_comes_after_its_settings_and_the_kinds():
    recorded = pipelines()
    (directory,) = [each for each in recorded.parts("kubeflow-pipelines") if each.type == DIRECTORY]
    for name in ("argo-crds", "kubeflow-pipelines-settings"):
        assert recorded.source(name) <= recorded.behind[directory.urn]


def test_each_profile_s_steps_have_a_place_and_a_role():
    maps = named("ConfigMap")
    roots = {name: maps[name, "kfp-launcher"]["data"]["defaultPipelineRoot"] for name in PROFILES}
    assert len(set(roots.values())) == len(PROFILES)
    accounts = {
        (each.inputs["namespace"], each.inputs["serviceAccount"]) for each in pipelines().plan.of_type(ASSOCIATION)
    }
    assert {(name, "default-editor") for name in PROFILES} <= accounts
    assert {("kubeflow", "ml-pipeline"), ("kubeflow", "ml-pipeline-ui")} <= accounts
    for name in PROFILES:
        assert maps[name, "metadata-grpc-configmap"]["data"]["METADATA_GRPC_SERVICE_HOST"] == (
            "metadata-grpc-service.kubeflow"
        )


def test_no_secret_is_in_the_plan_and_each_account_has_its_own():
    assert not named("Secret")
    secrets = named("ExternalSecret")
    ours = {name for space, name in secrets if space == "kubeflow" and name.startswith("kubeflow-pipelines-")}
    assert ours == {"kubeflow-pipelines-database", "kubeflow-pipelines-metadata"}
    fetched = {
        name: {data["remoteRef"]["key"] for data in secrets["kubeflow", name]["spec"]["data"]} for name in sorted(ours)
    }
    assert fetched == {
        "kubeflow-pipelines-database": {"pipelines-pipelines"},
        "kubeflow-pipelines-metadata": {"pipelines-pipelines-metadata"},
    }


def test_it_needs_a_mysql_database_and_says_so():
    settings = asked()
    settings["databases"] = [each for each in settings["databases"] if each["engine"] == "postgres"]
    with pytest.raises(SettingsError) as refused:
        of(settings)
    assert "addons.settings.kubeflow-pipelines-settings.database" in str(refused.value)
    assert "needs a database of engine mysql" in str(refused.value)
