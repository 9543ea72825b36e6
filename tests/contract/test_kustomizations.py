"""Every kustomization of the catalogue, built from the makers' manifests: its patches bite, and it is declared.

Without `kubectl` on PATH nothing is built; that every patch finds its target is held all the same.
"""

import copy
import dataclasses
import shutil
from typing import Any

import pytest
import yaml

from addons import registry
from addons.graph import reachable
from addons.spec import AddOn, Kustomization, Manifest, Objects
from infra.catalog import eks
from infra.handle import PodSecurity
from infra.kubernetes import BUILT_IN_NAMESPACES
from tests.contract import bundles, charts, kustomizations, objects, selections
from tests.contract.foreign import brought
from tests.contract.kustomizations import KustomizationError

CATALOGUE = registry.discover()
FROM_CHARTS = {"kserve-llmisvc-configs"}
"""A file that a chart of the makers takes in as it is: tests/contract/test_serving.py holds it against the chart."""
AT_RUN_TIME: dict[str, dict[str, str]] = {}
"""By add-on, `Kind/name` of what its programs make when they run, and who does."""
OPERANDS: dict[str, dict[str, str]] = {}
"""By add-on, images that its configuration names and that no pod of ours runs, and why."""
SAID_EMPTY: dict[str, dict[str, str]] = {}
"""By add-on, what looks like a credential and is none, and why."""

KUSTOMIZED = [addon for addon in CATALOGUE.values() if isinstance(addon.source, Kustomization)]
needs_kubectl = pytest.mark.skipif(
    kustomizations.KUBECTL is None, reason="kubectl, which builds kustomizations, is not on PATH"
)


def each(addons: list[AddOn[Any]]) -> list[Any]:
    """Parameters of a test over add-ons."""
    return [pytest.param(addon, id=addon.name) for addon in addons]


def folder(addon: AddOn[Any]):
    return kustomizations.FOLDER / addon.name


def needed(addon: AddOn[Any]) -> frozenset[str]:
    """The add-on's needs, direct or not."""
    return reachable(addon.name, {name: set(each.needs) for name, each in CATALOGUE.items()})


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(name="made")
def _made(known):
    """A function that gives the objects of our own of an add-on, on a cluster that has everything."""

    def build(name: str) -> list[dict[str, Any]]:
        addon = CATALOGUE[name]
        if not isinstance(addon.source, Objects):
            return []
        settings = [addon.settings.model_validate(raw) for raw in ({}, *charts.SETTINGS.get(name, []))]
        found = [known(addon.source.build(charts.everything(), item)) for item in settings]
        return [manifest for manifests in found for manifest in manifests]

    return build


# The directories.


def test_there_is_a_directory_for_each_and_no_other():
    there = {path.name for path in kustomizations.FOLDER.iterdir()} if kustomizations.FOLDER.is_dir() else set()
    assert there == {addon.name for addon in KUSTOMIZED}


@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_file_of_a_directory_is_used(addon):
    document = yaml.safe_load((folder(addon) / "kustomization.yaml").read_text())
    used = {"kustomization.yaml", *(entry["path"] for entry in document.get("patches", ()) if "path" in entry)}
    assert {str(path.relative_to(folder(addon))) for path in folder(addon).rglob("*") if path.is_file()} == used


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_the_makers_directories_are_at_the_commit_of_the_release(addon):
    urls = kustomizations.recipe(folder(addon)).resources
    assert urls
    assert {kustomizations.source(url).release for url in urls} == {addon.source.version}


# Patches.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_part_of_every_patch_finds_what_it_changes(addon):
    assert kustomizations.idle(kustomizations.recipe(folder(addon))) == []


@charts.needs_reference
@needs_kubectl
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_patch_makes_a_difference(addon):
    """Where it finds what it deletes, a deletion does: the test before this one."""
    for index, patch in enumerate(kustomizations.recipe(folder(addon)).patches):
        if patch.deletes:
            continue
        with_it, without_it = kustomizations.without(folder(addon), index)
        assert with_it != without_it, f"{addon.name}/{patch.where} changes nothing"


# What comes of it.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_object_fits_kubernetes_and_the_crds(addon):
    """As far as the makers' own do: what a patch of ours broke is ours."""
    before = {kustomizations.identity(manifest): manifest for manifest in upstream(addon)}
    for manifest in brought(addon.name):
        old = before.get(kustomizations.identity(manifest))
        if manifest["kind"] != "CustomResourceDefinition" and manifest != old:
            for version in eks.ACCEPTED_VERSIONS:
                assert faults(manifest, version) <= (faults(old, version) if old else set())


