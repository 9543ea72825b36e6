"""Kubeflow Pipelines on S3 and RDS: what it is told, and that all who touch a run's files mean the same place."""

import fnmatch
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from addons import registry
from addons.pipelines import profile_objects
from infra.model import validate
from tests.contract import charts

ROOT = Path(__file__).resolve().parents[2]
PATCHES = ROOT / "addons" / "kustomize" / "kubeflow-pipelines"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TEAM = "team-a"


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def addon(name: str) -> Any:
    return registry.discover()[name]


@pytest.fixture(name="built")
def _built(known):
    """A function that gives the objects of the settings, by kind and name."""

    def build(**raw: Any) -> dict[tuple[str, str], dict[str, Any]]:
        ours = addon("kubeflow-pipelines-settings")
        made = known(ours.source.build(charts.everything(), ours.settings.model_validate(raw)))
        return {(each["kind"], each["metadata"]["name"]): each for each in made}

    return build


# Files of runs.


@pytest.fixture(name="launcher")
def _launcher(known):
    made = {each["metadata"]["name"]: each for each in known(profile_objects(charts.everything(), TEAM))}
    return made["kfp-launcher"]["data"]


def allowed(policy: dict[str, Any], action: str, arn: str) -> bool:
    """Whether a document without conditions on this action allows it."""
    return any(
        action in statement["Action"]
        and any(
            fnmatch.fnmatchcase(arn, each)
            for each in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
        )
        for statement in policy["Statement"]
    )


def test_a_step_has_no_keys_and_asks_aws_as_itself(launcher):
    providers = yaml.safe_load(launcher["providers"])
    assert providers["s3"]["default"]["credentials"] == {"fromEnv": True}
    assert providers["s3"]["default"]["endpoint"] == "s3.us-west-2.amazonaws.com"
    assert set(providers) == {"s3"}


def test_a_profile_may_write_its_runs_files_and_logs_and_no_other_s(known, built, launcher):
    people = addon("kubeflow-profiles")
    settings = people.settings.model_validate({"profiles": {TEAM: {"owner": "a@example.com"}}})
    (identity,) = people.identities_of(charts.everything(), settings)
    policy = known(identity.policy(charts.everything(), settings))
    bucket, _, prefix = launcher["defaultPipelineRoot"].removeprefix("s3://").partition("/")
    argo = json.loads(built()["ConfigMap", "kubeflow-pipelines-argo"]["data"]["artifactRepository"])
    log = argo["s3"]["keyFormat"].replace("{{workflow.namespace}}", TEAM)
    assert argo["s3"]["bucket"] == bucket
    assert argo["s3"]["useSDKCreds"]
    assert not [key for key in argo["s3"] if "Secret" in key]
    for key in (f"{prefix}/train/model", re.sub(r"{{.*?}}", "x", log)):
        for action in ("s3:PutObject", "s3:GetObject"):
            assert allowed(policy, action, f"arn:aws:s3:::{bucket}/{key}")
            assert not allowed(policy, action, f"arn:aws:s3:::{bucket}/{key.replace(TEAM, 'team-b')}")


def test_the_page_and_the_server_read_runs_and_the_server_keeps_pipelines_beside_them(known, built, launcher):
    data = built()["ConfigMap", "kubeflow-pipelines-settings"]["data"]
    server, page = (known(each.policy(charts.everything(), None)) for each in addon("kubeflow-pipelines").identities)
    run = f"arn:aws:s3:::{launcher['defaultPipelineRoot'].removeprefix('s3://')}/x"
    uploaded = f"arn:aws:s3:::{data['bucket']}/{data['specifications']}/x"
    assert allowed(server, "s3:GetObject", run)
    assert allowed(page, "s3:GetObject", run)
    assert allowed(server, "s3:PutObject", uploaded)
    assert not allowed(page, "s3:GetObject", uploaded)
    assert not allowed(server, "s3:PutObject", run)
    # A profile of that name would write where pipelines are.
    assert not data["specifications"].startswith("pipelines/")


