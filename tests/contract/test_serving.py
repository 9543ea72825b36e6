"""KServe: what the charts' facts say of its parts that come without their chart, and what agrees between add-ons."""

import dataclasses
import json

import pytest

from addons import kserve, registry
from addons.spec import Chart, Manifest
from addons.values import objects_of, values_of
from infra.catalog import names
from tests.contract import charts
from tests.contract.test_docs_manifests import ROOT, blocks, manifests

CATALOGUE = registry.discover()
PAGE = ROOT / "docs" / "how-to" / "llm-serving.md"


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def built(name, handle=None, raw=None, *, known):
    addon = CATALOGUE[name]
    return known(objects_of(addon, addon.settings.model_validate(raw or {}), handle or charts.fake_handle()))


def values(name, known, handle=None, raw=None):
    addon = CATALOGUE[name]
    return known(values_of(addon, addon.settings.model_validate(raw or {}), handle or charts.fake_handle(), {}))


@charts.needs_reference
def test_the_presets_for_language_models_pull_what_is_declared():
    """The file is the one that KServe's chart takes in as it is."""
    held = charts._facts()["charts"]["kserve-runtime-configs-enabled"]["images_in_args_env_configs"]
    pulled = {
        image for image, owners in held.items() if any(each.startswith("LLMInferenceServiceConfig/") for each in owners)
    }
    addon = CATALOGUE["kserve-llmisvc-configs"]
    assert {str(image.upstream) for image in addon.images} == pulled
    assert isinstance(addon.source, Manifest)