def faults(manifest, version: str) -> set[str]:
    try:
        objects.validate_all([manifest], version)
    except Exception as error:  # of two validators, each with its own
        return {f"{bundles.named(manifest)}: {str(error).splitlines()[0]}"}
    return set()


def upstream(addon: AddOn[Any]) -> list[Any]:
    urls = kustomizations.recipe(folder(addon)).resources
    return [manifest for url in urls for manifest in kustomizations.upstream(url)]


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_nothing_in_it_contradicts_itself(addon):
    assert bundles.contradictions(brought(addon.name)) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_it_is_declared_which_images_its_pods_run(addon):
    declared = {str(image.upstream) for image in addon.images}
    run = bundles.images(brought(addon.name))
    told = set(bundles.images_in_texts(brought(addon.name)))
    assert run <= declared, "an image that nobody would mirror"
    assert told - declared - OPERANDS.get(addon.name, {}).keys() == set(), "named in an argument, a variable or a text"
    assert declared <= run | told, "declared, and nobody runs it"


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_image_has_a_version(addon):
    assert bundles.moving_images(brought(addon.name)) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_its_crds_are_declared(addon):
    assert sorted(addon.owns_crds) == sorted(bundles.crds(brought(addon.name)))


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_its_webhooks_are_declared(addon):
    there = bundles.hooks(brought(addon.name))
    said = sorted((sorted(hook.intercepts), hook.failure_policy, hook.opt_in) for hook in addon.webhooks)
    assert said == sorted((sorted(hook.intercepts), hook.failure_policy, hook.opt_in) for hook in there)
    for hook in addon.webhooks:
        same = [each for each in there if each.intercepts == hook.intercepts]
        assert any(hook.except_namespaces <= each.looks_away_from for each in same)


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_what_shows_that_it_runs_is_there(addon):
    own = {
        (manifest["kind"], manifest["metadata"]["name"])
        for manifest in brought(addon.name)
        if manifest["metadata"].get("namespace", addon.namespace) == addon.namespace
    }
    assert {(item.kind, item.name) for item in addon.ready} <= own
    # Whoever waits for the add-on waits for all of its pods.
    runs = {kind_name for kind_name in own if kind_name[0] in ("Deployment", "DaemonSet", "StatefulSet")}
    assert runs <= {(item.kind, item.name) for item in addon.ready}


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_it_makes_no_namespace_and_its_objects_live_where_there_is_one(addon):
    """Namespaces are the add-ons': with Pod Security, and with one owner."""
    manifests = brought(addon.name)
    assert [bundles.named(manifest) for manifest in manifests if manifest["kind"] == "Namespace"] == []
    assert bundles.in_no_namespace(manifests, eks.ACCEPTED_VERSIONS[0]) == []
    owned = {CATALOGUE[name].namespace for name in (addon.name, *needed(addon)) if CATALOGUE[name].create_namespace}
    used = {manifest["metadata"].get("namespace", addon.namespace) for manifest in manifests}
    assert used <= owned | BUILT_IN_NAMESPACES