def test_the_page_looks_for_a_log_where_argo_put_it(built):
    made = built()
    argo = json.loads(made["ConfigMap", "kubeflow-pipelines-argo"]["data"]["artifactRepository"])
    key = made["ConfigMap", "kubeflow-pipelines-settings"]["data"]["logKeyFormat"]
    assert argo["s3"]["keyFormat"] == key
    # What the page can fill in: frontend/server/workflow-helper.ts of kubeflow/pipelines 2.16.1.
    known = {"workflow.name", "workflow.namespace", "pod.name"}
    known |= {f"workflow.creationTimestamp.{part}" for part in "Ymd"}
    assert set(re.findall(r"{{(.*?)}}", key)) == known


@pytest.mark.usefixtures("known")
def test_a_stack_without_the_bucket_gives_profiles_nothing():
    assert profile_objects(charts.fake_handle(), TEAM) == []


@pytest.mark.usefixtures("known")
def test_profiles_get_it_where_pipelines_are_there():
    handle = charts.everything()

    ours = addon("kubeflow-profiles")
    settings = ours.settings.model_validate({"profiles": {TEAM: {"owner": "a@example.com"}}})

    def maps(addons: frozenset[str]) -> list[str]:
        made = ours.source.build(replace(handle, addons=addons), settings)
        return [each["metadata"]["name"] for each in made if each["kind"] == "ConfigMap"]

    assert maps(frozenset({"kubeflow-pipelines"})) == ["kfp-launcher", "metadata-grpc-configmap"]
    assert maps(frozenset()) == []


# What the deployments are told.


def test_every_setting_that_a_patch_points_at_is_there_and_no_other(built):
    made = built()
    wanted: dict[str, set[str]] = {}
    for path in PATCHES.glob("*.yaml"):
        for name, key in re.findall(r"name: (kubeflow-pipelines-settings)\n\s+key: (\w+)", path.read_text()):
            wanted.setdefault(name, set()).add(key)
    for name, keys in wanted.items():
        assert made["ConfigMap", name]["data"].keys() == keys


def test_settings_arrive(built):
    data = built(caching=False, keepHours=2, timezone="Europe/Berlin", version1Profiles=["a", "b"])[
        "ConfigMap", "kubeflow-pipelines-settings"
    ]["data"]
    assert data["caching"] == "false"
    assert data["keepSeconds"] == "7200"
    assert data["timezone"] == "Europe/Berlin"
    assert data["version1Namespaces"] == "a,b"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({"databaseCertificates": "rds-ca-rsa2048-g1"}, "databaseCertificates"),
        ({"timezone": "Europe/ Berlin"}, "timezone"),
        ({"keepHours": 0}, "keepHours"),
        ({"version1Profiles": ["Team"]}, "version1Profiles"),
    ],
)
def test_a_bad_setting_is_named(raw, word):
    _, (problem,) = validate(addon("kubeflow-pipelines-settings").settings, raw, ("settings",))
    assert word in problem.path


# The database.


def config(text: str) -> Any:
    """The metadata server's configuration, read as it reads it.

    Source: google/ml-metadata v1.14.0, ml_metadata/proto/metadata_store.proto, as far as we use it.
    """
    kind = descriptor_pb2.FieldDescriptorProto
    types = {"string": kind.TYPE_STRING, "int64": kind.TYPE_INT64, "bool": kind.TYPE_BOOL}
    messages = {
        "SSLOptions": [("ca", 3, "string"), ("cipher", 5, "string"), ("verify_server_cert", 6, "bool")],
        "MySQL": [
            ("host", 1, "string"),
            ("port", 2, "int64"),
            ("database", 3, "string"),
            ("user", 4, "string"),
            ("password", 5, "string"),
            ("ssl_options", 7, "SSLOptions"),
            ("skip_db_creation", 8, "bool"),
        ],
        "Connection": [("mysql", 2, "MySQL")],
        "Migration": [("enable_upgrade_migration", 3, "bool")],
        "Server": [("connection_config", 1, "Connection"), ("migration_options", 3, "Migration")],
    }
    file = descriptor_pb2.FileDescriptorProto(name="mlmd.proto", package="mlmd", syntax="proto2")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, number, what in fields:
            made = message.field.add(name=field, number=number, label=kind.LABEL_OPTIONAL)
            made.type = types.get(what, kind.TYPE_MESSAGE)
            if what not in types:
                made.type_name = f".mlmd.{what}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return text_format.Parse(text, message_factory.GetMessageClass(pool.FindMessageTypeByName("mlmd.Server"))())


