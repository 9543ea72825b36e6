"""MLflow, JupyterHub and Feast: what their parts say of each other, and what people's notebooks have of them."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml

from addons import registry
from addons.feast import SERVER, VERSION
from addons.values import objects_of, values_of
from infra.handle import GpuSharing, Storage
from tests.contract import charts

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = registry.discover()
GI = 2**30


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def values(known, name: str, handle: Any = None, **settings: Any) -> Any:
    addon = CATALOGUE[name]
    model = addon.settings.model_validate(settings)
    return known(values_of(addon, model, handle or charts.everything(), {}))


def made(known, name: str, handle: Any = None, **settings: Any) -> dict[tuple[str, str], dict[str, Any]]:
    addon = CATALOGUE[name]
    found = objects_of(addon, addon.settings.model_validate(settings), handle or charts.everything())
    return {(each["kind"], each["metadata"]["name"]): each for each in known(found)}


def keys(secret: Mapping[str, Any]) -> Mapping[str, str]:
    """The keys of the Secret that an ExternalSecret makes, and what each holds as far as the template says."""
    spec = secret["spec"]
    bare = {item["secretKey"]: "" for item in spec.get("data", ())}
    return spec["target"].get("template", {}).get("data") or bare


# Versions.


@pytest.mark.parametrize(
    ("package", "server"),
    [
        ("mlflow", CATALOGUE["mlflow"].images[0].upstream.version),
        ("feast", f":{VERSION}"),
        # What the chart's app is; its image goes by the chart's version.
        ("jupyterhub", ":5.5.0"),
    ],
)
@pytest.mark.parametrize("image", ["notebook-cpu", "notebook-gpu", "notebook-neuron"])
def test_notebooks_have_the_client_of_the_server_s_version(image, package, server):
    text = (ROOT / "images" / image / "requirements.txt").read_text()
    (pin,) = re.findall(rf"^{package}==(\S+)", text, re.M)
    assert f":{pin}" == server


@charts.needs_reference
def test_the_hub_s_application_is_of_the_version_that_notebooks_have():
    assert charts.chart_facts("jupyterhub")["app_version"] == "5.5.0"
    assert charts.chart_facts("mlflow")["app_version"] == "3.15.1"


# MLflow.


def test_mlflow_signs_in_with_the_account_that_is_made_for_it(known):
    database = values(known, "mlflow")["backendStore"]
    held = made(known, "mlflow-database")["ExternalSecret", database["existingDatabaseSecret"]["name"]]
    wanted = {database["existingDatabaseSecret"][key] for key in ("usernameKey", "passwordKey")}
    assert wanted <= set(keys(held))
    assert held["metadata"]["namespace"] == CATALOGUE["mlflow"].namespace
    assert database["postgres"] == {
        "enabled": True,
        "driver": "psycopg2",
        "host": "acme-metadata.rds.amazonaws.com",
        "port": 5432,
        "database": "mlflow",
    }
    assert database["databaseMigration"] is True
    assert values(known, "mlflow")["extraEnvVars"]["PGSSLMODE"] == "require"


@charts.needs_reference
def test_mlflow_s_entry_is_at_the_ports_of_the_chart():
    told = yaml.safe_load((charts.REFERENCE / "mlflow/chart/values.yaml").read_text())["service"]
    (entry,) = CATALOGUE["mlflow"].entries
    assert (entry.port, entry.target_port) == (told["port"], told["containerPort"])


def test_feast_s_servers_ask_for_keys_that_their_secrets_have(known):
    objects = made(known, "feast-store")
    secrets = {**objects, **made(known, "feast-redis")}
    (store,) = [each for (kind, _), each in objects.items() if kind == "FeatureStore"]
    services = store["spec"]["services"]
    servers = [services["offlineStore"], services["onlineStore"], services["registry"]["local"]]
    asked = [each["valueFrom"]["secretKeyRef"] for server in servers for each in server["server"]["env"]]
    assert len(asked) == 9
    for each in asked:
        assert each["key"] in set(keys(secrets["ExternalSecret", each["name"]])), each


@charts.needs_reference
def test_the_secret_that_the_chart_would_make_anew_is_there_before_it(known):
    """The chart makes it by a hook, with another random key at each rendering, unless one of its name is there."""
    (hook,) = charts._facts()["charts"]["mlflow"]["hooks"]
    assert ("ExternalSecret", hook["name"]) in made(known, "mlflow-database")
    assert "mlflow-database" in CATALOGUE["mlflow"].needs


def test_mlflow_answers_to_names_of_the_cluster_and_to_its_host_and_to_no_pattern(known):
    hosts = values(known, "mlflow")["serverAllowedHosts"]
    assert {"mlflow.mlflow.svc.cluster.local", "mlflow.mlflow", "mlflow.ml.example.com"} <= set(hosts)
    assert not [host for host in hosts if "*" in host]
    assert values(known, "mlflow")["corsAllowedOrigins"] == ["https://mlflow.ml.example.com"]
    without = values(known, "mlflow", charts.fake_handle(edge=charts.edge(), databases=charts.databases()))
    assert without["corsAllowedOrigins"] == []
    assert not [host for host in without["serverAllowedHosts"] if host.endswith(".com")]


def test_the_address_that_profiles_are_given_is_one_that_mlflow_answers_to(known):
    text = (ROOT / "addons" / "profiles.py").read_text()
    hosts = re.findall(r'"http://(mlflow[\w.:-]*)"', text)
    assert hosts
    assert set(hosts) <= set(values(known, "mlflow")["serverAllowedHosts"])


def test_one_mlflow_alone_has_no_budget_that_would_hold_up_its_node(known):
    assert values(known, "mlflow", replicas=1)["extraDeploy"] == []
    (budget,) = values(known, "mlflow", replicas=2)["extraDeploy"]
    assert budget["spec"]["maxUnavailable"] == 1


# JupyterHub.


@charts.needs_reference
def test_the_hub_s_values_fit_the_chart_s_schema(known):
    """It is YAML in the chart's source, and JSON in the chart."""
    schema = yaml.safe_load((charts.REFERENCE / "jupyterhub" / "chart" / "values.schema.yaml").read_text())
    addon = CATALOGUE["jupyterhub"]
    for handle, settings in charts.cases(addon):
        whole = charts.merged(charts.chart_values("jupyterhub"), known(values_of(addon, settings, handle, {})))
        jsonschema.Draft7Validator(schema).validate(whole)


