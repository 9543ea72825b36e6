"""The engines' add-ons: what jobs may do where, that those who touch a job's files mean one place, and ACK's bounds."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons import registry
from addons.jobs import JobSettings
from addons.settings import AddonsSettings
from addons.spec import AddOn
from addons.values import objects_of, values_of
from infra.catalog import names
from infra.handle import Analytics, Athena, Storage
from infra.problems import SettingsError
from stacks.settings import parse
from tests.contract import charts
from tests.program.conftest import settings_of
from tests.program.iam_evaluation import allows
from tests.unit.settings_stack import TODAY, patched

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = registry.discover()
JOBS = {
    "argo-workflows-namespaces": ("workflows", "workflow", "argo"),
    "ray-namespaces": ("ray", "ray", "ray"),
    "spark-namespaces": ("spark-jobs", "spark", "spark"),
}
"""Each add-on for jobs: its own namespace, the account, and the folder among the artifacts."""
BUCKET = "arn:aws:s3:::acme"
THROUGH_S3 = {"kms:viaservice": "s3.us-west-2.amazonaws.com"}
KEY = "arn:aws:kms:us-west-2:111122223333:key/1"
each_engine = pytest.mark.parametrize("name", JOBS)


@pytest.fixture(name="known", scope="module")
def _known():
    yield from charts.resolver()


def addon(name: str) -> AddOn[Any]:
    return CATALOGUE[name]


def roles(known: Any, name: str, raw: Any = None) -> dict[tuple[str, str], Any]:
    """The policies of an add-on's identities, by namespace and account."""
    one, handle = addon(name), charts.everything()
    own = one.settings.model_validate(raw or {})
    found = {}
    for identity in (*one.identities, *one.identities_of(handle, own)):
        assert identity.policy is not None
        policy = known(identity.policy(handle, own))
        if policy is not None:
            found[identity.namespace or one.namespace, identity.service_account] = policy
    return found


def objects(known: Any, name: str, raw: Any = None) -> list[Any]:
    one = addon(name)
    found: list[Any] = known(objects_of(one, one.settings.model_validate(raw or {}), charts.everything()))
    return found


def values(known: Any, name: str, raw: Any = None, **handle: Any) -> Any:
    one = addon(name)
    cluster = charts.fake_handle(**handle) if handle else charts.everything()
    return known(values_of(one, one.settings.model_validate(raw or {}), cluster, {}))


# Accounts of jobs.


@each_engine
def test_jobs_write_below_their_own_folder_alone_and_read_what_is_shared(known, name):
    namespace, account, folder = JOBS[name]
    found = roles(known, name, {"namespaces": ["vision"]})
    assert set(found) == {(namespace, account), ("vision", account)}
    for (space, _), policy in found.items():
        other = next(each for each, _ in found if each != space)

        def may(action: str, resource: str, policy: Any = policy) -> bool:
            return allows([policy], action, resource, {})

        own = f"{BUCKET}-artifacts/{folder}/{space}/run/file"
        assert all(may(f"s3:{verb}Object", own) for verb in ("Get", "Put", "Delete"))
        for place in (f"artifacts/{folder}/{other}/file", f"artifacts/{folder}/{space}x/file", "artifacts/mlflow/file"):
            assert not any(may(f"s3:{verb}Object", f"{BUCKET}-{place}") for verb in ("Get", "Put", "Delete")), place
        for role in ("data", "models"):
            assert may("s3:GetObject", f"{BUCKET}-{role}/a/b")
            assert not may("s3:PutObject", f"{BUCKET}-{role}/a/b")
        for role in ("logs", "backups"):
            assert not may("s3:GetObject", f"{BUCKET}-{role}/a")
            assert not may("s3:ListBucket", f"{BUCKET}-{role}")
        assert allows([policy], "kms:GenerateDataKey", KEY, THROUGH_S3)
        assert not allows([policy], "kms:Decrypt", KEY, {"kms:viaservice": "ec2.us-west-2.amazonaws.com"})


@each_engine
def test_who_looks_whether_there_is_a_file_is_told_that_there_is_none(known, name):
    """S3 asks for s3:ListBucket without a prefix before it says 404 of an object; Hadoop and Argo stop at a 403."""
    for policy in roles(known, name).values():
        for role in ("artifacts", "data", "models"):
            assert allows([policy], "s3:ListBucket", f"{BUCKET}-{role}", {})


