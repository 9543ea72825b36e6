"""Kubeflow's ground, dashboard, profiles and notebooks: what they make of a cluster and of their settings."""

import json
import re
from dataclasses import replace
from typing import Any

import pulumi
import pytest
import yaml
from pydantic import ValidationError

from addons import profiles, registry, spawner
from addons.kubeflow import EDITOR
from addons.spec import AddOn
from addons.values import objects_of
from infra.catalog import names
from infra.handle import GpuSharing, Registry, Storage
from infra.problems import SettingsError
from stacks.settings import parse
from tests.contract import charts, kustomizations
from tests.program.iam_evaluation import allows
from tests.unit.settings_stack import TODAY, patched

CATALOGUE = registry.discover()
OWNER = "ann@example.com"
DASHBOARD = "dashboard-config"
MIG = GpuSharing(mode="mig", config="mig", mig_profile="1g.10gb", resources={"nvidia.com/mig-1g.10gb": 56})
SLICES = GpuSharing(mode="time-slicing", config="slices", replicas=4, resources={names.GPU_RESOURCE: 32})
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def addon(name: str) -> AddOn[Any]:
    return CATALOGUE[name]


def objects(known: Any, name: str, raw: Any = None, **handle: Any) -> dict[tuple[str, str], Any]:
    """What an add-on of objects makes, by kind and name."""
    one = addon(name)
    made = objects_of(one, one.settings.model_validate(raw or {}), charts.fake_handle(**{"tenants": (), **handle}))
    return {(each["kind"], each["metadata"]["name"]): known(each) for each in made}


def form(known: Any, raw: Any = None, **handle: Any) -> dict[str, Any]:
    """The notebooks' form."""
    made = objects(known, "kubeflow-notebooks-settings", raw, **handle)
    text = made["ConfigMap", "notebooks-spawner"]["data"]["spawner_ui_config.yaml"]
    found: dict[str, Any] = yaml.safe_load(text)["spawnerFormDefaults"]
    return found


def upstream(name: str, config: str) -> dict[str, str]:
    """The data of one of the makers' ConfigMaps."""
    recipe = kustomizations.recipe(kustomizations.FOLDER / name)
    (found,) = (
        each
        for url in recipe.resources
        for each in kustomizations.upstream(url)
        if (each["kind"], each["metadata"]["name"]) == ("ConfigMap", config)
    )
    return dict(found["data"])


# Names that have to agree with the makers'.


@charts.needs_reference
@pytest.mark.parametrize(
    ("name", "theirs", "ours", "more"),
    [
        ("kubeflow-dashboard", "dashboard-parameters", "dashboard-parameters", {"LOGOUT_URL"}),
        ("kubeflow-dashboard", DASHBOARD, DASHBOARD, set()),
        ("kubeflow-dashboard", "profiles-config", "profiles-config", set()),
        ("kubeflow-dashboard", "profiles-namespace-labels-data", "profiles-namespace-labels-data", set()),
        ("kubeflow-notebooks", "notebook-controller-config", "notebooks-controller", set()),
        ("kubeflow-notebooks", "tensorboard-controller-config", "tensorboard-controller-config", set()),
        ("kubeflow-notebooks", "jupyter-web-app-config", "notebooks-spawner", set()),
    ],
)
def test_a_config_map_in_the_makers_place_has_their_keys(known, name, theirs, ours, more):
    made = objects(known, f"{name}-settings")
    assert made["ConfigMap", ours]["data"].keys() == upstream(name, theirs).keys() | more


@charts.needs_reference
def test_what_does_not_depend_on_the_stack_is_as_the_makers_have_it(known):
    made = objects(known, "kubeflow-dashboard-settings")
    labels = "profiles-namespace-labels-data"
    theirs = yaml.safe_load(upstream("kubeflow-dashboard", labels)["namespace-labels.yaml"])
    assert yaml.safe_load(made["ConfigMap", labels]["data"]["namespace-labels.yaml"]) == theirs
    assert made["ConfigMap", "profiles-config"]["data"] == upstream("kubeflow-dashboard", "profiles-config")


