"""Katib, Trainer and the model registry: what our objects say against the makers' manifests, and the pages about them.

Katib's CRDs take anything; the trials in its objects are held against the CRDs of their own kinds.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from addons import registry
from addons.model_registry import NAME, profile_objects
from addons.values import objects_of
from infra.catalog import eks
from infra.handle import Storage
from infra.images import ImageReference
from tests.contract import charts, kustomizations, objects
from tests.contract.test_docs_manifests import ROOT, blocks, manifests

CATALOGUE = registry.discover()
KATIB, REGISTRY = CATALOGUE["katib-settings"], CATALOGUE["model-registry-settings"]
PAGES = [ROOT / "docs" / "how-to" / f"{name}.md" for name in ("distributed-training", "model-registry", "tuning")]
VERSION = eks.ACCEPTED_VERSIONS[-1]
DISTRIBUTION = "https://github.com/kubeflow/community-distribution//applications"
COMMIT = kustomizations.RELEASES["26.03.1"]
NAMED = re.compile(r"\$\{trialParameters\.(\w+)\}")


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(name="made")
def _made(known):
    """A function that gives an add-on's objects, by kind and name."""

    def build(addon, handle=None, **settings: Any) -> dict[tuple[str, str], Any]:
        own = addon.settings.model_validate(settings)
        found = known(objects_of(addon, own, handle or charts.everything()))
        return {(each["kind"], each["metadata"]["name"]): each for each in found}

    return build


@pytest.fixture(name="config")
def _config(made):
    return lambda handle=None, **settings: yaml.safe_load(
        made(KATIB, handle, **settings)["ConfigMap", "katib-config"]["data"]["katib-config.yaml"]
    )


def kubeflow(path: str) -> tuple[Mapping[str, Any], ...]:
    return kustomizations.upstream(f"{DISTRIBUTION}/{path}?ref={COMMIT}")


def patched(name: str, deployment: str) -> Mapping[str, Any]:
    """The one container that our directory makes of a Deployment."""
    if kustomizations.KUBECTL is None:
        pytest.skip("kubectl, which builds kustomizations, is not on PATH")
    built = kustomizations.build(kustomizations.FOLDER / name)
    (found,) = [each for each in built if (each["kind"], each["metadata"]["name"]) == ("Deployment", deployment)]
    containers: list[Mapping[str, Any]] = found["spec"]["template"]["spec"]["containers"]
    (container,) = containers
    return container


def secret(secrets: Mapping[tuple[str, str], Any], name: str) -> set[str]:
    """The keys of a Secret that an ExternalSecret makes."""
    return set(secrets["ExternalSecret", name]["spec"]["target"]["template"]["data"])


# Katib.


@charts.needs_reference
def test_katib_s_client_finds_every_variable_in_its_account(made):
    """Source of the names: kubeflow/katib v0.19.0, pkg/db/v1beta1/common/const.go."""
    env = {each["name"]: each for each in patched("katib", "katib-db-manager")["env"]}
    keys = {name: each["valueFrom"]["secretKeyRef"] for name, each in env.items() if "valueFrom" in each}
    assert {name: ref["key"] for name, ref in keys.items()} == {
        "DB_USER": "username",
        "DB_PASSWORD": "password",
        "KATIB_POSTGRESQL_DB_HOST": "host",
        "KATIB_POSTGRESQL_DB_PORT": "port",
        "KATIB_POSTGRESQL_DB_DATABASE": "database",
    }
    assert {ref["name"] for ref in keys.values()} == {"katib-database"}
    assert {ref["key"] for ref in keys.values()} == secret(made(KATIB), "katib-database")
    assert env["DB_NAME"]["value"] == "postgres"
    assert env["KATIB_POSTGRESQL_SSL_MODE"]["value"] == "require"