@charts.needs_reference
@pytest.mark.parametrize("addon", each([addon for addon in KUSTOMIZED if addon.identities]))
def test_an_identity_is_of_an_account_that_a_pod_uses(addon):
    manifests = brought(addon.name)
    there = {
        (manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        for manifest in manifests
        if manifest["kind"] == "ServiceAccount"
    }
    used = {(pod.namespace, pod.service_account) for pod in bundles.pods(manifests)}
    for identity in addon.identities:
        who = (identity.namespace or addon.namespace, identity.service_account)
        assert who in there, f"nobody makes {who}"
        assert who in used or who[1] in STARTED_LATER.get(addon.name, {}), f"no pod is {who}"


STARTED_LATER: dict[str, dict[str, str]] = {}
"""By add-on, service accounts of pods that its programs start, and which."""


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_nobody_s_password_is_in_it(addon):
    said = SAID_EMPTY.get(addon.name, {})
    assert [fault for fault in bundles.secrets_written_down(brought(addon.name)) if fault not in said] == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_what_its_pods_take_is_there_before_them(addon, made):
    """Pulumi waits for the pods: what comes after them would never come."""
    manifests = brought(addon.name)
    offered = bundles.offers(manifests)
    for name in needed(addon):
        offered |= bundles.offers(made(name))
    late = {*AT_RUN_TIME.get(addon.name, {}), "ConfigMap/kube-root-ca.crt"}
    assert bundles.unmet(bundles.references(manifests), offered, late) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_what_its_commands_name_is_a_variable(addon, made):
    manifests = brought(addon.name)
    offered = bundles.offers([*manifests, *(each for name in needed(addon) for each in made(name))])
    assert bundles.unnamed(manifests, offered) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_the_mesh_s_rules_are_of_services_that_there_are(addon):
    assert bundles.hosts_of_nobody(brought(addon.name)) == []


@charts.needs_reference
def test_katib_reads_what_it_is_told():
    """Source: kubeflow/katib v0.19.0, pkg/db/v1beta1/common/const.go, and cmd/db-manager."""
    (pod,) = [each for each in bundles.pods(brought("katib")) if each.owner.endswith("katib-db-manager")]
    assert {each["name"] for each in pod.containers[0]["env"]} == {
        *("DB_NAME", "DB_USER", "DB_PASSWORD", "KATIB_POSTGRESQL_SSL_MODE"),
        *(f"KATIB_POSTGRESQL_DB_{what}" for what in ("HOST", "PORT", "DATABASE")),
    }


@charts.needs_reference
def test_katib_s_webhooks_are_where_its_service_leads(made):
    configs = [each["data"] for each in made("katib-settings") if each["metadata"]["name"] == "katib-config"]
    service = one(brought("katib"), "Service", "katib-controller")
    (port,) = [port["targetPort"] for port in service["spec"]["ports"] if port["port"] == 443]
    listening = {yaml.safe_load(each["katib-config.yaml"])["init"]["controller"]["webhookPort"] for each in configs}
    assert listening == {port}


@charts.needs_reference
def test_pipelines_speaks_to_s3_over_tls():
    (pod,) = [each for each in bundles.pods(brought("kubeflow-pipelines")) if each.owner.endswith("/ml-pipeline")]
    said = {each["name"]: each.get("value") for each in pod.containers[0]["env"]}
    assert (said["OBJECTSTORECONFIG_SECURE"], said["OBJECTSTORECONFIG_PORT"]) == ("true", "443")


@charts.needs_reference
def test_the_registry_answers_its_page_and_pods_of_profiles_alone():
    """The page's route alone is at the gateway: the registry itself asks nobody who they are."""
    routes = {each["metadata"]["name"] for each in brought("model-registry") if each["kind"] == "VirtualService"}
    assert routes == {"model-registry-ui"}
    policy = one(brought("model-registry"), "AuthorizationPolicy", "model-registry-service")
    (rule,) = policy["spec"]["rules"]
    (source,) = [each["source"] for each in rule["from"]]
    assert source == {"principals": ["cluster.local/ns/kubeflow/sa/model-registry-ui", "*/sa/default-editor"]}


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_somebody_brings_the_crds_of_its_custom_resources(addon):
    there = {crd for name in (addon.name, *needed(addon)) for crd in CATALOGUE[name].owns_crds}
    for manifest in brought(addon.name):
        crd = objects.crd_of(manifest)
        assert crd is None or crd in there, f"{bundles.named(manifest)}: nobody it needs owns {crd}"


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_a_kind_that_a_webhook_sees_is_declared(addon):
    kinds = {manifest["kind"] for manifest in brought(addon.name)}
    kinds = (kinds | ({"Pod"} if kinds & bundles.POD_MAKERS else set())) - objects.kinds_of(addon.owns_crds)
    others = [hook for name, each in CATALOGUE.items() if name != addon.name for hook in each.webhooks]
    seen = {kind for kind in kinds if any(hook.blocks(frozenset({kind}), addon.namespace) for hook in others)}
    assert seen <= addon.makes


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_the_control_plane_writes_the_rules_of_a_role_that_collects_others(addon):
    """Server-side apply refuses whoever names them too, an empty list as well. Source: kubernetes/website#56495."""
    roles = [manifest for manifest in brought(addon.name) if "aggregationRule" in manifest]
    assert [role["metadata"]["name"] for role in roles if "rules" in role] == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_every_container_says_what_it_asks_for(addon):
    assert bundles.without_requests(brought(addon.name)) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(KUSTOMIZED))
def test_the_namespace_admits_its_pods(addon):
    for manifest in brought(addon.name):
        space = manifest["metadata"].get("namespace", addon.namespace)
        assert bundles.insecure([manifest], standard(space)) == []