@charts.needs_reference
def test_a_server_of_vllm_has_its_weights_its_gpus_and_its_account(known):
    raw = {"models": [{"name": "large", "path": "llama/70b", "gpus": 8, "memoryGib": 512, "args": ["--enforce-eager"]}]}
    found = values("vllm", known, charts.everything(), raw)["servingEngineSpec"]
    (model,) = found["modelSpec"]
    assert model["initContainer"]["args"] == ["s3://acme-models/llama/70b", model["modelURL"]]
    mounts = [*model["initContainer"]["extraVolumeMounts"], *model["extraVolumeMounts"]]
    assert {each["name"] for each in mounts} == {each["name"] for each in model["extraVolumes"]}
    assert {each["mountPath"] for each in mounts} == {model["modelURL"]}
    assert model["resources"]["limits"][names.GPU_RESOURCE] == "8" == str(model["vllmConfig"]["tensorParallelSize"])
    assert model["vllmConfig"]["extraArgs"] == ["--served-model-name", "large", "--enforce-eager"]
    # Weights of hundreds of gigabytes are not in the GPUs after the chart's ten minutes.
    probe = charts.chart_values("vllm-stack")["servingEngineSpec"]["startupProbe"] | found["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1800
    assert {each["key"] for each in found["tolerations"]} == {names.GPU_TAINT}
    (identity,) = CATALOGUE["vllm-models"].identities
    assert model["serviceAccountName"] == identity.service_account
    assert CATALOGUE["vllm"].namespace == CATALOGUE["vllm-models"].namespace


def test_the_cache_s_jobs_go_to_the_nodes_of_the_cache(known):
    """KServe's DefaultTolerationSeconds are not enough: a job that tolerates nothing waits for ever."""
    key, value = kserve.LOCAL_MODEL_LABEL
    cached = dataclasses.replace(charts.pool("cached"), labels={key: value})
    other = charts.pool("other", taints=(charts.DEDICATED,))
    handle = charts.fake_handle(node_pools=(charts.SYSTEM, cached, other))
    found = {each["kind"]: each for each in built("kserve-localmodel-nodes", handle, known=known)}
    (rule,) = found["ClusterPolicy"]["spec"]["rules"]
    (operation,) = json.loads(rule["mutate"]["patchesJson6902"])
    assert operation["value"]["key"] == names.GPU_TAINT
    space = found["Namespace"]["metadata"]
    assert rule["match"]["any"][0]["resources"]["namespaces"] == [space["name"]]
    # Kyverno's webhooks see no namespace that carries the label of the platform's.
    seen = values("kyverno", known)["config"]["webhooks"]["namespaceSelector"]["matchExpressions"]
    assert space["labels"].keys().isdisjoint(each["key"] for each in seen if each["operator"] == "DoesNotExist")
    assert found["DaemonSet"]["spec"]["template"]["spec"]["nodeSelector"] == {key: value}
    (identity,) = CATALOGUE["kserve-localmodel-nodes"].identities
    assert identity.namespace == space["name"]
    # Without taints on its nodes there is nothing to tolerate.
    plain = charts.fake_handle(node_pools=(charts.SYSTEM,))
    assert "ClusterPolicy" not in {each["kind"] for each in built("kserve-localmodel-nodes", plain, known=known)}


@charts.needs_reference
def test_the_cache_is_where_kserve_s_chart_has_it(known):
    facts = charts.chart_facts("kserve-localmodel-resources")
    (agent,) = [each for each in facts["workloads"] if each["kind"] == "DaemonSet"]
    (group,) = [each for each in built("kserve-localmodel-nodes", known=known) if each["kind"] == "LocalModelNodeGroup"]
    assert agent["host_paths"] == [group["spec"]["persistentVolumeSpec"]["local"]["path"]]
    key, value = kserve.LOCAL_MODEL_LABEL
    assert agent["node_selector"] == {key: value}


@pytest.mark.parametrize("there", [True, False])
def test_kserve_looks_for_cached_models_where_there_is_a_cache(there, known):
    addons = frozenset({"kserve-localmodel-resources"} if there else ())
    found = values("kserve-resources", known, charts.fake_handle(addons=addons))
    assert found["kserve"]["localmodel"]["enabled"] is there


def test_vllm_s_images_come_from_the_mirror_where_there_is_one(known):
    registry_ = dataclasses.replace(charts.registry(), mirrors={"docker.io": "docker-hub"})
    handle = dataclasses.replace(charts.everything(), registry=registry_)
    raw = {"models": [{"name": "qwen", "path": "qwen"}]}
    (model,) = values("vllm", known, handle, raw)["servingEngineSpec"]["modelSpec"]
    home = known(registry_.host)
    assert (model["repository"], model["tag"]) == (f"{home}/docker-hub/vllm/vllm-openai", "v0.24.0")
    assert model["initContainer"]["image"] == f"{home}/docker-hub/kserve/storage-initializer:{kserve.VERSION}"


@charts.needs_reference
def test_all_of_kserve_is_of_one_release():
    facts = charts._facts()["charts"]
    assert {facts[name]["version"] for name in facts if name.startswith("kserve-")} == {kserve.VERSION}
    ours = {
        addon.source.version
        for name, addon in CATALOGUE.items()
        if name.startswith("kserve-") and isinstance(addon.source, Chart)
    }
    assert ours == {kserve.VERSION}


def test_routes_attach_to_the_gateway_that_is_there(known):
    (gateway,) = [each for each in built("kserve-gateway", known=known) if each["kind"] == "Gateway"]
    place = f"{gateway['metadata']['namespace']}/{gateway['metadata']['name']}"
    settings = values("kserve-resources", known)["kserve"]["controller"]["gateway"]
    assert settings["ingressGateway"] == {"enableGatewayApi": True, "kserveGateway": place}
    # The chart's own is of another class, and gets a load balancer.
    assert "createGateway" not in settings["ingressGateway"]
    assert gateway["metadata"]["annotations"] == {"networking.istio.io/service-type": "ClusterIP"}


def test_no_model_server_sees_who_somebody_is_to_the_load_balancer(known):
    """ELB user guide, "User claims encoding and signature verification": these headers; the cookie is the session."""
    gateway, change = (
        next(each for each in built("kserve-gateway", known=known) if each["kind"] == kind)
        for kind in ("Gateway", "EnvoyFilter")
    )
    (patch,) = change["spec"]["configPatches"]
    removed = set(patch["patch"]["value"]["request_headers_to_remove"])
    assert removed >= {"x-amzn-oidc-accesstoken", "x-amzn-oidc-data", "x-amzn-oidc-identity", "cookie"}
    assert change["metadata"]["namespace"] == gateway["metadata"]["namespace"]
    labels = change["spec"]["workloadSelector"]["labels"]
    assert labels == {"gateway.networking.k8s.io/gateway-name": gateway["metadata"]["name"]}


def test_the_gateway_s_customization_is_of_parts_that_istio_knows(known):
    """Istio, "Gateway API, automated deployment": these keys, each a strategic merge patch."""
    (parts,) = [each for each in built("kserve-gateway", known=known) if each["kind"] == "ConfigMap"]
    assert set(parts["data"]) <= {
        "deployment",
        "horizontalPodAutoscaler",
        "podDisruptionBudget",
        "service",
        "serviceAccount",
    }
    for text in parts["data"].values():
        assert set(json.loads(text)) == {"spec"}


@pytest.mark.parametrize(("raw", "mode"), [({}, "Standard"), ({"mode": "knative"}, "Knative")])
def test_the_mode_is_spelt_as_kserve_reads_it(raw, mode, known):
    """NewDeployConfig of kserve v0.20.0 takes Standard, Knative and ModelMesh, and stops at anything else."""
    assert values("kserve-resources", known, raw=raw)["kserve"]["controller"]["deploymentMode"] == mode


def test_services_are_hosts_below_the_edge_s_domain_where_there_is_one(known):
    def domain(handle, raw=None):
        return values("kserve-resources", known, handle, raw)["kserve"]["controller"]["gateway"]["domain"]

    assert domain(charts.fake_handle()) == "models.internal"
    assert domain(charts.everything()) == "models.ml.example.com"
    assert domain(charts.everything(), {"domain": "serving.example.com"}) == "serving.example.com"


def test_a_server_with_a_gpu_goes_where_gpus_are_and_nowhere_else(known):
    dedicated = charts.pool("dedicated", taints=(*charts.pool().taints, charts.DEDICATED))
    handle = charts.fake_handle(node_pools=(charts.SYSTEM, charts.pool(), dedicated))
    for runtime in built("kserve-gpu-runtimes", handle, {"gpus": 2}, known=known):
        spec = runtime["spec"]
        assert {each["key"] for each in spec["tolerations"]} == {names.GPU_TAINT}
        (container,) = spec["containers"]
        assert container["resources"]["limits"][names.GPU_RESOURCE] == "2"
        assert container["resources"]["requests"][names.GPU_RESOURCE] == "2"
        # A GPU costs: nobody gets one by leaving the runtime out.
        assert not any(each["autoSelect"] for each in spec["supportedModelFormats"])


def test_no_image_moves(known):
    """`latest` would be another server tomorrow."""
    found = values("kserve-runtime-configs", known)["kserve"]["servingruntime"]
    assert found["vllmserver"]["tag"].startswith("v")
    for runtime in built("kserve-gpu-runtimes", known=known):
        for container in runtime["spec"]["containers"]:
            assert not container["image"].endswith(":latest")


def test_runtimes_that_are_not_named_are_off(known):
    found = values("kserve-runtime-configs", known, raw={"runtimes": ["triton", "sklearn"]})["kserve"]["servingruntime"]
    on = {key for key, each in found.items() if isinstance(each, dict) and not each["disabled"]}
    assert on == {"sklearnserver", "tritonserver"}


def test_the_account_of_model_servers_reads_models_and_nothing_else(known):
    addon, handle = CATALOGUE["kserve-models"], charts.everything()
    settings = addon.settings.model_validate({"namespaces": ["team-a", "models", "team-a"]})
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in known(objects_of(addon, settings, handle))
    }
    identities = (*addon.identities, *addon.identities_of(handle, settings))
    assert accounts == {(each.namespace or addon.namespace, each.service_account) for each in identities}
    assert accounts == {("models", "models"), ("team-a", "models")}
    for identity in identities:
        assert identity.policy
        statements = known(identity.policy(handle, settings))["Statement"]
        allowed = {(action, statement["Resource"]) for statement in statements for action in statement["Action"]}
        bucket = "arn:aws:s3:::acme-models"
        assert {each for each in allowed if each[0].startswith("s3:")} == {
            ("s3:ListBucket", bucket),
            ("s3:GetObject", f"{bucket}/*"),
        }
        (through,) = [each["Condition"] for each in statements if each["Action"] == ["kms:Decrypt"]]
        assert through == {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}