def test_the_hub_s_keys_are_made_under_the_names_that_the_chart_reads(known):
    name = values(known, "jupyterhub")["hub"]["existingSecret"]
    objects = made(known, "jupyterhub-users")
    assert keys(objects["ExternalSecret", name]) == {
        "hub.config.JupyterHub.cookie_secret": "{{ .cookie }}",
        "hub.config.CryptKeeper.keys": "{{ .crypt }}",
    }
    password = objects["Password", name]["spec"]
    # JupyterHub wants 32 bytes, as hexadecimal digits.
    assert (password["encoding"], password["length"]) == ("hex", 32)


def test_without_its_configuration_the_hub_lets_nobody_in(known):
    hub = values(known, "jupyterhub")["hub"]
    assert hub["config"]["JupyterHub"]["authenticator_class"] == "null"
    assert hub["extraConfig"]["login"] == (ROOT / "addons" / "hub_login.py").read_text()
    asked = set(re.findall(r'os\.environ\["(\w+)"\]|os\.environ\[\'(\w+)\'\]', hub["extraConfig"]["login"]))
    assert {first or second for first, second in asked} == set(hub["extraEnv"])


@pytest.mark.parametrize(
    ("partition", "region", "keys_at"),
    [
        ("aws", "eu-west-1", "https://public-keys.auth.elb.eu-west-1.amazonaws.com"),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1",
        ),
    ],
)
def test_the_load_balancer_s_keys_are_where_aws_says(known, partition, region, keys_at):
    """Application Load Balancer user guide, "User claims encoding and signature verification"."""
    handle = charts.fake_handle(edge=charts.edge(), partition=partition, region=region)
    assert values(known, "jupyterhub", handle)["hub"]["extraEnv"]["LOGIN_KEYS"] == keys_at


def test_the_hub_s_proxy_is_told_what_to_keep_from_servers(known):
    environment = values(known, "jupyterhub")["proxy"]["chp"]["extraEnv"]
    login = charts.edge().login
    assert login is not None
    assert environment["LOGIN_COOKIE"] == login.session_cookie
    assert environment["NODE_OPTIONS"].startswith("--import=data:text/javascript;base64,")