@each_engine
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(spaces=st.lists(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True), max_size=5))
def test_every_namespace_has_one_account_with_one_role(known, name, spaces):
    own, account, _ = JOBS[name]
    asked = {"namespaces": [*spaces, *spaces[:1], own]}
    made = objects(known, name, asked)
    accounts = [each["metadata"] for each in made if each["kind"] == "ServiceAccount"]
    assert sorted(each["namespace"] for each in accounts) == sorted({own, *spaces})
    assert {each["name"] for each in accounts} == {account}
    assert set(roles(known, name, asked)) == {(space, account) for space in {own, *spaces}}
    for binding in (each for each in made if each["kind"] == "RoleBinding"):
        (subject,) = binding["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": account, "namespace": binding["metadata"]["namespace"]}
        assert [each for each in made if each["kind"] == "Role" and each["metadata"] == binding["metadata"]]


@each_engine
def test_the_namespace_of_jobs_is_people_s(known, name):
    """Policies for people's pods pass over namespaces with the platform's label."""
    (made,) = [each for each in objects(known, name) if each["kind"] == "Namespace"]
    assert made["metadata"]["name"] == JOBS[name][0]
    assert names.PLATFORM_LABEL not in made["metadata"]["labels"]
    assert made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"


@pytest.mark.parametrize(
    "name", sorted(name for name, each in CATALOGUE.items() if issubclass(each.settings, JobSettings))
)
def test_a_namespace_of_the_settings_may_be_a_profile_s(name):
    """The account in it comes after the profile, and goes before it."""
    asked = AddonsSettings(preset="full", settings={name: {"namespaces": ["vision"]}})
    (each,) = [each for each in registry.select(asked) if each.addon.name == name]
    assert "kubeflow-profiles" in each.after


@each_engine
def test_without_buckets_there_is_nothing_to_allow(known, name):
    bare = charts.fake_handle(storage=Storage(), analytics=None)
    one = addon(name)
    assert [known(identity.policy(bare, one.settings())) for identity in one.identities if identity.policy] == [None]


def test_spark_reads_the_catalogue_of_the_stack_and_changes_nothing_in_it(known):
    actions = {
        action
        for policy in roles(known, "spark-namespaces").values()
        for statement in policy["Statement"]
        for action in statement["Action"]
        if action.startswith("glue:")
    }
    # The made-up cluster has no Athena.
    assert actions == set()
    with_athena = charts.fake_handle(analytics=Analytics(emr=None, athena=athena(), sagemaker=None))
    one = addon("spark-namespaces")
    (identity,) = one.identities
    assert identity.policy is not None
    policy = known(identity.policy(with_athena, one.settings()))
    place = "arn:aws:glue:us-west-2:111122223333"
    assert allows([policy], "glue:GetTable", f"{place}:table/acme/events", {})
    assert allows([policy], "glue:GetDatabase", f"{place}:database/default", {})
    assert not allows([policy], "glue:GetTable", f"{place}:table/other/events", {})
    for action in ("CreateTable", "UpdateTable", "DeleteTable", "CreateDatabase"):
        assert not allows([policy], f"glue:{action}", f"{place}:table/acme/events", {})
    off = known(identity.policy(with_athena, one.settings.model_validate({"catalogue": False})))
    assert not allows([off], "glue:GetTable", f"{place}:table/acme/events", {})


def athena() -> Any:
    return Athena(
        workgroup=charts.out("acme"),
        workgroup_arn=charts.out("arn:aws:athena:us-west-2:111122223333:workgroup/acme"),
        results=charts.out("s3://acme-data/athena/"),
        database=charts.out("acme"),
        database_arn=charts.out("arn:aws:glue:us-west-2:111122223333:database/acme"),
        tables=charts.out("s3://acme-data/tables/"),
    )


# Argo.


def test_a_step_s_files_lie_where_its_account_may_write_and_the_server_may_read(known):
    place = values(known, "argo-workflows")["artifactRepository"]["s3"]
    server = roles(known, "argo-workflows")["argo", "argo-workflows-server"]
    for (space, _), policy in roles(known, "argo-workflows-namespaces", {"namespaces": ["vision"]}).items():
        key = place["keyFormat"]
        for part, text in {"workflow.namespace": space, "workflow.name": "run-1", "pod.name": "run-1-a"}.items():
            key = key.replace(f"{{{{{part}}}}}", text)
        assert "{" not in key
        arn = f"arn:aws:s3:::{place['bucket']}/{key}/main.log"
        assert allows([policy], "s3:PutObject", arn, {})
        assert allows([server], "s3:GetObject", arn, {})
        assert not allows([server], "s3:PutObject", arn, {})
    assert place["useSDKCreds"] is True
    assert not {"accessKeySecret", "secretKeySecret"} & place.keys()


