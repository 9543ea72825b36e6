"""Accounts of services on the stack's databases."""

from types import SimpleNamespace
from typing import Any

import pytest

from addons.accounts import IMAGES, NAMESPACE, account, chosen, unfit

PIPELINES: Any = SimpleNamespace(name="pipelines", engine="mysql", host="h", port=3306)
METADATA: Any = SimpleNamespace(name="metadata", engine="postgres", host="h", port=5432)
ANOTHER: Any = SimpleNamespace(name="another", engine="postgres", host="h", port=5432)
ALL = (PIPELINES, METADATA, ANOTHER)


@pytest.mark.parametrize(
    ("engines", "name", "expected"),
    [
        (("postgres",), None, METADATA),
        (("postgres",), "another", ANOTHER),
        (("postgres",), "pipelines", None),
        (("mysql", "postgres"), None, PIPELINES),
        (("postgres", "mysql"), None, METADATA),
        (("postgres", "mysql"), "pipelines", PIPELINES),
    ],
)
def test_a_service_takes_the_database_that_it_is_told_or_the_first_that_fits(engines, name, expected):
    assert chosen(ALL, engines, name) is expected


@pytest.mark.parametrize(
    ("databases", "name", "words"),
    [
        (ALL, "pipelines", ["'pipelines' is not", "postgres", "metadata, another"]),
        (ALL, "metadta", ["'metadta' is not", "metadata, another"]),
        ((PIPELINES,), None, ["needs a database of engine postgres", "databases has none"]),
    ],
)
def test_a_choice_that_does_not_fit_is_told(databases, name, words):
    around: Any = SimpleNamespace(databases=databases)
    ((key, message),) = unfit(around, ("postgres",), name)
    assert key == "database"
    assert [word for word in words if word not in message] == []


def test_a_choice_that_fits_is_no_problem():
    around: Any = SimpleNamespace(databases=ALL)
    assert not list(unfit(around, ("postgres",), "another"))


@pytest.mark.parametrize("database", [PIPELINES, METADATA], ids=["mysql", "postgres"])
def test_only_the_job_sees_the_master_user(database):
    objects = account(database, "model-registry", schemas=["registry"], namespace="kubeflow", secret="registry-db")
    (job,) = [each for each in objects if each["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert job["metadata"]["namespace"] == NAMESPACE
    assert container["image"] == IMAGES[database.engine]
    held = {
        (env["valueFrom"]["secretKeyRef"]["name"], env["valueFrom"]["secretKeyRef"]["key"])
        for env in container["env"]
        if "valueFrom" in env
    }
    name = database.name
    assert held == {
        (f"{name}-master", "username"),
        (f"{name}-master", "password"),
        (f"{name}-model-registry", "password"),
    }
    assert {"name": "ACCOUNT", "value": "model_registry"} in container["env"]
    (outside,) = [each for each in objects if each["metadata"]["namespace"] == "kubeflow"]
    assert outside["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "database-accounts"}
    assert {each["remoteRef"]["key"] for each in outside["spec"]["data"]} == {f"{name}-model-registry"}
    (role,) = [each for each in objects if each["kind"] == "Role"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [f"{name}-model-registry"], "verbs": ["get"]}
    ]


def test_another_account_is_another_job_and_the_same_one_is_not():
    def job(schemas: list[str]) -> str:
        objects = account(METADATA, "katib", schemas=schemas, namespace="kubeflow", secret="katib-db")
        return str(next(each["metadata"]["name"] for each in objects if each["kind"] == "Job"))

    assert job(["katib"]) == job(["katib"])
    assert job(["katib"]) != job(["katib", "more"])


def test_the_service_gets_what_its_template_says():
    template = {"dsn": "postgresql://{{ .username }}:{{ .password }}@h:5432/katib"}
    objects = account(METADATA, "katib", schemas=["katib"], namespace="n", secret="s", template=template)
    assert objects[-1]["spec"]["target"]["template"]["data"] == template


def test_the_job_speaks_tls_to_the_database_whatever_the_database_asks_for():
    """Source: PostgreSQL documentation, "SSL Mode Descriptions"; MySQL reference manual, `--ssl-mode`."""
    found = {}
    for database in (PIPELINES, METADATA):
        objects = account(database, "katib", schemas=["katib"], namespace="kubeflow", secret="katib-db")
        (job,) = [each for each in objects if each["kind"] == "Job"]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        found[database.engine] = container
    assert "--ssl-mode=REQUIRED" in found["mysql"]["command"][-1]
    assert {"name": "PGSSLMODE", "value": "require"} in found["postgres"]["env"]


def test_a_password_is_made_once_and_never_again():
    """Another one would lock out whoever holds the first: a database knows it, or data is encrypted with it."""
    objects = account(METADATA, "katib", schemas=["katib"], namespace="kubeflow", secret="katib-db")
    (made,) = [each for each in objects if each["kind"] == "ExternalSecret" and "dataFrom" in each["spec"]]
    assert made["spec"]["refreshPolicy"] == "CreatedOnce"