def profiles(known, handle: Any = None, **settings: Any) -> dict[str, dict[str, Any]]:
    found = values(known, "jupyterhub", handle, **settings)["singleuser"]["profileList"]
    assert [each["slug"] for each in found if each.get("default")] == ["cpu"]
    assert len({each["slug"] for each in found}) == len(found)
    return {each["slug"]: each["kubespawner_override"] for each in found}


def test_people_choose_from_the_groups_that_the_cluster_has(known):
    handle = charts.everything()
    chosen = profiles(known, acceleratedMemoryGib=100)
    assert set(chosen) == {"cpu", "group-gpu", "group-neuron"}
    for slug, resource in (("group-gpu", "nvidia.com/gpu"), ("group-neuron", "aws.amazon.com/neuron")):
        override = chosen[slug]
        (pool, *_) = [each for each in handle.node_pools if f"group-{each.group}" == slug]
        assert override["extra_resource_limits"] == override["extra_resource_guarantees"] == {resource: "1"}
        assert override["tolerations"] == [taint.toleration for taint in pool.taints]
        assert override["node_selector"].items() <= dict(pool.labels).items()
        assert override["mem_limit"] == "100G"
    images = {slug: override["image"].rpartition("/")[2].partition(":")[0] for slug, override in chosen.items()}
    assert images == {"cpu": "notebook-cpu", "group-gpu": "notebook-gpu", "group-neuron": "notebook-neuron"}


def test_a_shared_gpu_is_asked_for_by_the_name_of_its_share(known):
    sharing = GpuSharing(
        mode="mig", config="mig", mig_strategy="mixed", mig_profile="1g.10gb", resources={"nvidia.com/mig-1g.10gb": 56}
    )
    handle = charts.fake_handle(edge=charts.edge(), node_pools=(charts.SYSTEM, charts.pool("mig", sharing=sharing)))
    assert profiles(known, handle)["group-mig"]["extra_resource_limits"] == {"nvidia.com/mig-1g.10gb": "1"}


def test_without_images_of_the_account_the_chart_s_is_used(known):
    handle = charts.fake_handle(edge=charts.edge())
    assert all("image" not in override for override in profiles(known, handle).values())


@pytest.mark.parametrize(
    ("storage", "home", "expected"),
    [
        (charts.storage(), None, ("efs-home", ["ReadWriteMany"])),
        (charts.storage(), "efs-one", ("efs-one", ["ReadWriteMany"])),
        (charts.storage(), "gp3", ("gp3", ["ReadWriteOnce"])),
        (Storage(), None, ("gp3", ["ReadWriteOnce"])),
    ],
)
def test_homes_are_on_a_class_that_the_stack_makes(known, storage, home, expected):
    handle = charts.fake_handle(edge=charts.edge(), storage=storage)
    dynamic = values(known, "jupyterhub", handle, home=home)["singleuser"]["storage"]["dynamic"]
    assert (dynamic["storageClass"], dynamic["storageAccessModes"]) == expected
    classes = {name for kind, name in made(known, "storage-classes", handle) if kind == "StorageClass"}
    assert expected[0] in classes


def test_servers_run_as_the_account_that_has_a_role_and_reach_private_addresses(known):
    user = values(known, "jupyterhub")["singleuser"]
    (identity,) = CATALOGUE["jupyterhub-users"].identities
    assert user["serviceAccountName"] == identity.service_account
    assert ("ServiceAccount", identity.service_account) in made(known, "jupyterhub-users")
    assert user["networkPolicy"]["egressAllowRules"]["privateIPs"] is True
    # The container that it would add is privileged, which the namespace's standard refuses.
    assert user["cloudMetadata"]["blockWithIptables"] is False
    assert CATALOGUE["jupyterhub-users"].pod_security == "baseline"


def test_a_server_is_waited_for_as_long_as_the_slowest_group_s_nodes_take(known):
    slow = charts.fake_handle(edge=charts.edge(), node_pools=(charts.SYSTEM, charts.pool(provision_minutes=40)))
    assert values(known, "jupyterhub", slow)["singleuser"]["startTimeout"] == 40 * 60 + 600


# Feast.


def store(known, **settings: Any) -> dict[str, Any]:
    spec: dict[str, Any] = made(known, "feast-store", **settings)["FeatureStore", "store"]["spec"]
    return spec


