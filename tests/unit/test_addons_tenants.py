"""Tenants in Kubernetes: what each is made of, what goes with it and what stays, and what its pods may do in AWS."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any, Final

import pytest

from addons import network_policies, profiles, registry, tenants
from addons.kubeflow import EDITOR
from addons.settings import AddonsSettings
from addons.spec import AddOn
from addons.values import objects_of
from addons.volumes import shared
from infra.catalog import names
from infra.handle import ClusterHandle, Tenant
from infra.surroundings import Surroundings
from infra.tenants.settings import TenantSettings
from stacks.settings import parse
from tests.contract import charts
from tests.program.iam_evaluation import allows
from tests.unit.settings_stack import TODAY, patched

CATALOGUE = registry.discover()
KUBEFLOW: Final = frozenset({"kubeflow", "kubeflow-dashboard", "istiod", "istio-ingressgateway"})
BUCKETS: Final = ("data", "artifacts", "models", "backups", "logs")
KEY: Final = "arn:aws:kms:us-west-2:111122223333:key/1"
WHO: Final = {"owners": ["ada@example.com"]}


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def handle(**changes: Any) -> ClusterHandle:
    return charts.fake_handle(**{"storage": charts.storage(BUCKETS), **changes})


def addon(name: str = "tenants") -> AddOn[Any]:
    return CATALOGUE[name]


def everything(known: Any, name: str = "tenants", raw: Any = None, **changes: Any) -> list[dict[str, Any]]:
    one = addon(name)
    return [known(each) for each in objects_of(one, one.settings.model_validate(raw or {}), handle(**changes))]


def made(known: Any, tenant: str = "language", raw: Any = None, **changes: Any) -> dict[tuple[str, str], Any]:
    """What is a tenant's, by kind and name."""
    mine = [each for each in everything(known, raw=raw, **changes) if tenant in (_space(each), _volume_of(each))]
    return {(each["kind"], each["metadata"]["name"]): each for each in mine}


def _space(each: dict[str, Any]) -> str:
    return str(each["metadata"].get("namespace", each["metadata"]["name"]))


def _volume_of(each: dict[str, Any]) -> str:
    return str(each.get("spec", {}).get("claimRef", {}).get("namespace", ""))


# Namespace and people.


@pytest.mark.parametrize("addons", [frozenset(), KUBEFLOW], ids=["plain", "kubeflow"])
def test_a_namespace_says_whose_it_is_and_what_its_pods_may_be(known, addons):
    labels = made(known, addons=addons)["Namespace", "language"]["metadata"]["labels"]
    assert labels[names.TENANT_LABEL] == "language"
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"baseline"}
    assert names.PLATFORM_LABEL not in labels
    assert names.SECRETS_LABEL not in labels
    assert labels.get("istio-injection") == ("enabled" if addons else None)
    assert ("katib.kubeflow.org/metrics-collector-injection" in labels) is bool(addons)