@charts.needs_reference
def test_katib_may_make_every_kind_of_trial_that_it_is_told_of(config):
    """Source of the form: `Kind.version.group`."""
    (role,) = [
        each
        for each in kubeflow("katib/upstream/installs/katib-with-kubeflow")
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", "katib-controller")
    ]
    allowed = {
        (group, resource)
        for rule in role["rules"]
        if "create" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    for trial in config()["init"]["controller"]["trialResources"]:
        kind, _, group = trial.split(".", 2)
        assert (group, f"{kind.lower()}s") in allowed


@charts.needs_reference
def test_katib_has_every_algorithm_of_the_makers(config):
    """Those of the makers' own configuration, with the same services."""
    (theirs,) = [
        yaml.safe_load(each["data"]["katib-config.yaml"])["runtime"]
        for each in kubeflow("katib/upstream/installs/katib-with-kubeflow")
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "katib-config"
    ]
    ours = config()["runtime"]
    for part, key in (("suggestions", "algorithmName"), ("earlyStoppings", "algorithmName")):
        assert {each[key]: each["image"] for each in ours[part]} == {each[key]: each["image"] for each in theirs[part]}
    assert {each["kind"]: each["image"] for each in ours["metricsCollectors"]} == {
        each["kind"]: each["image"] for each in theirs["metricsCollectors"]
    }


def test_population_based_training_needs_a_file_system_for_all_nodes(config):
    bare = dataclasses.replace(charts.everything(), storage=Storage())
    assert "pbt" not in {each["algorithmName"] for each in config(bare)["runtime"]["suggestions"]}
    (pbt,) = [each for each in config()["runtime"]["suggestions"] if each["algorithmName"] == "pbt"]
    # Not the One Zone file system: trials run in any zone.
    assert pbt["persistentVolumeClaimSpec"]["storageClassName"] == "efs-home"


def test_each_suggestion_has_the_memory_that_is_set(config):
    found = config(suggestionMemoryMib=2048)["runtime"]["suggestions"]
    assert {each["resources"]["limits"]["memory"] for each in found} == {"2048Mi"}


def texts(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "image":
                yield value
            yield from texts(value)
    elif isinstance(part, list):
        for item in part:
            yield from texts(item)


def test_katib_s_images_are_declared_and_come_from_the_mirror(made):
    """They stand in texts, where nobody else looks."""
    mirrored = dataclasses.replace(charts.registry(), mirrors={"ghcr.io": "ghcr", "public.ecr.aws": "public"})
    for handle, prefix in (
        (charts.everything(), ""),
        (dataclasses.replace(charts.everything(), registry=mirrored), "111122223333.dkr.ecr.us-west-2.amazonaws.com/"),
    ):
        found = made(KATIB, handle)
        written = {
            image
            for name in ("katib-config", "trial-templates")
            for text in found["ConfigMap", name]["data"].values()
            for image in texts(yaml.safe_load(text))
        }
        assert written
        assert all(image.startswith(prefix) for image in written)
        if not prefix:
            declared = {image.upstream for image in KATIB.images}
            assert {ImageReference.parse(image) for image in written} < declared


def test_the_templates_of_trials_are_what_the_server_takes(made):
    found = made(KATIB)["ConfigMap", "trial-templates"]
    assert found["metadata"]["labels"] == {"katib.kubeflow.org/component": "trial-templates"}
    for text in found["data"].values():
        fits(yaml.safe_load(text), {"learningRate"})


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("addon", [KATIB, REGISTRY], ids=lambda addon: addon.name)
def test_only_postgres_will_do(addon):
    """Katib's client for MySQL speaks no TLS; the registry's manifests are for Postgres."""
    around: Any = SimpleNamespace(databases=[SimpleNamespace(name="pipelines", engine="mysql")])
    told = [key for key, _ in addon.problems(around, addon.settings.model_validate({"database": "pipelines"}))]
    assert told == ["database"]
    mysql = dataclasses.replace(charts.everything(), databases={"pipelines": charts.database()})
    assert addon.applies(mysql) == "databases has no postgres"
    assert objects_of(addon, addon.settings(), mysql) == []


# The model registry.


@charts.needs_reference
def test_the_registry_finds_every_variable_of_its_connection_in_its_account(made):
    container = patched("model-registry", "model-registry-deployment")
    (dsn,) = [each for each in container["args"] if each.startswith("--embedmd-database-dsn=")]
    assert dsn.endswith("?sslmode=require")
    assert {"secretRef": {"name": "model-registry-database"}} in container["envFrom"]
    assert set(re.findall(r"\$\((\w+)\)", dsn)) == secret(made(REGISTRY), "model-registry-database")


def test_each_profile_shows_the_registry_where_there_is_one(known):
    profiles = CATALOGUE["kubeflow-profiles"]
    settings = profiles.settings.model_validate({"profiles": {"vision": {"owner": "ada@example.com"}}})
    for addons, expected in ((frozenset({"model-registry"}), 2), (frozenset(), 0)):
        handle = dataclasses.replace(charts.everything(), addons=addons)
        found = [each for each in known(objects_of(profiles, settings, handle)) if each["metadata"]["name"] == NAME]
        assert len(found) == expected
        for each in found:
            assert each["metadata"]["namespace"] == "vision"


def test_the_page_about_the_registry_shows_the_same_objects():
    """What others put into their own namespaces by hand."""
    page = (ROOT / "docs" / "how-to" / "model-registry.md").read_text()
    shown = [
        each for _, body in blocks(page) for each in manifests(body) if each["metadata"].get("namespace") == "another"
    ]
    ours = profile_objects("another")
    assert [each["spec"] for each in shown] == [each["spec"] for each in ours]
    assert shown[0]["metadata"]["labels"] == ours[0]["metadata"]["labels"]


# The pages.


def shown(kind: str) -> list[Any]:
    return [
        pytest.param(each, id=each["metadata"]["name"])
        for page in PAGES
        for _, body in blocks(page.read_text())
        for each in manifests(body)
        if each["kind"] == kind
    ]


def fits(trial: Mapping[str, Any], parameters: set[str]) -> None:
    """A trial with its parameters filled in is an object that the server takes; it uses all of them and no other."""
    text = yaml.safe_dump(trial)
    assert set(NAMED.findall(text)) == parameters
    filled = yaml.safe_load(NAMED.sub("0.01", text))
    objects.validate_all([{**filled, "metadata": {"name": "trial", "namespace": "vision"}}], VERSION)


@charts.needs_reference
@pytest.mark.parametrize("experiment", shown("Experiment"))
def test_the_experiments_in_the_pages_are_whole(experiment, config):
    spec, runtime = experiment["spec"], config()["runtime"]
    assert spec["algorithm"]["algorithmName"] in {each["algorithmName"] for each in runtime["suggestions"]}
    if "earlyStopping" in spec:
        assert spec["earlyStopping"]["algorithmName"] in {each["algorithmName"] for each in runtime["earlyStoppings"]}
    template = spec["trialTemplate"]
    assert {each["reference"] for each in template["trialParameters"]} == {each["name"] for each in spec["parameters"]}
    fits(template["trialSpec"], {each["name"] for each in template["trialParameters"]})
    trial = template["trialSpec"]
    assert (
        f"{trial['kind']}.{trial['apiVersion'].partition('/')[2]}.{trial['apiVersion'].partition('/')[0]}"
        in (config()["init"]["controller"]["trialResources"])
    )
    containers = trial["spec"].get("template", {}).get("spec", {}).get("containers") or [{"name": "node"}]
    assert template["primaryContainerName"] in {each["name"] for each in containers}


@pytest.mark.parametrize(
    "job", [*shown("TrainJob"), *(each for each in shown("Experiment") if "runtimeRef" in str(each.values[0]))]
)
def test_the_jobs_in_the_pages_name_a_runtime_that_a_group_of_gpus_has(job, made):
    spec = job["spec"] if job["kind"] == "TrainJob" else job["spec"]["trialTemplate"]["trialSpec"]["spec"]
    assert ("ClusterTrainingRuntime", spec["runtimeRef"]["name"]) in made(CATALOGUE["trainer-runtimes"])


# MPIJobs.


@charts.needs_reference
def test_one_operator_owns_mpijobs_and_the_other_does_not_look_for_them():
    mpi, legacy = CATALOGUE["mpi-operator"], CATALOGUE["training-operator"]
    assert mpi.owns_crds == ("mpijobs.kubeflow.org",)
    assert not set(mpi.owns_crds) & set(legacy.owns_crds)
    assert legacy.name not in mpi.conflicts
    args = patched("training-operator", "training-operator")["args"]
    enabled = {each.partition("=")[2] for each in args if each.startswith("--enable-scheme=")}
    assert enabled == {crd.partition("s.")[0] for crd in legacy.owns_crds}


@charts.needs_reference
def test_the_init_container_of_pytorchjobs_comes_from_the_mirror():
    """An argument of its own: only a whole text that names an image is moved."""
    image = patched("training-operator", "training-operator")["args"][-1]
    assert image in {each.reference for each in CATALOGUE["training-operator"].images}
