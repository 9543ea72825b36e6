"""What add-ons contradict in the rest of a stack file, and what is left out instead."""

from typing import Any

import pytest

from infra.problems import SettingsError
from stacks.settings import parse
from tests.unit.settings_cases_edge import EDGE
from tests.unit.settings_stack import BASE, TODAY

POSTGRES = {"name": "metadata", "engine": "postgres", "version": "17"}
MYSQL = {"name": "runs", "engine": "mysql", "version": "8.4"}
OIDC = {"type": "oidc", "id": "corp", "name": "Corp", "issuer": "https://login.example.com", "clientId": "slipway"}
STACK: dict[str, Any] = {
    **BASE,
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "storage": {"buckets": {"artifacts": {}, "models": {}}},
    "edge": EDGE,
    "databases": [POSTGRES],
}


def messages(addons: dict[str, Any], **more: Any) -> list[str]:
    try:
        parse({**STACK, **more, "addons": addons}, TODAY)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_what_a_preset_brings_without_its_kind_of_database_is_no_mistake():
    assert messages({"preset": "full"}) == []


@pytest.mark.parametrize("databases", [[POSTGRES], [MYSQL], [POSTGRES, MYSQL]])
def test_the_whole_platform_stands_on_databases_of_any_engine(databases: list[Any]):
    assert messages({"preset": "full"}, databases=databases) == []


def test_mlflow_that_the_file_asks_for_needs_its_engine():
    (message,) = messages({"preset": "full", "enable": ["mlflow"]}, databases=[MYSQL])
    assert "needs a database of engine postgres" in message


@pytest.mark.parametrize(
    "addons",
    [
        {"enable": ["kubeflow-pipelines-settings"]},
        {"settings": {"kubeflow-pipelines-settings": {"database": "metadata"}}},
    ],
    ids=["enabled by name", "told which database"],
)
def test_what_the_file_asks_for_itself_is(addons: dict[str, Any]):
    (message,) = messages({"preset": "full", **addons})
    assert message.startswith("addons.settings.kubeflow-pipelines-settings.database: ")
    assert "mysql" in message


def told(addon: str, **settings: Any) -> list[str]:
    """The messages about one add-on's settings, without its place."""
    place = f"addons.settings.{addon}."
    found = messages({"preset": "full", "enable": ["vllm", "vllm-models"], "settings": {addon: settings}})
    return [message.removeprefix(place) for message in found if message.startswith(place.rstrip("."))]


@pytest.mark.parametrize("resource", ["gpus", "nvidia.com/gpu", "requests.gpu"])
def test_a_quota_of_what_nobody_counts_is_a_mistake(resource: str):
    profile = {"owner": "ada@example.com", "quota": {resource: "4"}}
    (message,) = told("kubeflow-profiles", profiles={"vision": profile})
    assert message.startswith(f"profiles.vision.quota.{resource}: ")


@pytest.mark.parametrize(
    "resource",
    [
        "cpu",
        "limits.memory",
        "requests.nvidia.com/gpu",
        "requests.hugepages-2Mi",
        "count/notebooks.kubeflow.org",
        "gp3.storageclass.storage.k8s.io/requests.storage",
    ],
)
def test_a_quota_of_what_kubernetes_counts_is_none(resource: str):
    profile = {"owner": "ada@example.com", "quota": {resource: "4"}}
    assert told("kubeflow-profiles", profiles={"vision": profile}) == []


MODEL = {"name": "qwen", "path": "qwen2.5-7b-instruct"}


@pytest.mark.parametrize(
    ("addon", "settings", "start"),
    [
        ("vllm", {}, "models: is empty"),
        ("vllm", {"models": [MODEL, MODEL]}, "models[1].name: 'qwen' stands here twice"),
        ("vllm", {"models": [MODEL], "image": "docker.io/vllm/vllm-openai:latest"}, "image: "),
        ("kubeflow-notebooks-settings", {"images": ["quay.io/jupyter/base-notebook:latest"]}, "images[0]: "),
        ("trainer-runtimes", {"frameworks": ["torch", "torch"]}, "frameworks[1]: 'torch' stands here twice"),
        ("trainer-runtimes", {"frameworks": ["caffe"]}, "frameworks[0]: 'caffe' is not allowed"),
        ("katib", {"database": "metadata"}, "database: unknown key; allowed: none"),
    ],
)
def test_one_mistake_gives_one_message_at_its_place(addon: str, settings: dict[str, Any], start: str):
    (message,) = told(addon, **settings)
    assert message.startswith(start)


def test_the_online_store_has_room_to_rewrite_its_log():
    (message,) = told("feast-redis", memoryMib=8192, storageGib=15)
    assert message.endswith("storageGib 15 is less than twice memoryMib 8192")
    assert told("feast-redis", memoryMib=8192, storageGib=16) == []


@pytest.mark.parametrize(
    ("connector", "path", "says"),
    [
        ({**OIDC, "clientSecret": "hunter2"}, "connectors[0].clientSecret", "clientId, groups, id, issuer"),
        ({**OIDC, "issuer": "http://login.example.com"}, "connectors[0].issuer", "does not match"),
        ({key: OIDC[key] for key in OIDC if key != "clientId"}, "connectors[0].clientId", "is required"),
    ],
)
def test_a_mistake_in_a_connector_is_named_once_and_as_the_file_spells_it(connector: Any, path: str, says: str):
    addons = {
        "preset": "full",
        "disable": ["cognito-login"],
        "enable": ["dex", "dex-login", "oauth2-proxy"],
        "settings": {"dex": {"connectors": [connector]}},
    }
    (message,) = messages(addons, edge={**EDGE, "login": None, "entries": ["kubeflow"]})
    assert message.startswith(f"addons.settings.dex.{path}: ")
    assert says in message