def standard(space: str) -> PodSecurity:
    """The strictest that the namespace may have, whatever else is installed."""
    found = [addon.standard(()) for addon in CATALOGUE.values() if addon.create_namespace and addon.namespace == space]
    return found[0] if found else "privileged"


def test_no_manifest_has_pods_that_nobody_looked_at():
    """A file of the makers is made as it is; a kustomization without patches is held against what is in it."""
    manifests = {name for name, addon in CATALOGUE.items() if isinstance(addon.source, Manifest)}
    assert {name for name in manifests if CATALOGUE[name].images} <= FROM_CHARTS


@charts.needs_reference
@needs_kubectl
def test_nothing_is_made_twice():
    """Two add-ons that go together, with one object between them, would take it from each other for ever."""
    owners: dict[tuple[Any, ...], list[str]] = {}
    for addon in KUSTOMIZED:
        for manifest in brought(addon.name):
            metadata = manifest["metadata"]
            group = manifest["apiVersion"].rpartition("/")[0]
            owners.setdefault((group, manifest["kind"], metadata.get("namespace"), metadata["name"]), []).append(
                addon.name
            )
    for what, names in owners.items():
        if len(names) > 1:
            assert selections.clashes(selections.closure(names, CATALOGUE), CATALOGUE), f"{what}: {names}"


# Each check, by a mistake that it finds.


KATIB = (
    "https://github.com/kubeflow/community-distribution//applications/katib/upstream/installs/katib-with-kubeflow"
    f"?ref={kustomizations.RELEASES['26.03.1']}"
)
"""Upstream's own, with its MySQL, its password, and pods that ask for nothing."""
REPLICAS = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "katib-ui", "namespace": "kubeflow"},
    "spec": {"replicas": 2},
}


def directory(place, *patches: dict[str, Any], **more: Any):
    """A directory with upstream's Katib and these patches."""
    shutil.rmtree(place / "katib", ignore_errors=True)
    (place / "katib").mkdir()
    entries = []
    for index, patch in enumerate(patches):
        (place / "katib" / f"{index}.yaml").write_text(yaml.safe_dump(patch["patch"]))
        entries.append({"path": f"{index}.yaml", **({"target": patch["target"]} if "target" in patch else {})})
    document = {"resources": [KATIB], "patches": entries, **more}
    (place / "katib" / "kustomization.yaml").write_text(yaml.safe_dump(document))
    return place / "katib"


def in_katib_ui(**container: Any) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "katib-ui", **container}]}}}
    return {"patch": {**REPLICAS, "spec": spec}, "target": {"kind": "Deployment", "name": "katib-ui"}}


DELETE = {"$patch": "delete", "apiVersion": "v1", "kind": "Any", "metadata": {"name": "any"}}
IDLE: list[tuple[str, dict[str, Any], str]] = [
    ("absent", {"patch": DELETE, "target": {"kind": "Secret", "name": "katib-mysql"}}, "katib-mysql-secrets"),
    ("kind", {"patch": DELETE, "target": {"kind": "StatefulSet"}}, "none of that kind"),
    ("named", {"patch": {**REPLICAS, "metadata": {"name": "katib-ui"}}}, "'namespace': 'default'"),
    ("same", {"patch": {**REPLICAS, "spec": {"replicas": 1}}}, "spec.replicas is 1 already"),
    ("nothing", {"patch": {key: REPLICAS[key] for key in ("apiVersion", "kind", "metadata")}}, "says nothing"),
    ("container", in_katib_ui() | {"patch": {**REPLICAS, "spec": {"template": {"spec": {"containers": [
        {"name": "ui", "tty": True}]}}}}}, "containers[ui]: no such container; there are: katib-ui"),
    ("variable", in_katib_ui(env=[{"name": "GONE", "$patch": "delete"}]), "env[GONE] is not there to be removed"),
    ("null", in_katib_ui(tty=None), "tty is not there to be removed"),
    ("json", {"patch": [{"op": "remove", "path": "/spec/paused"}], "target": {"kind": "Deployment"}},
     "remove /spec/paused: paused is not there"),
    ("json-same", {"patch": [{"op": "replace", "path": "/spec/replicas", "value": 1}],
                   "target": {"kind": "Deployment", "name": "katib-ui"}}, "/spec/replicas is 1 already"),
]  # fmt: skip