@charts.needs_reference
def test_the_form_has_the_parts_that_the_web_app_reads(known):
    text = upstream("kubeflow-notebooks", "jupyter-web-app-config")["spawner_ui_config.yaml"]
    theirs = yaml.safe_load(text)["spawnerFormDefaults"]
    ours = form(known)
    assert ours.keys() == theirs.keys()
    assert ours["gpus"]["value"].keys() == theirs["gpus"]["value"].keys()
    assert ours["workspaceVolume"]["value"].keys() == theirs["workspaceVolume"]["value"].keys()
    for part, value in ours.items():
        assert not isinstance(value, dict) or value.keys() <= {"readOnly", "options", *theirs[part]}, part


@charts.needs_reference
def test_the_menu_leads_where_the_makers_does(known):
    """The paths of pages, of all add-ons; the text is ours."""

    def paths(links: Any) -> set[str]:
        items = [item for each in links["menuLinks"] for item in each.get("items", [each])]
        return {item["link"].rstrip("/") for item in items}

    theirs = json.loads(upstream("kubeflow-dashboard", DASHBOARD)["links"])
    made = objects(known, "kubeflow-dashboard-settings", addons=frozenset(CATALOGUE))
    assert paths(json.loads(made["ConfigMap", DASHBOARD]["data"]["links"])) == paths(theirs)


# The dashboard.


def test_the_menu_shows_nothing_that_is_not_there(known):
    made = objects(known, "kubeflow-dashboard-settings", addons=frozenset({"kubeflow-notebooks"}), edge=charts.edge())
    links = json.loads(made["ConfigMap", DASHBOARD]["data"]["links"])
    assert [each["text"] for each in links["menuLinks"]] == ["Notebooks", "TensorBoards", "Volumes"]
    assert links["externalLinks"] == []


def test_the_menu_links_other_entries_that_somebody_answers(known):
    edge = replace(charts.edge(), target_groups={"grafana": charts.out("arn"), "kubeflow": charts.out("arn")})
    raw = {"links": [{"text": "Wiki", "link": "https://wiki.example.com/"}]}
    made = objects(known, "kubeflow-dashboard-settings", raw, edge=edge)
    links = json.loads(made["ConfigMap", DASHBOARD]["data"]["links"])["externalLinks"]
    assert [each["link"] for each in links] == ["https://grafana.ml.example.com/", "https://wiki.example.com/"]


@pytest.mark.parametrize(("registration", "refused"), [(False, True), (True, False)])
def test_people_make_profiles_only_where_they_may(known, registration, refused):
    """The dashboard's API takes such a request whatever REGISTRATION_FLOW says."""
    made = objects(known, "kubeflow-dashboard-settings", {"registration": registration})
    assert made["ConfigMap", "dashboard-parameters"]["data"]["REGISTRATION_FLOW"] == str(registration).lower()
    policy = made.get(("AuthorizationPolicy", "dashboard-no-registration"))
    assert (policy is not None) is refused
    if policy:
        (rule,) = policy["spec"]["rules"]
        (to,) = rule["to"]
        assert policy["spec"]["action"] == "DENY"
        assert to["operation"]["notMethods"] == ["GET", "HEAD"]
        assert not any("create" in path for path in to["operation"]["notPaths"])


@charts.needs_reference
def test_the_refusal_is_for_the_dashboards_pods(known):
    recipe = kustomizations.recipe(kustomizations.FOLDER / "kubeflow-dashboard")
    pods = [
        each["spec"]["template"]["metadata"]["labels"]
        for url in recipe.resources
        for each in kustomizations.upstream(url)
        if each["kind"] == "Deployment"
    ]
    policy = objects(known, "kubeflow-dashboard-settings")["AuthorizationPolicy", "dashboard-no-registration"]
    wanted = policy["spec"]["selector"]["matchLabels"].items()
    assert [labels["app.kubernetes.io/name"] for labels in pods if wanted <= labels.items()] == ["centraldashboard"]