def test_argo_s_controller_leaves_the_workflows_of_others_alone(known):
    """Kubeflow Pipelines has a controller of its own, which takes all that name no instance."""
    instance = values(known, "argo-workflows")["controller"]["instanceID"]
    assert instance == {"enabled": True, "explicitID": "argo-workflows"}
    page = (ROOT / "docs" / "how-to" / "argo-workflows.md").read_text()
    label = f"workflows.argoproj.io/controller-instanceid: {instance['explicitID']}"
    assert page.count(label) == page.count("kind: Workflow\n")


def test_argo_without_a_bucket_has_no_place_for_files(known):
    found = values(known, "argo-workflows", storage=Storage())
    assert "artifactRepository" not in found


def test_the_archive_is_where_its_account_is_and_asks_for_tls(known):
    persistence = values(known, "argo-workflows", {"archiveDays": 30})["controller"]["persistence"]
    assert "persistence" not in values(known, "argo-workflows")["controller"]
    table = persistence["postgresql"]
    assert (table["host"], table["port"]) == ("acme-metadata.rds.amazonaws.com", 5432)
    assert (table["ssl"], table["sslMode"]) == (True, "require")
    assert persistence["archiveTTL"] == "30d"
    made = objects(known, "argo-workflows-archive")
    (secret,) = [each for each in made if each["kind"] == "ExternalSecret" and each["metadata"]["namespace"] == "argo"]
    for what in ("userNameSecret", "passwordSecret"):
        assert table[what]["name"] == secret["spec"]["target"]["name"]
    assert {table["userNameSecret"]["key"], table["passwordSecret"]["key"]} == {
        each["secretKey"] for each in secret["spec"]["data"]
    }
    (job,) = [each for each in made if each["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "SCHEMAS", "value": table["database"]} in container["env"]


ARGO = {
    "addons.enable": ["argo-crds", "argo-workflows"],
    "addons.settings": {"argo-workflows": {"archiveDays": 30}},
}


def told(patch: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(patched(patch), TODAY)
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


def test_an_archive_needs_its_add_on_and_a_database():
    path = "addons.settings.argo-workflows.archiveDays"
    found = told(ARGO)
    assert f"{path}: 30 needs argo-workflows-archive; add it to addons.enable" in found
    assert any(each.startswith(f"{path}: needs a database of engine postgres") for each in found)


# ACK.

CALLS = json.loads((ROOT / "tests" / "contract" / "ack_actions.json").read_text())
NOT_ALLOWED = {
    "ack-sagemaker-controller": set[str](),
    "ack-ecr-controller": {"ecr:DeleteRepositoryPolicy", "ecr:SetRepositoryPolicy"},
    "ack-s3-controller": {
        f"s3:{action}"
        for action in (
            "DeleteBucketPolicy",
            "DeleteBucketWebsite",
            "PutAccelerateConfiguration",
            "PutAnalyticsConfiguration",
            "PutBucketAbac",
            "PutBucketAcl",
            "PutBucketLogging",
            "PutBucketNotification",
            "PutBucketObjectLockConfiguration",
            "PutBucketOwnershipControls",
            "PutBucketPolicy",
            "PutBucketPublicAccessBlock",
            "PutBucketRequestPayment",
            "PutBucketWebsite",
            "PutInventoryConfiguration",
        )
    },
}
"""What a controller would call and may not: each would open something to others, or cost by itself."""


@pytest.mark.parametrize("name", CALLS)
def test_a_controller_may_all_that_it_calls_but_what_is_kept_from_it(known, name):
    """One that may not look at a part of a resource fails on the whole of it."""
    (policy,) = roles(known, name).values()
    given_ = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert set(CALLS[name]) - given_ == NOT_ALLOWED[name]
    assert {action for action in given_ if not action.startswith("kms:")} <= set(CALLS[name])


def test_the_stack_s_own_buckets_and_repositories_are_out_of_reach(known):
    (s3,) = roles(known, "ack-s3-controller").values()
    assert allows([s3], "s3:CreateBucket", "arn:aws:s3:::acme-k8s-scratch", {})
    for role in ("data", "artifacts", "models", "backups", "logs"):
        assert not allows([s3], "s3:DeleteBucket", f"arn:aws:s3:::acme-{role}-0123456", {})
        assert not allows([s3], "s3:GetBucketPolicy", f"arn:aws:s3:::acme-{role}-0123456", {})
    (ecr,) = roles(known, "ack-ecr-controller").values()
    place = "arn:aws:ecr:us-west-2:111122223333:repository/acme"
    assert allows([ecr], "ecr:DeleteRepository", f"{place}/k8s/trainer", {})
    for other in ("training", "mirror/quay.io/x", "k8s", "notebook-gpu"):
        assert not allows([ecr], "ecr:DeleteRepository", f"{place}/{other}", {})


def test_sagemaker_gets_the_stack_s_role_and_names_of_the_platform_alone(known):
    (policy,) = roles(known, "ack-sagemaker-controller").values()
    place = "arn:aws:sagemaker:us-west-2:111122223333"
    assert allows([policy], "sagemaker:CreateTrainingJob", f"{place}:training-job/acme-first", {})
    assert allows([policy], "sagemaker:StopPipelineExecution", f"{place}:pipeline/acme-daily/execution/abc", {})
    assert not allows([policy], "sagemaker:StopTrainingJob", f"{place}:training-job/other", {})
    role = "arn:aws:iam::111122223333:role/acme-sagemaker"
    to = {"iam:passedtoservice": "sagemaker.amazonaws.com"}
    assert allows([policy], "iam:PassRole", role, to)
    assert not allows([policy], "iam:PassRole", role, {"iam:passedtoservice": "ec2.amazonaws.com"})
    assert not allows([policy], "iam:PassRole", "arn:aws:iam::111122223333:role/admin", to)


@pytest.mark.parametrize(("name", "what"), [("sagemaker", "delete"), ("s3", "retain"), ("ecr", "retain")])
def test_what_holds_data_outlives_its_object(known, name, what):
    found = values(known, f"ack-{name}-controller")
    assert found["deletionPolicy"] == what
    assert found["aws"] == {"region": "us-west-2"}
    assert (found["enableCARM"], found["enableCrossNamespace"]) == (False, False)
    # A comma would end the tag in the controller's flag.
    assert "owner=ml" in found["resourceTags"]
    assert not [tag for tag in found["resourceTags"] if "," in tag]


def test_the_pages_name_what_the_controllers_may_make():
    page = (ROOT / "docs" / "how-to" / "sagemaker-from-kubernetes.md").read_text()
    documents = [each for block in page.split("```yaml\n")[1:] for each in yaml.safe_load_all(block.split("```")[0])]
    specs = {each["kind"]: each["spec"] for each in documents if "kind" in each}
    assert specs["Bucket"]["name"].startswith("slipway-prod-k8s-")
    assert all(specs["Bucket"]["publicAccessBlock"].values())
    assert len(specs["Bucket"]["publicAccessBlock"]) == 4
    assert specs["Repository"]["name"].startswith("slipway-prod/k8s/")
    assert specs["TrainingJob"]["trainingJobName"].startswith("slipway-prod-")


@pytest.mark.parametrize("page", ["ray", "argo-workflows", "spark", "sagemaker-from-kubernetes"])
def test_the_stack_file_of_a_page_is_one_that_prod_could_be(page):
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
    (shown,) = [
        yaml.safe_load(block.split("```")[0]) for block in text.split("```yaml\n")[1:] if "slipway:" in block[:9]
    ]
    stack = dict(settings_of(ROOT / "stacks" / "config" / "Pulumi.prod.yaml"))
    for key, values in shown.items():
        section = key.removeprefix("slipway:")
        stack[section] = {**stack[section], **values}
    before = settings_of(ROOT / "stacks" / "config" / "Pulumi.prod.yaml")["addons"]
    stack["addons"]["enable"] = sorted({*before["enable"], *stack["addons"]["enable"]})
    stack["addons"]["settings"] = {**before.get("settings", {}), **stack["addons"].get("settings", {})}
    assert parse(stack, TODAY).addons.enable