@charts.needs_reference
@pytest.mark.parametrize(("patch", "message"), [pytest.param(*rest, id=name) for name, *rest in IDLE])
def test_a_patch_that_finds_nothing_is_named(patch, message, tmp_path):
    (found,) = kustomizations.idle(kustomizations.recipe(directory(tmp_path, patch)))
    assert found.startswith("katib/0.yaml: ")
    assert message in found


@charts.needs_reference
def test_a_patch_that_finds_something_is_not(tmp_path):
    good: list[dict[str, Any]] = [
        {"patch": REPLICAS},
        {"patch": DELETE, "target": {"kind": "Secret", "name": "katib-mysql-secrets"}},
        in_katib_ui(tty=True, env=[{"name": "KATIB_CORE_NAMESPACE", "$patch": "delete"}]),
        {"patch": [{"op": "add", "path": "/spec/paused", "value": True}], "target": {"kind": "Deployment"}},
    ]
    assert kustomizations.idle(kustomizations.recipe(directory(tmp_path, *good))) == []


@charts.needs_reference
@needs_kubectl
def test_a_patch_that_changes_nothing_builds_the_same(tmp_path):
    same = directory(tmp_path, {"patch": {**REPLICAS, "spec": {"replicas": 1}}}, {"patch": REPLICAS})
    assert kustomizations.without(same, 0)[0] == kustomizations.without(same, 0)[1]
    assert kustomizations.without(same, 1)[0] != kustomizations.without(same, 1)[1]


@charts.needs_reference
@pytest.mark.parametrize(
    ("url", "message"),
    [
        (KATIB.replace("katib-with-kubeflow", "katib-nowhere"), "the reference has no rendering of it"),
        (KATIB[:-1], "full commit"),
        (KATIB[:-1] + "0", "the reference is of 26.03.1"),
        (KATIB.partition("?")[0] + "?ref=26.03.1", "full commit"),
        (KATIB.replace("distribution//", "distribution/"), "full commit"),
    ],
)
def test_another_commit_or_an_unknown_directory_is_refused(url, message):
    with pytest.raises(KustomizationError, match=message):
        kustomizations.source(url)


def test_a_feature_that_is_not_looked_at_is_refused(tmp_path):
    with pytest.raises(KustomizationError, match="images in kustomization"):
        kustomizations.recipe(directory(tmp_path, images=[{"name": "x", "newTag": "y"}]))


@charts.needs_reference
def test_a_generated_name_is_known_without_its_hash():
    """Kustomize adds the hash after the patches: they know the name without it."""
    url = KATIB.replace("katib/upstream/installs/katib-with-kubeflow", "notebooks-v1/overlays/istio")
    names = {manifest["metadata"]["name"] for manifest in kustomizations.upstream(url)}
    assert "jupyter-web-app-config" in names
    deployed = [pod.spec for pod in bundles.pods(kustomizations.upstream(url)) if "jupyter" in pod.owner]
    assert "jupyter-web-app-config" in {
        each["configMap"]["name"] for each in deployed[0]["volumes"] if "configMap" in each
    }


@pytest.fixture(name="katib")
def _katib():
    if not charts.REFERENCE.is_dir():
        pytest.skip("../shared/reference, which holds the real charts' facts, is missing")
    return copy.deepcopy([dict(manifest) for manifest in kustomizations.upstream(KATIB)])


def one(manifests, kind: str, name: str):
    (found,) = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_upstream_s_passwords_are_found(katib):
    found = bundles.secrets_written_down(katib)
    assert "Secret/katib-mysql-secrets holds MYSQL_ROOT_PASSWORD" in found
    one(katib, "Secret", "katib-mysql-secrets").pop("data")
    kept = [fault for fault in bundles.secrets_written_down(katib) if "katib-mysql-secrets" in fault]
    assert kept == []


@pytest.mark.parametrize(
    "text", ["minio123", "12341234", "$2y$12$4K/VkmDd1q1Orb3xAt82zu8gk7Ad6ReFR4LCP9UeYE90NLiN9Df72"]
)
def test_a_default_password_is_found_in_any_text(katib, text):
    config = one(katib, "ConfigMap", "katib-config")
    config["data"]["more"] = f"password: {text}"
    assert [fault for fault in bundles.secrets_written_down(katib) if "ConfigMap/katib-config" in fault]


def test_a_variable_with_a_credential_is_found(katib):
    box = one(katib, "Deployment", "katib-ui")["spec"]["template"]["spec"]["containers"][0]
    box["env"] = [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}, {"name": "DB_PASSWORD", "valueFrom": {}}]
    found = [fault for fault in bundles.secrets_written_down(katib) if "katib-ui" in fault]
    assert found == ["Deployment/katib-ui: katib-ui is told AWS_SECRET_ACCESS_KEY"]