def test_who_leaves_is_logged_out_of_both_sessions(known):
    made = objects(known, "kubeflow-dashboard-settings", edge=charts.edge())
    assert made["ConfigMap", "dashboard-parameters"]["data"]["LOGOUT_URL"] == "/logout"
    (route,) = made["VirtualService", "logout"]["spec"]["http"]
    assert route["match"] == [{"uri": {"exact": "/logout"}}]
    assert route["redirect"]["authority"] == "acme.auth.us-west-2.amazoncognito.com"
    # Cognito sends people only to addresses that its client has: `https://<host>/`.
    back = "https%3A%2F%2Fkubeflow.ml.example.com%2F"
    assert route["redirect"]["uri"] == f"/logout?client_id=client&logout_uri={back}"
    cookies = [route["headers"]["response"][how]["set-cookie"] for how in ("set", "add")]
    assert [cookie.partition("=")[0] for cookie in cookies] == ["session-0", "session-1"]
    assert all("Max-Age=0" in cookie and "Path=/" in cookie for cookie in cookies)


def test_without_the_load_balancers_login_oauth2_proxy_ends_the_session(known):
    edge = replace(charts.edge(), login=None)
    made = objects(known, "kubeflow-dashboard-settings", edge=edge)
    assert made["ConfigMap", "dashboard-parameters"]["data"]["LOGOUT_URL"] == "/oauth2/sign_out"
    assert ("VirtualService", "logout") not in made


# Profiles.


def profile(known: Any, name: str = "vision", raw: Any = None, **handle: Any) -> dict[tuple[str, str], Any]:
    settings = {"profiles": {name: {"owner": OWNER, **(raw or {})}}}
    return objects(known, "kubeflow-profiles", settings, **handle)


def test_the_controller_finds_the_namespace_as_it_would_make_it(known):
    """It takes a namespace whose annotation names the owner, and adds labels that are missing."""
    made = profile(known)
    space = made["Namespace", "vision"]["metadata"]
    assert space["annotations"] == {"owner": OWNER}
    assert made["Profile", "vision"]["spec"]["owner"] == {"kind": "User", "name": OWNER}
    labels = space["labels"]
    assert labels["istio-injection"] == "enabled"
    assert profiles.namespace_labels().items() <= labels.items()
    assert names.PLATFORM_LABEL not in labels
    assert names.SECRETS_LABEL not in labels


def test_contributors_get_what_the_dashboard_would_give_them(known):
    made = profile(known, raw={"contributors": ["Bob.X+y@example.com"]})
    name = "user-bob-x-y-example-com-clusterrole-edit"
    assert made["RoleBinding", name]["metadata"]["annotations"] == {"user": "Bob.X+y@example.com", "role": "edit"}
    assert made["RoleBinding", name]["roleRef"]["name"] == "kubeflow-edit"
    (rule,) = made["AuthorizationPolicy", name]["spec"]["rules"]
    assert rule["when"] == [{"key": "request.headers[kubeflow-userid]", "values": ["Bob.X+y@example.com"]}]
    principals = rule["from"][0]["source"]["principals"]
    assert "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account" in principals


def test_viewers_open_no_notebook(known):
    """Code in a notebook has the profile's permissions."""
    made = profile(known, raw={"viewers": ["cid@example.com"]})
    assert made["RoleBinding", "user-cid-example-com-clusterrole-view"]["roleRef"]["name"] == "kubeflow-view"
    assert not any(kind == "AuthorizationPolicy" for kind, _ in made)


def quota_of(known: Any, **raw: Any) -> Any:
    return profile(known, raw=raw)["Profile", "vision"]["spec"]["resourceQuotaSpec"]["hard"]