def test_both_images_of_hugging_face_s_server_move_with_the_path_that_they_share(known):
    registry_ = dataclasses.replace(charts.registry(), mirrors={"docker.io": "docker-hub"})
    handle = dataclasses.replace(charts.everything(), registry=registry_)
    found = values("kserve-runtime-configs", known, handle)["kserve"]["servingruntime"]["huggingfaceserver"]
    assert found["image"] == f"{known(registry_.host)}/docker-hub/kserve/huggingfaceserver"


def test_the_scheduler_of_a_model_in_s3_has_the_account_that_may_read_it():
    """Its pod copies the tokenizer, as an account of its own unless it is told another, which no role knows.

    Source: kserve v0.20.0, pkg/controller/v1alpha2/llmisvc/scheduler.go: attachModelArtifacts, and
    expectedSchedulerServiceAccount. Without a container the template would take those of the preset away.
    """
    shown = [each["spec"] for _, body in blocks(PAGE.read_text()) for each in manifests(body)]
    in_s3 = [each for each in shown if each.get("model", {}).get("uri", "").startswith("s3://")]
    assert in_s3
    for each in in_s3:
        pod = each["router"]["scheduler"]["template"]
        assert pod["serviceAccountName"] == each["template"]["serviceAccountName"]
        assert [container["name"] for container in pod["containers"]] == ["main"]