@pytest.mark.parametrize("addons", [frozenset(), KUBEFLOW], ids=["plain", "kubeflow"])
def test_another_pod_security_standard_is_the_tenants_own(known, addons):
    strict = tuple(replace(each, pod_security="restricted") for each in charts.tenants())
    labels = made(known, addons=addons, tenants=strict)["Namespace", "language"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_with_kubeflow_the_first_owner_has_the_profile_and_the_others_its_rights(known):
    found = made(known, addons=KUBEFLOW)
    assert found["Profile", "language"]["spec"]["owner"] == {"kind": "User", "name": "dan@example.com"}
    # What the controller looks for before it takes a namespace that is there.
    assert found["Namespace", "language"]["metadata"]["annotations"]["owner"] == "dan@example.com"
    roles = {
        each["subjects"][0]["name"]: each["roleRef"]["name"] for (kind, _), each in found.items() if "roleRef" in each
    }
    assert roles == {
        "eve@example.com": "kubeflow-admin",
        "fay@example.com": "kubeflow-edit",
        "gil@example.com": "kubeflow-view",
        "slipway:language:owners": "kubeflow-admin",
        "slipway:language:members": "kubeflow-edit",
        "slipway:language:viewers": "kubeflow-view",
    }
    # Who opens notebooks: code in one may do all that the tenant may, so viewers do not.
    let_in = {
        each["spec"]["rules"][0]["when"][0]["values"][0]
        for (kind, _), each in found.items()
        if kind == "AuthorizationPolicy"
    }
    assert let_in == {"eve@example.com", "fay@example.com"}


def test_the_dashboard_finds_one_person_in_each_binding_that_it_shows(known):
    """It refuses to list any where one has two subjects. Source: kfam/bindings.go, `List`."""
    for (kind, _), each in made(known, addons=KUBEFLOW).items():
        if kind == "RoleBinding" and "user" in each["metadata"].get("annotations", {}):
            assert len(each["subjects"]) == 1


def test_without_kubeflow_people_come_by_name_and_by_group(known):
    found = made(known)
    bound = {
        each["roleRef"]["name"]: {(who["kind"], who["name"]) for who in each["subjects"]}
        for (kind, _), each in found.items()
        if kind == "RoleBinding"
    }
    assert bound == {
        "admin": {("Group", "slipway:language:owners"), ("User", "dan@example.com"), ("User", "eve@example.com")},
        "edit": {
            ("Group", "slipway:language:members"),
            ("User", "fay@example.com"),
            ("ServiceAccount", EDITOR),
        },
        "view": {("Group", "slipway:language:viewers"), ("User", "gil@example.com")},
    }
    assert not {kind for kind, _ in found} & {"Profile", "PodDefault", "AuthorizationPolicy"}


def test_people_without_kubeflow_may_use_what_add_ons_bring(known):
    """By the labels that the API server collects into its own roles."""
    there = frozenset({"kubeflow-trainer", "mpi-operator"})
    roles = {
        each["metadata"]["name"]: each for each in everything(known, addons=there) if each["kind"] == "ClusterRole"
    }
    edit = roles["tenants-mpi-operator-edit"]
    assert edit["metadata"]["labels"] == {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}
    assert edit["rules"][0]["resources"] == ["mpijobs"]
    view = roles["tenants-kubeflow-trainer-view"]
    assert view["metadata"]["labels"] == {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    assert not [each for each in everything(known, addons=there | KUBEFLOW) if each["kind"] == "ClusterRole"]


# Quotas and defaults.


@pytest.mark.parametrize("addons", [frozenset(), KUBEFLOW], ids=["plain", "kubeflow"])
def test_a_tenant_makes_no_load_balancer_and_keeps_to_its_limits(known, addons):
    found = made(known, addons=addons)
    assert found["ResourceQuota", "tenant"]["spec"]["hard"] == {
        "services.loadbalancers": "0",
        "count/ingresses.networking.k8s.io": "0",
        "pods": "500",
        "requests.nvidia.com/gpu": "16",
    }
    # The one that the profile's controller would make goes with the profile.
    assert "resourceQuotaSpec" not in found.get(("Profile", "language"), {"spec": {}})["spec"]


def test_containers_that_say_nothing_request_something_and_are_limited_to_nothing(known):
    """A default limit below what a container requests would refuse the pod. A device nobody gets unasked."""
    (limit,) = made(known)["LimitRange", "tenant"]["spec"]["limits"]
    assert limit == {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "256Mi"}}
    raw = {"containerCpu": "1", "containerMemory": "2Gi"}
    (limit,) = made(known, raw=raw)["LimitRange", "tenant"]["spec"]["limits"]
    assert limit["defaultRequest"] == {"cpu": "1", "memory": "2Gi"}


# What stays.


@pytest.mark.parametrize("addons", [frozenset(), KUBEFLOW], ids=["plain", "kubeflow"])
def test_the_namespace_is_kept_with_what_holds_its_pods_in_and_nothing_else(known, addons):
    """Some may still run. Claims of the stack's file systems hold nothing, and would point at what is gone."""
    kept = {
        kind
        for (kind, _), each in made(known, addons=addons).items()
        if each["metadata"].get("annotations", {}).get(names.KEEP_ANNOTATION) == "true"
    }
    assert kept == {"LimitRange", "Namespace", "NetworkPolicy", "ResourceQuota"}


def test_nothing_is_kept_of_a_tenant_whose_data_goes_with_it(known):
    one = replace(charts.tenants()[0], keep_data=False)
    for each in made(known, tenants=(one,), addons=KUBEFLOW).values():
        assert names.KEEP_ANNOTATION not in each["metadata"].get("annotations", {})


def test_every_volume_outlives_its_claim(known):
    volumes = [each for (kind, _), each in made(known).items() if kind == "PersistentVolume"]
    assert volumes
    assert {each["spec"]["persistentVolumeReclaimPolicy"] for each in volumes} == {"Retain"}


# Volumes.


def test_a_tenant_mounts_its_own_directories_and_what_all_may_read(known):
    found = made(known)
    claims = {name for kind, name in found if kind == "PersistentVolumeClaim"}
    assert claims == {"lustre-scratch", "lustre-scratch-data", "efs-home"}
    assert claims == tenants.mounts(charts.storage(), charts.tenants()[:1]).keys()
    for claim in claims:
        volume = found["PersistentVolume", f"{claim}.language"]["spec"]
        assert (volume["claimRef"]["namespace"], volume["claimRef"]["name"]) == ("language", claim)


def test_on_lustre_a_tenant_is_shut_in_its_directory(known):
    """The driver mounts `<dns>@tcp:/<mountname>`, and Lustre a fileset by the path behind the file system's name."""
    found = made(known)
    own = found["PersistentVolume", "lustre-scratch.language"]["spec"]
    assert own["csi"]["volumeAttributes"]["mountname"] == "abcdefgh/tenants/language"
    assert "ro" not in own["mountOptions"]
    common = found["PersistentVolume", "lustre-scratch-data.language"]["spec"]
    assert common["csi"]["volumeAttributes"]["mountname"] == "abcdefgh/data"
    assert "ro" in common["mountOptions"]
    # The only mode of the driver that fits. Source: pkg/driver/controller.go of v1.9.0, `volumeCaps`.
    assert own["accessModes"] == common["accessModes"] == ["ReadWriteMany"]
    handles = [each["spec"]["csi"]["volumeHandle"] for (kind, _), each in found.items() if kind == "PersistentVolume"]
    assert len(handles) == len(set(handles))


def test_on_efs_a_tenant_goes_through_its_access_point(known):
    volume = made(known)["PersistentVolume", "efs-home.language"]["spec"]
    assert volume["csi"] == {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0b::fsap-language"}


def test_a_file_system_that_a_tenant_has_no_part_of_is_not_there(known):
    assert not {kind for kind, _ in made(known, "robots")} & {"PersistentVolume", "PersistentVolumeClaim"}


@pytest.mark.parametrize(
    ("linked", "seen"),
    [
        (["/"], []),
        (["/data/", "/a/b"], ["/data", "/a/b"]),
        (["/tenants/language", "/tenants", "/tenants-of-old"], ["/tenants-of-old"]),
    ],
)
def test_nobody_reads_what_is_anothers_on_lustre(linked, seen):
    assert shared(linked) == seen


@pytest.mark.usefixtures("known")
def test_notebooks_are_offered_what_every_tenant_has():
    assert tenants.mounts(charts.storage(), charts.tenants()) == {}
    assert tenants.mounts(charts.storage(), charts.tenants()[:1]) == {
        "lustre-scratch": "/mnt/scratch",
        "lustre-scratch-data": "/mnt/scratch-data",
        "efs-home": "/mnt/home",
    }


# Directories on Lustre.


def job(known: Any, *of: Tenant) -> dict[str, Any]:
    found = everything(known, "tenant-directories", tenants=of or charts.tenants())
    (one,) = (each for each in found if each["kind"] == "Job")
    return dict(one)


def test_one_job_makes_the_directories_of_all(known):
    many = [replace(charts.tenants()[0], name=f"t{index}", uid=2000 + index) for index in range(3)]
    pod = job(known, *many)["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["/tenants/t0:2000:1000", "/tenants/t1:2001:1000", "/tenants/t2:2002:1000"]
    assert pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_another_list_is_another_job(known):
    one, two = charts.tenants()[0], replace(charts.tenants()[0], name="vision")
    jobs = [job(known, one), job(known, one, two), job(known, replace(one, uid=7))]
    assert len({each["metadata"]["name"] for each in jobs}) == 3
    assert job(known, one) == jobs[0]


def test_there_is_no_job_where_nobody_has_a_directory(known):
    nobody = (replace(charts.tenants()[0], lustre=()),)
    assert everything(known, "tenant-directories", tenants=nobody) == []
    assert addon("tenant-directories").applies(handle(tenants=nobody))
    assert addon("tenant-directories").applies(handle()) is None


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_the_script_makes_what_is_missing_and_keeps_what_is_there(known, tmp_path):
    container = job(known)["spec"]["template"]["spec"]["containers"][0]
    *shell, script, name = container["command"]
    assert (shell, name) == (["/bin/sh", "-c"], "make")
    root = tmp_path / "lustre"
    # Nobody but root gives files away.
    script = script.replace("/lustre", str(root)).replace("chown", "echo")
    (root / "tenants" / "language").mkdir(parents=True)
    (root / "tenants" / "language" / "file").write_text("kept")
    arguments = ["/tenants/language:1000:1000", "/tenants/vision:2000:2001"]
    run = subprocess.run(["sh", "-c", script, "make", *arguments], check=True, capture_output=True, text=True)
    assert run.stdout.splitlines() == [f"1000:1000 {root}/tenants/language", f"2000:2001 {root}/tenants/vision"]
    assert (root / "tenants" / "language" / "file").read_text() == "kept"
    assert (root / "tenants" / "vision").stat().st_mode & 0o777 == 0o770


# AWS.


def may(known: Any, tenant: Tenant, action: str, resource: str, listing: str = "all", **context: str) -> bool:
    identity = tenants.identity(tenant)
    assert identity.policy is not None
    settings = addon().settings.model_validate({"listing": listing})
    document = known(identity.policy(handle(addons=frozenset({"argo-workflows"})), settings))
    asked = {key.replace("__", ":"): value for key, value in context.items()}
    return allows([document], action, resource, asked)


def bucket(place: str) -> str:
    return f"arn:aws:s3:::acme-{place}"


def language() -> Tenant:
    return charts.tenants()[0]


def robots() -> Tenant:
    return charts.tenants()[1]


def test_a_tenant_reads_and_writes_its_own_places_and_nobody_elses(known):
    own = ("artifacts/tenants/research/language", "artifacts/pipelines/language", "artifacts/argo/language")
    for place in (*own, "models/research/language"):
        for action in ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"):
            assert may(known, language(), f"s3:{action}", bucket(f"{place}/x")), (action, place)
            assert not may(known, language(), f"s3:{action}", bucket(f"{place}x/x")) or place.startswith("models")
    for place in ("tenants/robots", "pipelines/robots", "argo/robots", "profiles/robots", "mlflow"):
        for action in ("GetObject", "PutObject", "DeleteObject"):
            assert not may(known, language(), f"s3:{action}", bucket(f"artifacts/{place}/x")), (action, place)
    assert not may(known, language(), "s3:PutObject", bucket("models/robots/x"))
    assert not may(known, robots(), "s3:PutObject", bucket("models/research/language/x"))


def test_data_and_models_are_for_all_to_read(known):
    assert may(known, robots(), "s3:GetObject", bucket("data/set/1"))
    assert may(known, robots(), "s3:GetObject", bucket("models/research/language/x"))
    assert not may(known, robots(), "s3:PutObject", bucket("data/set/1"))
    for other in ("backups", "logs"):
        assert not may(known, robots(), "s3:GetObject", bucket(f"{other}/x"))
        assert not may(known, robots(), "s3:ListBucket", bucket(other))


def test_names_of_files_are_seen_by_all_unless_told_otherwise(known):
    """S3 asks for the permission without a prefix before it says that a file is not there."""
    own = {"s3__prefix": "tenants/research/language/run/"}
    others = {"s3__prefix": "tenants/robots/"}
    assert may(known, language(), "s3:ListBucket", bucket("artifacts"))
    assert may(known, language(), "s3:ListBucket", bucket("artifacts"), **others)
    assert may(known, language(), "s3:ListBucket", bucket("artifacts"), "own", **own)
    assert not may(known, language(), "s3:ListBucket", bucket("artifacts"), "own", **others)
    assert not may(known, language(), "s3:ListBucket", bucket("artifacts"), "own")
    assert may(known, language(), "s3:GetBucketLocation", bucket("artifacts"), "own")
    # Its workflows' and its runs' places are its own, too.
    for place in ("pipelines/language/a", "argo/language/b"):
        assert may(known, language(), "s3:ListBucket", bucket("artifacts"), "own", s3__prefix=place)


def test_the_key_is_used_through_s3_alone(known):
    through = {"kms__viaservice": "s3.us-west-2.amazonaws.com"}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert may(known, language(), action, KEY, **through)
        assert not may(known, language(), action, KEY)


def test_images_go_to_the_tenants_own_repository(known):
    registry_ = "arn:aws:ecr:us-west-2:111122223333:repository/acme"
    assert may(known, language(), "ecr:GetAuthorizationToken", "*")
    for action in ("PutImage", "UploadLayerPart", "CompleteLayerUpload", "BatchGetImage", "GetDownloadUrlForLayer"):
        assert may(known, language(), f"ecr:{action}", f"{registry_}/tenants/language")
        assert not may(known, language(), f"ecr:{action}", f"{registry_}/tenants/robots")
        assert not may(known, language(), f"ecr:{action}", f"{registry_}/notebook-base")
    assert not may(known, language(), "ecr:BatchDeleteImage", f"{registry_}/tenants/language")
    assert not may(known, robots(), "ecr:GetAuthorizationToken", "*")


def test_a_tenant_without_any_store_has_no_role(known):
    policy = tenants.identity(robots()).policy
    assert policy is not None
    assert policy(handle(storage=replace(charts.storage(), buckets={})), addon().settings()) is None
    # One with images still pulls and pushes them.
    policy = tenants.identity(language()).policy
    assert policy is not None
    document = known(policy(handle(storage=replace(charts.storage(), buckets={})), addon().settings()))
    assert [each["Action"][0].partition(":")[0] for each in document["Statement"]] == ["ecr", "ecr"]


@pytest.mark.usefixtures("known")
def test_a_role_carries_the_tenants_name():
    assert tenants.identity(language()).tags == {"Tenant": "language"}


def test_pods_are_told_where_the_tenant_may_write(known):
    env = made(known, addons=KUBEFLOW)["PodDefault", "aws"]["spec"]["env"]
    told = {each["name"]: each["value"] for each in env}
    assert told["S3_ARTIFACTS"] == "s3://acme-artifacts/tenants/research/language"
    assert told["S3_MODELS"] == "s3://acme-models/research/language"
    for name in ("S3_ARTIFACTS", "S3_MODELS"):
        assert may(known, language(), "s3:PutObject", f"{told[name].replace('s3://', 'arn:aws:s3:::')}/x")


# Rules.


@pytest.mark.parametrize(
    ("tenant", "wrong", "path", "words"),
    [
        ("team", {"profiles": {"team": {"owner": "ann@example.com"}}}, "profiles.team", "team is a tenant"),
        ("team", {"profiles": {"x": {"owner": "ann@example.com"}}}, "profiles.x", "x/ is of the tenant team"),
    ],
)
def test_a_profile_that_meets_a_tenant_is_refused(tenant, wrong, path, words):
    raw = patched({"tenants": {tenant: {**WHO, "storage": {"prefix": "x/y"}}}})
    model = addon("kubeflow-profiles").settings.model_validate(wrong)
    found = dict(addon("kubeflow-profiles").problems(_around(raw), model))
    assert words in found[path]


def _around(raw: Any) -> Surroundings:
    settings = parse(raw, TODAY)
    return Surroundings(
        platform=settings.platform,
        network=settings.network,
        storage=settings.storage,
        groups=settings.node_groups,
        tenants=settings.tenants,
        today=TODAY,
    )


@pytest.mark.parametrize(
    ("name", "raw", "path", "words"),
    [
        ("static-volumes", {"namespaces": ["team"]}, "namespaces[0]", "has directories of its own"),
        ("namespace-defaults", {"namespaces": [{"name": "team"}]}, "namespaces[0]", "has policies of its own"),
    ],
)
def test_no_other_add_on_makes_a_tenants_namespace(name, raw, path, words):
    around = _around(patched({"tenants": {"team": WHO}}))
    found = dict(addon(name).problems(around, addon(name).settings.model_validate(raw)))
    assert words in found[path]


def test_more_openings_for_a_tenant_are_taken():
    around = _around(patched({"tenants": {"team": WHO}}))
    model = addon("namespace-defaults").settings.model_validate({"namespaces": [{"name": "team", "create": False}]})
    assert list(addon("namespace-defaults").problems(around, model)) == []


@pytest.mark.parametrize(
    ("name", "space"),
    [("argo-workflows-namespaces", "workflows"), ("ray-namespaces", "ray"), ("spark-namespaces", "spark-jobs")],
)
def test_an_engines_namespace_is_no_tenants(name, space):
    around = _around(patched({"tenants": {space: WHO}}))
    ((path, message),) = addon(name).problems(around, addon(name).settings())
    assert path == ""
    assert space in message
    assert not list(addon(name).problems(_around(patched({"tenants": {"team": WHO}})), addon(name).settings()))


def test_a_notebook_mounts_what_every_tenant_has():
    raw = patched({"tenants": {"team": WHO, "other": {**WHO, "storage": {"efs": []}}}})
    model = addon("kubeflow-notebooks-settings").settings.model_validate({"mounts": ["efs-home", "lustre-scratch"]})
    ((path, message),) = addon("kubeflow-notebooks-settings").problems(_around(raw), model)
    assert path == "mounts[0]"
    assert "no directory of every tenant; there are: lustre-scratch" in message


def test_without_network_policies_the_plan_says_that_nothing_keeps_tenants_apart():
    team = {"team": TenantSettings.model_validate(WHO)}
    ((warning),) = tenants.warnings(team, AddonsSettings())
    assert "addons.settings.vpc-cni.networkPolicy" in warning
    on = AddonsSettings.model_validate({"settings": {"vpc-cni": {"networkPolicy": True}}})
    assert list(tenants.warnings(team, on)) == []
    assert list(tenants.warnings({}, AddonsSettings())) == []


def test_a_standard_under_which_notebooks_do_not_start_is_told():
    on = AddonsSettings.model_validate({"preset": "notebooks", "settings": {"vpc-cni": {"networkPolicy": True}}})
    strict = {"team": TenantSettings.model_validate({**WHO, "podSecurity": "restricted"})}
    ((warning),) = tenants.warnings(strict, on)
    assert "tenants team: podSecurity restricted" in warning
    minimal = AddonsSettings.model_validate({"settings": {"vpc-cni": {"networkPolicy": True}}})
    assert list(tenants.warnings(strict, minimal)) == []


# One home.


def test_a_profile_and_a_tenant_are_made_alike(known):
    """All of Kubeflow that a profile has, a tenant with the same people has, but for names of places."""
    addons = KUBEFLOW | {"kubeflow-pipelines", "model-registry", "mlflow"}
    raw = {
        "profiles": {
            "language": {
                "owner": "dan@example.com",
                "contributors": ["fay@example.com"],
                "viewers": ["gil@example.com"],
            }
        }
    }
    theirs = {
        (each["kind"], each["metadata"]["name"]) for each in everything(known, "kubeflow-profiles", raw, addons=addons)
    }
    own = made(known, addons=addons, tenants=(replace(language(), owners=("dan@example.com",)),)).keys()
    volumes = {"PersistentVolume", "PersistentVolumeClaim"}
    assert {each for each in theirs if each[0] not in volumes} <= own
    assert profiles.account("x")["metadata"] == {"name": EDITOR, "namespace": "x"}


def test_the_list_is_the_last_and_names_them_all(known):
    *_, last = everything(known)
    assert (last["kind"], last["data"]) == ("ConfigMap", {"tenants": "language\nrobots\n"})
    assert everything(known, tenants=()) == []


def test_names_are_ones_that_kubernetes_takes(known):
    long = replace(language(), name="a" * 63)
    for each in everything(known, addons=KUBEFLOW, tenants=(long,)):
        assert re.fullmatch(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", each["metadata"]["name"]), each["metadata"]
        assert json.dumps(each)


# The platform's own pods that people's talk to, each add-on by itself.


@pytest.mark.parametrize(
    ("name", "comes", "goes"),
    [
        ("feast-store", [], ["feast"]),
        ("istio-ingressgateway", ["istio-system"], ["istio-system"]),
        ("istiod", [], ["istio-system"]),
        ("katib", ["kubeflow"], ["kubeflow"]),
        ("knative-serving", ["knative-serving"], []),
        ("kserve-gateway", ["kserve"], ["kserve"]),
        ("kube-prometheus-stack", ["monitoring"], []),
        ("kubeflow-notebooks", ["kubeflow"], []),
        ("kubeflow-pipelines", ["kubeflow"], ["kubeflow"]),
        ("kuberay-operator", ["kuberay-operator"], []),
        ("mlflow", [], ["mlflow"]),
        ("model-registry", [], ["kubeflow"]),
        ("vllm", [], ["vllm"]),
        ("velero", [], []),
    ],
)
@pytest.mark.usefixtures("known")
def test_who_comes_and_where_pods_go_is_what_is_there(name, comes, goes):
    there = handle(addons=frozenset({name}))
    assert (network_policies.callers(there), network_policies.called(there)) == (comes, goes)