def test_a_quota_is_the_profiles(known):
    assert quota_of(known, quota={"requests.nvidia.com/gpu": "4"})["requests.nvidia.com/gpu"] == "4"


def test_code_in_a_profile_makes_no_load_balancer(known):
    """An annotation would put it on the internet, past every login. Kubeflow's role lets editors make both kinds."""
    closed = {"services.loadbalancers": "0", "count/ingresses.networking.k8s.io": "0"}
    assert quota_of(known) == closed
    assert quota_of(known, quota={"services.loadbalancers": "1"}) == {**closed, "services.loadbalancers": "1"}


def test_claims_can_be_volumes_of_a_notebook(known):
    """The web app names a pod's volume like its claim, and such names hold no dot."""
    made = profile(known, storage=charts.storage())
    claims = [name for kind, name in made if kind == "PersistentVolumeClaim"]
    assert sorted(claims) == ["efs-home-team", "efs-one", "lustre-scratch"]
    assert all(DNS_LABEL.fullmatch(name) for name in claims)
    assert set(claims) == profiles.mounts(charts.storage()).keys()


def test_a_pod_asks_for_a_default_by_its_name(known):
    """The form knows a PodDefault by its label, and marks chosen ones by name."""
    made = profile(known, addons=frozenset({"kubeflow-pipelines", "mlflow"}))
    defaults = {name: each["spec"] for (kind, name), each in made.items() if kind == "PodDefault"}
    assert defaults.keys() == {"access-ml-pipeline", "aws", "mlflow", "shared-memory"}
    assert all(spec["selector"]["matchLabels"] == {name: "true"} for name, spec in defaults.items())
    chosen = form(known, addons=frozenset({"kubeflow-pipelines", "mlflow"}))["configurations"]["value"]
    assert set(chosen) <= defaults.keys()
    assert {name for kind, name in profile(known) if kind == "PodDefault"} == {"aws", "shared-memory"}


def test_pods_are_told_where_the_profile_may_write(known):
    made = profile(known, storage=charts.storage(("data", "artifacts", "models")))
    env = {each["name"]: each["value"] for each in made["PodDefault", "aws"]["spec"]["env"]}
    assert env["S3_ARTIFACTS"] == "s3://acme-artifacts/profiles/vision"
    assert env["S3_MODELS"] == "s3://acme-models/vision"
    assert "S3_DATA" not in {
        each["name"] for each in profile(known, storage=Storage())["PodDefault", "aws"]["spec"]["env"]
    }


def test_a_profile_reaches_its_own_places_and_no_others(known):
    handle = charts.fake_handle(storage=charts.storage(("data", "artifacts", "models", "backups")))
    identity = profiles.identity("vision")
    assert (identity.namespace, identity.service_account) == ("vision", EDITOR)
    assert identity.policy is not None
    document = known(identity.policy(handle, addon("kubeflow-profiles").settings()))

    def may(action: str, resource: str, **context: str) -> bool:
        return allows([document], f"s3:{action}", f"arn:aws:s3:::acme-{resource}", context)

    assert may("GetObject", "data/set/1.parquet")
    assert not may("PutObject", "data/set/1.parquet")
    for place in ("artifacts/profiles", "artifacts/pipelines", "models"):
        assert may("PutObject", f"{place}/vision/x"), place
        assert not may("PutObject", f"{place}/visions/x"), place
        assert not may("PutObject", f"{place}/language/x"), place
    assert may("GetObject", "models/language/x")
    assert not may("GetObject", "artifacts/profiles/language/x")
    assert not may("GetObject", "backups/x")
    assert not may("ListBucket", "backups")
    through = {"kms:viaservice": "s3.us-west-2.amazonaws.com"}
    key = "arn:aws:kms:us-west-2:111122223333:key/1"
    assert allows([document], "kms:GenerateDataKey", key, through)