def servers(spec: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    services = spec["services"]
    return {
        "offline": services["offlineStore"]["server"],
        "online": services["onlineStore"]["server"],
        "registry": services["registry"]["local"]["server"],
    }


def test_what_servers_read_from_secrets_is_in_secrets_that_are_made(known):
    objects = made(known, "feast-store") | made(known, "feast-redis")
    spec = store(known)
    services = spec["services"]
    for persistence in (services["onlineStore"]["persistence"], services["registry"]["local"]["persistence"]):
        # Without a key of its own the operator takes the one named like the type.
        held = objects["ExternalSecret", persistence["store"]["secretRef"]["name"]]
        assert persistence["store"]["type"] in keys(held)
    for server in servers(spec).values():
        for variable in server["env"]:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["key"] in keys(objects["ExternalSecret", reference["name"]])


def test_no_password_is_in_what_the_operator_writes_into_a_deployment(known):
    """It puts the fragments of feature_store.yaml there; Feast puts variables in when it reads them."""
    objects = made(known, "feast-store") | made(known, "feast-redis")
    names = {each["name"] for server in servers(store(known)).values() for each in server["env"]}
    sql = keys(objects["ExternalSecret", "feast-registry"])["sql"]
    redis = keys(objects["ExternalSecret", "feast-redis"])["redis"]
    for fragment in (sql, redis):
        assert "{{" not in fragment
        assert set(re.findall(r"\$\{(\w+)\}", fragment)) <= names
    path = yaml.safe_load(sql)["path"]
    host = "acme-metadata.rds.amazonaws.com:5432/feast?sslmode=require"
    assert path == "postgresql+psycopg://${REGISTRY_USER}:${REGISTRY_PASSWORD}@" + host
    assert yaml.safe_load(redis) == {
        "connection_string": "feast-redis.feast.svc.cluster.local:6379,password=${REDIS_PASSWORD}"
    }


def test_redis_is_where_the_store_looks_for_it(known):
    objects = made(known, "feast-redis")
    service, replicas = objects["Service", "feast-redis"], objects["StatefulSet", "feast-redis"]
    assert service["spec"]["selector"].items() <= replicas["spec"]["template"]["metadata"]["labels"].items()
    assert replicas["spec"]["serviceName"] == "feast-redis"
    assert service["spec"]["ports"][0]["port"] == 6379
    (container,) = replicas["spec"]["template"]["spec"]["containers"]
    (memory,) = {container["resources"][kind]["memory"] for kind in ("requests", "limits")}
    (most,) = [each["value"] for each in container["env"] if each["name"] == "MAX_MEMORY"]
    assert int(most.removesuffix("mb")) * 4 == int(memory.removesuffix("Mi")) * 3


def test_servers_see_one_folder_of_the_bucket_under_one_path(known):
    objects = made(known, "feast-store", prefix="tables/features")
    volume = objects["PersistentVolume", "feast-features"]["spec"]
    claim = objects["PersistentVolumeClaim", "features"]
    assert volume["csi"]["volumeAttributes"] == {"bucketName": "acme-data"}
    assert "prefix tables/features/" in volume["mountOptions"]
    assert (volume["claimRef"]["namespace"], volume["claimRef"]["name"]) == ("feast", claim["metadata"]["name"])
    assert claim["spec"]["volumeName"] == "feast-features"
    spec = store(known)
    (mounted,) = spec["services"]["volumes"]
    assert mounted["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    for server in servers(spec).values():
        assert server["volumeMounts"] == [{"name": mounted["name"], "mountPath": "/features"}]
    (identity,) = CATALOGUE["feast-store"].identities
    model = CATALOGUE["feast-store"].settings.model_validate({"prefix": "tables/features"})
    assert identity.policy is not None
    document = json.dumps(known(identity.policy(charts.everything(), model)))
    assert '"arn:aws:s3:::acme-data/tables/features/*"' in document
    assert '"arn:aws:s3:::acme-data/*"' not in document


def test_definitions_come_from_a_repository_or_from_people(known):
    source = {"url": "https://github.com/acme/features", "ref": "v1", "path": "repo"}
    given = store(known, repository=source, materialize="0 * * * *")
    assert given["feastProjectDir"] == {"git": {"url": source["url"], "ref": "v1", "featureRepoPath": "repo"}}
    assert (given["cronJob"]["schedule"], given["cronJob"]["concurrencyPolicy"]) == ("0 * * * *", "Forbid")
    # The operator's own commands apply the definitions first.
    assert "commands" not in given["cronJob"]["containerConfigs"]
    bare = store(known)
    assert bare["feastProjectDir"] == {"init": {"minimal": True}}
    assert "schedule" not in bare["cronJob"]
    assert not [each for each in bare["cronJob"]["containerConfigs"]["commands"] if "apply" in each]


def test_images_of_the_store_are_named_where_the_operator_would_take_its_own(known):
    spec = store(known)
    assert {server["image"] for server in servers(spec).values()} == {SERVER}
    assert spec["services"]["initImage"] == SERVER
    assert spec["cronJob"]["containerConfigs"]["image"] in {i.reference for i in CATALOGUE["feast-store"].images}


# What the rest of the stack file must have.


def around(
    engines: Mapping[str, str],
    *,
    entries: tuple[str, ...] = (),
    efs: tuple[str, ...] = (),
    internet: bool = True,
    by_name: tuple[str, ...] = (),
) -> Any:
    return SimpleNamespace(
        databases=[SimpleNamespace(name=name, engine=engine) for name, engine in engines.items()],
        edge=SimpleNamespace(entries=entries),
        by_name=frozenset(by_name),
        network=SimpleNamespace(internet=internet),
        storage=SimpleNamespace(efs=[SimpleNamespace(name=name) for name in efs]),
    )


def told(name: str, place: Any, **settings: Any) -> list[tuple[str, str]]:
    addon = CATALOGUE[name]
    return list(addon.problems(place, addon.settings.model_validate(settings)))


BOTH = {"pipelines": "mysql", "metadata": "postgres"}
SOURCE = {"url": "https://github.com/acme/features", "ref": "v1"}


@pytest.mark.parametrize(
    ("name", "place", "settings", "expected"),
    [
        ("mlflow-database", around(BOTH), {}, None),
        ("mlflow-database", around({"pipelines": "mysql"}), {}, None),  # a preset's, which is left out
        (
            "mlflow-database",
            around({"pipelines": "mysql"}, by_name=("mlflow",)),
            {},
            ("", "needs a database of engine postgres"),
        ),
        ("feast-store", around(BOTH), {}, None),
        ("feast-store", around(BOTH), {"database": "metadata"}, None),
        ("feast-store", around(BOTH), {"database": "pipelines"}, ("database", "'pipelines' is not a database of")),
        ("feast-store", around(BOTH), {"repository": SOURCE}, None),
        ("feast-store", around(BOTH, internet=False), {}, None),
        (
            "feast-store",
            around(BOTH, internet=False),
            {"repository": SOURCE},
            ("repository", "servers clone it when they start, which they cannot without network.internet"),
        ),
        ("jupyterhub", around({}, entries=("jupyterhub",)), {}, None),
        (
            "jupyterhub",
            around({}, entries=("kubeflow",)),
            {},
            ("", "nobody gets to it: add jupyterhub to edge.entries"),
        ),
        ("jupyterhub", around({}, entries=("jupyterhub",), efs=("home",)), {"home": "efs-home"}, None),
        (
            "jupyterhub",
            around({}, entries=("jupyterhub",), efs=("home",)),
            {"home": "efs-hom"},
            ("home", "'efs-hom' is not a storage class of the stack: gp3, efs-home"),
        ),
    ],
)
def test_what_the_stack_file_lacks_is_said_at_its_place(name, place, settings, expected):
    found = told(name, place, **settings)
    if expected is None:
        assert found == []
        return
    ((key, message),) = found
    assert key == expected[0]
    assert message.startswith(expected[1])


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("name", ["mlflow", "mlflow-database", "feast-store"])
def test_a_preset_leaves_out_what_has_no_database_or_bucket(name):
    everything = charts.everything()
    mysql = dataclasses.replace(everything, databases={"pipelines": charts.database()})
    bare = dataclasses.replace(everything, storage=Storage())
    assert CATALOGUE[name].applies(everything) is None
    assert CATALOGUE[name].applies(mysql) == "databases has none of engine postgres"
    assert (CATALOGUE[name].applies(bare) is None) is (name == "mlflow-database")