def test_an_image_in_a_configuration_is_found(katib):
    assert "ghcr.io/kubeflow/katib/suggestion-hyperopt:v0.19.0" in bundles.images_in_texts(katib)
    assert "ghcr.io/kubeflow/katib/katib-ui:v0.19.0" in bundles.images(katib)


@pytest.mark.parametrize("image", ["ghcr.io/kubeflow/katib/katib-ui", "ghcr.io/kubeflow/katib/katib-ui:latest"])
def test_an_image_that_moves_is_found(katib, image):
    before = set(bundles.moving_images(katib))
    one(katib, "Deployment", "katib-ui")["spec"]["template"]["spec"]["containers"][0]["image"] = image
    assert set(bundles.moving_images(katib)) - before == {f"{image} (a pod)"}


def test_a_secret_that_nobody_makes_is_found(katib):
    whole = bundles.offers(katib)
    assert bundles.unmet(bundles.references(katib), whole) == []
    gone = {key: value for key, value in whole.items() if key != ("Secret", "kubeflow", "katib-mysql-secrets")}
    assert "Deployment/katib-db-manager needs Secret kubeflow/katib-mysql-secrets, which nobody makes" in bundles.unmet(
        bundles.references(katib), gone
    )
    other = {**whole, ("Secret", "kubeflow", "katib-mysql-secrets"): {"password"}}
    assert any("to have the key MYSQL_ROOT_PASSWORD; it has ['password']" in fault for fault in bundles.unmet(
        bundles.references(katib), other
    ))  # fmt: skip


def test_a_file_that_no_configuration_has_is_found(katib):
    config = one(katib, "ConfigMap", "katib-config")
    config["data"] = {"katib-config.yml": config["data"]["katib-config.yaml"]}
    found = bundles.unmet(bundles.references(katib), bundles.offers(katib))
    assert [message for message in found if "katib-config.yaml" in message]


def test_a_value_beside_a_source_is_found(katib):
    assert bundles.contradictions(katib) == []
    box = one(katib, "Deployment", "katib-db-manager")["spec"]["template"]["spec"]["containers"][0]
    box["env"][-1]["value"] = "x"
    box["volumeMounts"] = [{"name": "gone", "mountPath": "/gone"}]
    assert len(bundles.contradictions(katib)) == 2


def test_the_makers_webhooks_are_read(katib):
    found = {(tuple(sorted(hook.intercepts)), hook.failure_policy, hook.opt_in) for hook in bundles.hooks(katib)}
    assert found == {(("Experiment",), "Fail", False), (("Pod",), "Fail", True)}


def test_a_webhook_that_looks_away_is_read():
    namespaces = {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a", "b"]}]
    }
    hook = bundles.Hook(intercepts=frozenset({"Pod"}), failure_policy="Fail", namespaces=namespaces, objects={})
    assert hook.looks_away_from == {"a", "b"}
    assert not hook.opt_in
    assert dataclasses.replace(hook, objects={"matchLabels": {"a": "b"}}).opt_in


def test_a_container_without_requests_is_found(katib):
    assert "Deployment/katib-ui: katib-ui asks for no cpu" in bundles.without_requests(katib)


def test_what_a_namespace_would_refuse_is_found(katib):
    (ui,) = [each for each in katib if bundles.named(each) == "Deployment/katib-ui"]
    assert bundles.insecure([ui], "baseline") == []
    spec = ui["spec"]["template"]["spec"]
    spec |= {"hostNetwork": True, "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    assert len(bundles.insecure([ui], "baseline")) == 2
    assert bundles.insecure([ui], "privileged") == []
    spec["containers"][0]["securityContext"] = {}
    assert "Deployment/katib-ui: katib-ui: may run as root" in bundles.insecure([ui], "restricted")


def test_an_object_in_no_namespace_is_found(katib):
    version = eks.ACCEPTED_VERSIONS[0]
    assert bundles.in_no_namespace(katib, version) == []
    del one(katib, "Deployment", "katib-ui")["metadata"]["namespace"]
    del one(katib, "Issuer", "katib-selfsigned-issuer")["metadata"]["namespace"]
    one(katib, "ClusterRole", "katib-ui")["metadata"]["namespace"] = "kubeflow"
    assert len(bundles.in_no_namespace(katib, version)) == 3