@pytest.mark.parametrize("certificates", [None, CERTIFICATE], ids=["unchecked", "checked"])
def test_every_connection_is_encrypted_and_checked_where_authorities_are_given(built, certificates):
    made = built(databaseCertificates=certificates)
    secret = made["ExternalSecret", "kubeflow-pipelines-metadata"]["spec"]["target"]["template"]["data"]
    metadata = config(secret["config"])
    mysql = metadata.connection_config.mysql
    # One of these set is what makes its client speak TLS.
    assert bool(mysql.ssl_options.ca) == (certificates is not None)
    assert mysql.ssl_options.verify_server_cert == (certificates is not None)
    assert bool(mysql.ssl_options.cipher) == (certificates is None)
    assert (mysql.user, mysql.password) == ("{{ .username }}", "{{ .password }}")
    assert mysql.database == "metadb"
    assert metadata.migration_options.enable_upgrade_migration
    data = made["ConfigMap", "kubeflow-pipelines-settings"]["data"]
    assert data["databaseHost"] == mysql.host
    assert int(data["databasePort"]) == mysql.port
    assert json.loads(data["databaseParameters"]) == {"tls": "true" if certificates else "skip-verify"}
    assert made["ConfigMap", "kubeflow-pipelines-certificates"]["data"] == {"ca.pem": certificates or ""}
    if certificates:
        folder, _, file = mysql.ssl_options.ca.rpartition("/")
        assert file == "ca.pem"
        assert f"mountPath: {folder}\n" in (PATCHES / "metadata.yaml").read_text()


def statements(job: dict[str, Any], folder: Path) -> str:
    """What the Job that makes an account tells MySQL."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    fake = folder / "mysql"
    fake.write_text("#!/bin/bash\ncat\n")
    fake.chmod(0o755)
    environment = {each["name"]: each.get("value", each["name"].lower()) for each in container["env"]}
    done = subprocess.run(
        container["command"],
        env={**environment, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_the_metadata_server_s_account_is_one_that_its_old_client_can_use(built, tmp_path):
    jobs = [each for (kind, _), each in built().items() if kind == "Job"]
    told = {name: text for job in jobs for name, text in [(variable(job, "ACCOUNT"), statements(job, tmp_path))]}
    assert told["pipelines_metadata"].splitlines() == [
        f"{verb} 'pipelines_metadata'@'%' IDENTIFIED WITH mysql_native_password BY 'account_password';"
        for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER")
    ] + [
        "CREATE DATABASE IF NOT EXISTS `metadb` CHARACTER SET utf8mb4;",
        "GRANT ALL PRIVILEGES ON `metadb`.* TO 'pipelines_metadata'@'%';",
    ]
    assert "IDENTIFIED WITH caching_sha2_password BY" in told["pipelines"]
    assert "metadb" not in told["pipelines"]


def variable(job: dict[str, Any], name: str) -> Any:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return next(each["value"] for each in container["env"] if each["name"] == name)


@pytest.mark.parametrize(
    ("engines", "name", "message"),
    [
        ({"metadata": "postgres"}, None, "needs a database of engine mysql; databases has none"),
        ({"metadata": "postgres", "runs": "mysql"}, "metadata", "'metadata' is not a database of engine mysql"),
    ],
)
def test_another_engine_is_refused(engines, name, message):
    around: Any = SimpleNamespace(databases=[SimpleNamespace(name=key, engine=value) for key, value in engines.items()])
    ours = addon("kubeflow-pipelines-settings")
    ((key, told),) = ours.problems(around, ours.settings.model_validate({"database": name}))
    assert key == "database"
    assert told.startswith(message)