def test_workflows_of_argo_in_a_profile_keep_their_files_where_its_controller_says(known):
    """The executor in a step's pod writes them as the profile's account, below argo/<namespace>/."""
    values = CATALOGUE["argo-workflows"]
    for addons, may in (frozenset[str](), False), (frozenset({"argo-workflows"}), True):
        handle = charts.fake_handle(storage=charts.storage(("artifacts",)), addons=addons)
        key = known(values.values(handle, values.settings()))["artifactRepository"]["s3"]["keyFormat"]
        place = key.replace("{{workflow.namespace}}", "vision").replace("{{workflow.name}}", "hello")
        policy = profiles.identity("vision").policy
        assert policy is not None
        document = known(policy(handle, addon("kubeflow-profiles").settings()))
        file = f"arn:aws:s3:::acme-artifacts/{place}/main.log"
        assert allows([document], "s3:PutObject", file, {}) is may
        assert not allows([document], "s3:PutObject", file.replace("vision", "language"), {})


@pytest.mark.usefixtures("known")
def test_a_cluster_without_buckets_gives_no_role():
    policy = profiles.identity("vision").policy
    assert policy is not None
    assert policy(charts.fake_handle(storage=Storage()), addon("kubeflow-profiles").settings()) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"kube-public": {"owner": OWNER}},
        {"default": {"owner": OWNER}},
        {"Vision": {"owner": OWNER}},
        {"vision": {}},
        {"vision": {"owner": "ann"}},
        {"vision": {"owner": OWNER, "quota": {"requests.storage": "2Ti"}}},
        {"vision": {"owner": OWNER, "quota": {"requests.cpu": "many"}}},
    ],
)
def test_a_profile_that_cannot_be_is_refused(raw):
    with pytest.raises(ValidationError):
        addon("kubeflow-profiles").settings.model_validate({"profiles": raw})


# Roles.


def test_the_step_of_a_workflow_may_tell_its_controller_what_came_of_it(known):
    """In a profile as its editor, also where Pipelines' own roles are not. Source: Argo docs, "Workflow RBAC"."""
    made = objects(known, "kubeflow-roles", addons=frozenset({"argo-crds"}))
    role = made["ClusterRole", "profiles-argo-crds-edit"]
    (verbs,) = [set(rule["verbs"]) for rule in role["rules"] if "workflowtaskresults" in rule["resources"]]
    assert verbs >= {"create", "patch"}
    assert role["metadata"]["labels"] == {"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-edit": "true"}


def test_people_may_use_the_kinds_that_an_add_on_brings(known):
    """Each kind that a role names is one of a CRD that an add-on owns."""
    made = objects(known, "kubeflow-roles", addons=frozenset(CATALOGUE))
    owned = {crd for each in CATALOGUE.values() for crd in each.owns_crds}
    rules = [rule for each in made.values() for rule in each.get("rules", ())]
    named = {f"{plural}.{rule['apiGroups'][0]}" for rule in rules for plural in rule["resources"] if "/" not in plural}
    assert named <= owned
    used = {"inferenceservices.serving.kserve.io", "trainjobs.trainer.kubeflow.org", "rayjobs.ray.io"}
    assert used <= named
    for (kind, name), each in made.items():
        for what in ("view", "edit"):
            if kind == "ClusterRole" and name.endswith(f"-{what}") and "runtimes" not in name:
                label = f"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-{what}"
                assert each["metadata"]["labels"] == {label: "true"}


def test_viewers_change_nothing(known):
    made = objects(known, "kubeflow-roles", addons=frozenset(CATALOGUE))
    verbs = {
        verb
        for (_, name), each in made.items()
        if name.endswith("-view")
        for rule in each.get("rules", ())
        for verb in rule["verbs"]
    }
    assert verbs == {"get", "list", "watch"}


def test_there_are_no_roles_for_what_is_not_there(known):
    assert objects(known, "kubeflow-roles") == {}
    assert {name for _, name in objects(known, "kubeflow-roles", addons=frozenset({"jobset"}))} == {
        "profiles-jobset-edit",
        "profiles-jobset-view",
    }


# The form.


def test_notebooks_stay_off_nodes_that_are_meant_for_others():
    pools = (
        charts.SYSTEM,
        replace(charts.pool("cpu", instance_type="m7i.4xlarge", accelerator=None, efa=0), system=False),
        charts.pool("f", instance_type="f2.6xlarge", accelerator="fpga", efa=0),
        charts.pool("h100", instance_type="p5.48xlarge", efa=32),
        charts.pool("notebooks", instance_type="g6.4xlarge", efa=0, sharing=SLICES),
    )
    assert list(spawner.groups(pools, None)) == ["cpu", "notebooks"]
    assert list(spawner.groups(pools, ["h100"])) == ["h100"]
    assert list(spawner.groups((charts.SYSTEM, pools[-1]), None)) == sorted([charts.SYSTEM.group, "notebooks"])
    assert spawner.groups((), None) == {}


def test_the_form_offers_the_devices_that_nodes_have(known):
    pools = (
        charts.pool("whole", efa=0),
        charts.pool("parts", efa=0, sharing=MIG),
        charts.pool("trn", instance_type="trn1.2xlarge", accelerator="neuron", efa=0),
        charts.pool("f", instance_type="f2.6xlarge", accelerator="fpga", efa=0),
    )
    gpus = form(known, node_pools=pools)["gpus"]["value"]
    assert [(each["limitsKey"], each["uiName"]) for each in gpus["vendors"]] == [
        ("nvidia.com/gpu", "NVIDIA GPU"),
        ("aws.amazon.com/neuron", "AWS Neuron device"),
        ("aws.amazon.com/neuroncore", "AWS Neuron core"),
        ("nvidia.com/mig-1g.10gb", "NVIDIA MIG 1g.10gb"),
    ]
    assert (gpus["vendor"], gpus["num"]) == ("nvidia.com/gpu", "none")
    plain = (charts.pool("cpu", accelerator=None, efa=0),)
    assert form(known, node_pools=plain)["gpus"]["value"]["vendors"] == []


def test_a_notebook_goes_to_one_of_its_groups_and_rather_not_to_spot(known):
    pools = (
        charts.pool("a", accelerator=None, efa=0, capacity="spot"),
        charts.pool("b", efa=0),
    )
    config = form(known, node_pools=pools)["affinityConfig"]
    assert (config["value"], config["readOnly"]) == ("any_group", False)
    assert [each["configKey"] for each in config["options"]] == ["any_group", "a", "b"]
    (term,) = config["options"][0]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchExpressions"] == [{"key": "slipway.io/group", "operator": "In", "values": ["a", "b"]}]
    (rather,) = config["options"][0]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert rather["preference"]["matchExpressions"] == [
        {"key": "slipway.io/capacity", "operator": "NotIn", "values": ["spot"]}
    ]
    assert form(known, {"chooseNodes": False}, node_pools=pools)["affinityConfig"]["readOnly"] is True


def test_taints_can_be_tolerated_by_choice(known):
    pools = (
        charts.pool("a", efa=0),
        charts.pool("b", efa=0),
        charts.pool("c", efa=0, taints=(charts.DEDICATED,)),
        charts.pool("d", accelerator=None, efa=0),
    )
    config = form(known, node_pools=pools)["tolerationGroup"]
    assert config["value"] == ""
    assert [each["groupKey"] for each in config["options"]] == ["a_b", "c"]
    assert config["options"][1]["tolerations"] == [charts.DEDICATED.toleration]


def test_images_of_the_stack_come_first_where_they_can_run(known):
    plain = (charts.pool("cpu", accelerator=None, efa=0),)
    gpu = (charts.pool("gpu", efa=0),)
    more = {"images": ["quay.io/jupyter/scipy-notebook:2026-08-01"]}
    image = form(known, more, node_pools=gpu, registry=charts.registry())["image"]
    assert [each.rpartition("/")[2].partition(":")[0] for each in image["options"]] == [
        "notebook-cpu",
        "notebook-gpu",
        "scipy-notebook",
    ]
    assert image["value"] == image["options"][0]
    assert len(form(known, node_pools=plain, registry=charts.registry())["image"]["options"]) == 1


def test_without_images_of_ones_own_there_are_the_makers_from_the_mirror(known):
    host = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
    mirror = Registry(host=pulumi.Output.from_input(host), repositories={}, mirrors={"ghcr.io": "mirror/ghcr.io"})
    options = form(known, node_pools=(charts.pool("gpu", efa=0),), registry=mirror)["image"]["options"]
    place = f"{host}/mirror/ghcr.io/kubeflow/kubeflow/notebook-servers"
    assert options == [f"{place}/jupyter-scipy:v1.11.0", f"{place}/jupyter-pytorch-cuda-full:v1.11.0"]
    declared = {str(image.upstream) for image in addon("kubeflow-notebooks-settings").images}
    assert {each.replace(f"{host}/mirror/ghcr.io", "ghcr.io") for each in options} <= declared


def test_file_systems_are_mounted_where_people_find_them_elsewhere(known):
    raw = {"mounts": ["lustre-scratch", "efs-home-team"]}
    volumes = form(known, raw, storage=charts.storage())["dataVolumes"]["value"]
    assert {each["mount"]: each["existingSource"]["persistentVolumeClaim"]["claimName"] for each in volumes} == {
        "/mnt/scratch": "lustre-scratch",
        "/mnt/home/team": "efs-home-team",
    }


@pytest.mark.parametrize(("idle", "culls"), [(240, "true"), (None, "false")])
def test_idle_notebooks_are_stopped_unless_never(known, idle, culls):
    made = objects(known, "kubeflow-notebooks-settings", {"idleMinutes": idle})
    assert made["ConfigMap", "notebooks-controller"]["data"]["ENABLE_CULLING"] == culls


@pytest.mark.parametrize("image", ["quay.io/jupyter/scipy-notebook", "UPPER/x:1", ""])
def test_an_image_without_a_version_is_refused(image):
    with pytest.raises(ValidationError):
        addon("kubeflow-notebooks-settings").settings.model_validate({"images": [image]})


# What the rest of the stack file must have.


def said(patch: Any) -> list[str]:
    """Problems with the settings of Kubeflow's add-ons in a stack file."""
    with pytest.raises(SettingsError) as caught:
        parse(patched(patch), TODAY)
    return [str(each) for each in caught.value.problems if each.path.startswith("addons.settings.kubeflow-")]


def test_mounts_and_groups_must_be_the_stacks():
    place = "addons.settings.kubeflow-notebooks-settings"
    raw = {"mounts": ["efs-home", "efs-away"], "groups": ["gpu", "tpu"]}
    found = said({"addons.enable": ["kubeflow-notebooks-settings"], place: raw})
    assert [each.partition(":")[0] for each in found] == [f"{place}.mounts[1]", f"{place}.groups[1]"]
    assert "efs-home, lustre-scratch" in found[0]
    assert "gpu, system" in found[1]


def test_a_profile_takes_no_namespace_of_the_platforms():
    place = "addons.settings.kubeflow-profiles.profiles"
    raw = {"kubeflow": {"owner": OWNER}, "vision": {"owner": OWNER}}
    found = said({"addons.enable": ["kubeflow-profiles"], place: raw})
    assert [each.partition(":")[0] for each in found] == [f"{place}.kubeflow"]


def test_two_claims_of_one_name_are_told():
    place = "addons.settings.kubeflow-profiles.profiles"
    efs = [{"name": "a-b"}, {"name": "a", "accessPoints": [{"name": "b", "path": "/b"}]}]
    found = said({"addons.enable": ["kubeflow-profiles"], place: {"vision": {"owner": OWNER}}, "storage.efs": efs})
    assert len(found) == 1
    assert "efs-a-b" in found[0]
