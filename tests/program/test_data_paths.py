"""Whether data gets where it is to be kept, from the plan alone: each path of the platform, link by link.

Then the same paths with one link taken out, each of which must be named.
"""

import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import pytest

from slipway.plan.model import Plan, Resource
from tests.contract import charts, foreign
from tests.program import conftest, data_path, test_addons_private
from tests.program.addon_stacks import COMPONENT, DIRECTORY, RELEASE, of
from tests.program.data_path import MULTIPART, READ, WRITE, MissingLinkError, Trail, Workload, World, places
from tests.program.policy_evaluation import Policies

pytestmark = charts.needs_reference

PROFILE: Final = "people"
TENANT: Final = "language"
"""Of `prod`."""
TEXT_OF_KEY = re.compile(r"(?i)(access_?key|secret_?key)\w*=\S")


PROFILES: Final = {"profiles": {PROFILE: {"owner": "ada@example.com"}}}


@cache
def plan() -> Plan:
    """`prod` with the whole platform and one profile."""
    settings = dict(conftest.settings_of(conftest.ROOT / "stacks/config/Pulumi.prod.yaml"))
    return of({**settings, "addons": {"preset": "full", "settings": {"kubeflow-profiles": PROFILES}}}).plan


@cache
def private() -> Plan:
    """The same without a way to the internet: secrets come through an endpoint, too."""
    return of(test_addons_private.platform(**{"kubeflow-profiles": PROFILES})).plan


def follow(name: str, path: Callable[[Trail], None], recorded: Plan, home: str = PROFILE) -> list[str]:
    trail = Trail(name=name, world=World(plan=recorded, home=home, foreign=foreign.brought))
    path(trail)
    return trail.passed


# The paths.


def notebook_to_s3(trail: Trail) -> None:
    """As the spawner of notebooks starts them, and with what the profile's PodDefault `aws` tells them."""
    told = trail.world.find("PodDefault", "aws", trail.world.home) or {"spec": {"env": ()}}
    person = trail.people(
        trail.world.home, "default-editor", [f"{each['name']}={each['value']}" for each in told["spec"]["env"]]
    )
    roles = {text.partition("=")[0]: place for text in person.texts for place in places([text])}
    assert roles.keys() == {"S3_DATA", "S3_ARTIFACTS", "S3_MODELS"}
    for role, place in roles.items():
        trail.bucket(person, place, READ if role == "S3_DATA" else (*READ, *WRITE, *MULTIPART))


def step_to_s3(trail: Trail) -> None:
    """A step of a pipeline: its artifacts by the launcher, its log by Argo's executor, both in its own pod."""
    launcher = trail.world.find("ConfigMap", "kfp-launcher", trail.world.home) or {"data": {}}
    step = trail.people(trail.world.home, "default-editor", launcher["data"].values())
    (root,) = trail.need("configuration", list(places(step.texts)), "steps are told no place for artifacts")
    _s3_host(trail, step)
    trail.bucket(step, root, (*READ, *WRITE, *MULTIPART))
    argo = trail.world.find("ConfigMap", "kubeflow-pipelines-argo", "kubeflow") or {"data": {}}
    s3 = json.loads(argo["data"]["artifactRepository"])["s3"]
    log = re.sub(r"\{\{workflow\.namespace\}\}", trail.world.home, s3["keyFormat"])
    assert s3["useSDKCreds"] is True
    trail.bucket(step, f"s3://{s3['bucket']}/{re.sub('[{}]', '', log)}", WRITE, listing=False)


def pipelines_to_s3(trail: Trail) -> None:
    """The API server keeps pipelines as they were uploaded; the web page shows what runs left."""
    server = trail.pod("kubeflow", "Deployment/ml-pipeline")
    _s3_host(trail, server)
    told = dict(text.partition("=")[::2] for text in server.texts)
    assert not [text for text in server.texts if TEXT_OF_KEY.search(text)]
    place = f"s3://{told['OBJECTSTORECONFIG_BUCKETNAME']}/{told['OBJECTSTORECONFIG_PIPELINEPATH']}"
    trail.bucket(server, place, (*READ, *WRITE, *MULTIPART))
    page = trail.pod("kubeflow", "Deployment/ml-pipeline-ui")
    told = dict(text.partition("=")[::2] for text in page.texts)
    trail.bucket(page, f"s3://{told['ARGO_ARCHIVE_BUCKETNAME']}/pipelines/{trail.world.home}", READ, listing=False)


def pipelines_to_rds(trail: Trail) -> None:
    """Runs by the API server, what they read and wrote by the metadata server."""
    server = trail.pod("kubeflow", "Deployment/ml-pipeline")
    trail.database(server, "kubeflow-pipelines-database", "mlpipeline")
    metadata = trail.pod("kubeflow", "Deployment/metadata-grpc-deployment")
    trail.database(metadata, "kubeflow-pipelines-metadata", "metadb")


def katib_to_rds(trail: Trail) -> None:
    """Metrics of trials."""
    trail.database(trail.pod("kubeflow", "Deployment/katib-db-manager"), "katib-database", "katib")


def registry_to_rds(trail: Trail) -> None:
    """Models and their versions."""
    server = trail.pod("kubeflow", "Deployment/model-registry-deployment")
    trail.database(server, "model-registry-database", "model_registry")


def kserve_to_s3(trail: Trail) -> None:
    """What copies a model into its server's pod."""
    trail.bucket(
        trail.people("models", "models"), f"s3://{bucket('models', trail.world)}/{trail.world.home}/model/1", READ
    )


def mlflow_to_s3(trail: Trail) -> None:
    """Files of runs, all through the server."""
    server = trail.chart("mlflow", "Deployment/mlflow")
    assert not [text for text in server.texts if TEXT_OF_KEY.search(text)]
    root = _values(trail.world, "mlflow")["artifactRoot"]["s3"]
    trail.bucket(server, f"s3://{root['bucket']}/{root['path']}", (*READ, *WRITE, *MULTIPART, "s3:DeleteObject"))


def mlflow_to_rds(trail: Trail) -> None:
    """Runs and models."""
    server = trail.chart("mlflow", "Deployment/mlflow")
    trail.database(server, "mlflow-db", "mlflow")
    secret = _values(trail.world, "mlflow")["backendStore"]["existingDatabaseSecret"]
    for key in ("usernameKey", "passwordKey"):
        trail.secret("mlflow", secret["name"], secret[key])


def feast_to_s3(trail: Trail) -> None:
    """Sources of features, which the offline server reads and writes."""
    server = trail.people("feast", "feast-store")
    trail.bucket(server, f"s3://{bucket('data', trail.world)}/features", (*READ, *WRITE, *MULTIPART))


def feast_to_rds(trail: Trail) -> None:
    """The registry. The operator makes the servers from the FeatureStore, and reads their Secrets by their names."""
    store = trail.world.find("FeatureStore", "store", "feast")
    trail.need("workload", store, "no FeatureStore store in feast")
    text = json.dumps(store)
    maker = trail.secret("feast", "feast-registry", "sql")
    server = Workload(
        title="FeatureStore store",
        namespace="feast",
        service_account="feast-store",
        texts=tuple(maker["spec"]["target"]["template"]["data"].values()),
        secrets=tuple(("feast-registry", key) for key in ("username", "password") if f'"{key}"' in text),
    )
    trail.database(server, "feast-registry", "feast")
    trail.secret("feast", "feast-redis", "redis")


def argo_to_s3(trail: Trail) -> None:
    """Files and logs of workflows."""
    s3 = _values(trail.world, "argo-workflows")["artifactRepository"]["s3"]
    assert s3["useSDKCreds"] is True
    place = re.sub("[{}]", "", s3["keyFormat"].replace("{{workflow.namespace}}", "workflows"))
    trail.bucket(trail.people("workflows", "workflow"), f"s3://{s3['bucket']}/{place}", (*READ, *WRITE, *MULTIPART))
    server = trail.chart("argo-workflows", "Deployment/argo-workflows-server")
    trail.bucket(server, f"s3://{s3['bucket']}/{place}", READ, listing=False)


def spark_to_s3(trail: Trail) -> None:
    """Jobs read the platform's data, and write their own and their event logs."""
    _job(trail, "spark-jobs", "spark", "spark")


def ray_to_s3(trail: Trail) -> None:
    """Jobs read the platform's data, and write their own."""
    _job(trail, "ray", "ray", "ray")


def _job(trail: Trail, namespace: str, account: str, prefix: str) -> None:
    job = trail.people(namespace, account)
    trail.bucket(job, f"s3://{bucket('data', trail.world)}/datasets", READ)
    trail.bucket(job, f"s3://{bucket('artifacts', trail.world)}/{prefix}/{namespace}", (*READ, *WRITE, *MULTIPART))


def _s3_host(trail: Trail, workload: Workload) -> None:
    host = trail.world.service("s3")
    trail.need("configuration", workload.says(re.escape(host)), f"{workload.title} is not told {host}")


def bucket(role: str, world: World) -> str:
    """The name of a bucket, by its role."""
    return str(world.plan.one(data_path.BUCKET, f"storage-{role}").outputs["bucket"])


def _values(world: World, release: str) -> Any:
    return world.plan.one(RELEASE, release).inputs["values"]


PATHS: dict[str, Callable[[Trail], None]] = {
    name.replace("_", "-"): function
    for name, function in list(globals().items())
    if re.fullmatch(r"[a-z]+_to_(s3|rds)", name)
}


@pytest.mark.parametrize("recorded", [plan, private])
@pytest.mark.parametrize("name", PATHS)
def test_data_gets_where_it_is_kept(name, recorded):
    check(name, follow(name, PATHS[name], recorded()))


def check(name: str, passed: list[str]) -> None:
    ends = {
        "s3": {"bucket", "policy", "key", "endpoint"},
        "rds": {"host", "account", "master secret", "security group", "TLS"},
    }
    assert ends[name.rpartition("-")[2]] <= set(passed)


@pytest.mark.parametrize("name", ["notebook-to-s3", "step-to-s3", "pipelines-to-s3", "kserve-to-s3"])
def test_a_tenants_data_gets_where_it_is_kept_through_its_policies(name):
    assert Policies.of(World(plan=plan()).objects).by_space[TENANT]
    check(name, follow(name, PATHS[name], plan(), TENANT))


def test_every_service_of_the_issue_has_its_paths():
    assert {
        "notebook-to-s3", "step-to-s3", "pipelines-to-s3", "pipelines-to-rds", "katib-to-rds", "kserve-to-s3",
        "mlflow-to-s3", "mlflow-to-rds", "registry-to-rds", "feast-to-s3", "feast-to-rds", "argo-to-s3",
    } <= PATHS.keys()  # fmt: skip


def test_every_account_that_has_a_role_is_an_account():
    """An association of a misspelt account is accepted, and gives nobody anything."""
    world = World(plan=plan(), foreign=foreign.brought)
    charted = {each.name for each in plan().of_type(RELEASE, "aws:eks/addon:Addon")}
    for addon in plan().of_type(COMPONENT):
        for part in plan().descendants(addon):
            # The contract tests hold those of charts.
            if part.type == data_path.ASSOCIATION and addon.name not in charted:
                who = (part.inputs["serviceAccount"], part.inputs["namespace"])
                assert world.find("ServiceAccount", *who), f"{addon.name}: nobody makes {who}"


# One link less.

Change = Callable[[Resource], Resource | None]


def without(type_: str, name: str = ".*") -> Change:
    """Leaves out resources by type and logical name, both patterns."""
    return lambda each: None if re.fullmatch(type_, each.type) and re.fullmatch(name, each.name) else each


def altered(type_: str, name: str, change: Callable[[dict[str, Any]], None]) -> Change:
    """Changes the inputs of resources by type and logical name, both patterns."""

    def alter(each: Resource) -> Resource:
        if not re.fullmatch(type_, each.type) or not re.fullmatch(name, each.name):
            return each
        inputs = json.loads(json.dumps(each.inputs))
        change(inputs)
        return dataclasses.replace(each, inputs=inputs)

    return alter


def replaced(type_: str, name: str, old: str, new: str) -> Change:
    """Changes a text, wherever it stands in the inputs of resources by type and logical name, both patterns."""

    def change(inputs: dict[str, Any]) -> None:
        new_inputs = json.loads(re.sub(old, new, json.dumps(inputs)))
        inputs.clear()
        inputs.update(new_inputs)

    return altered(type_, name, change)


def changed(change: Change) -> Plan:
    kept = [new for each in plan().resources if (new := change(each)) is not None]
    assert kept != list(plan().resources), "the change finds nothing"
    return dataclasses.replace(plan(), resources=tuple(kept))


def _policy(old: str, new: str = "") -> Callable[[dict[str, Any]], None]:
    def change(inputs: dict[str, Any]) -> None:
        assert old in inputs["policy"]
        inputs["policy"] = inputs["policy"].replace(old, new)

    return change


def _refusing(inputs: dict[str, Any]) -> None:
    policy = json.loads(inputs["policy"])
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*"})
    inputs["policy"] = json.dumps(policy)


def _unlabelled(inputs: dict[str, Any]) -> None:
    del inputs["metadata"]["labels"]["slipway.io/secrets"]


def _untrusting(inputs: dict[str, Any]) -> None:
    inputs["assumeRolePolicy"] = inputs["assumeRolePolicy"].replace("pods.eks", "ec2")


def _unrouted(inputs: dict[str, Any]) -> None:
    inputs["routeTableIds"] = inputs["routeTableIds"][1:]


def _closed(inputs: dict[str, Any]) -> None:
    inputs["fromPort"] = inputs["toPort"] = 1


def _key_policy(inputs: dict[str, Any]) -> None:
    inputs["policy"] = json.dumps({"Statement": []})


def _of_nowhere(inputs: dict[str, Any]) -> None:
    del inputs["spec"]["data"], inputs["spec"]["secretStoreRef"]


def _shutting(inputs: dict[str, Any]) -> None:
    """Something else becomes a policy of MLflow's namespace that lets nothing out."""
    inputs.update(
        kind="NetworkPolicy",
        metadata={"name": "shut", "namespace": "mlflow"},
        spec={"podSelector": {}, "policyTypes": ["Egress"]},
    )


EXTERNAL = "kubernetes:external-secrets.io/v1:ExternalSecret"
STORE = "kubernetes:external-secrets.io/v1:ClusterSecretStore"
JOB = "kubernetes:batch/v1:Job"
CONFIG = "kubernetes:core/v1:ConfigMap"
SPACE = "kubernetes:core/v1:Namespace"
MLFLOW_POLICY = "mlflow-mlflow"

MISSING: list[tuple[str, str, str, Change]] = [
    ("workload", "mlflow-to-s3", "no release mlflow", without(RELEASE, "mlflow")),
    ("workload", "katib-to-rds", "no Deployment/katib-db-manager", without(DIRECTORY, "katib")),
    (
        "service account",
        "kserve-to-s3",
        "models/models",
        without("kubernetes:core/v1:ServiceAccount", "kserve-models-.*"),
    ),
    (
        "service account",
        "notebook-to-s3",
        "people/default-editor",
        without("kubernetes:core/v1:ServiceAccount", ".*editor-people"),
    ),
    ("association", "mlflow-to-s3", "mlflow/mlflow", without(data_path.ASSOCIATION, MLFLOW_POLICY)),
    (
        "association",
        "kserve-to-s3",
        "models/models",
        replaced(data_path.ASSOCIATION, "kserve-models.*", '"models"', '"model"'),
    ),
    ("agent", "mlflow-to-s3", "eks-pod-identity-agent", without(COMPONENT, "eks-pod-identity-agent")),
    ("role", "step-to-s3", "which nobody makes", without(data_path.ROLE, ".*people-default-editor.*")),
    (
        "trust",
        "argo-to-s3",
        "does not let Pod Identity",
        altered(data_path.ROLE, "argo-workflows-namespaces.*", _untrusting),
    ),
    (
        "policy",
        "mlflow-to-s3",
        "s3:PutObject",
        altered(data_path.POLICY, MLFLOW_POLICY, _policy('"s3:PutObject"', '"s3:PutObjectAcl"')),
    ),
    (
        "policy",
        "mlflow-to-s3",
        "s3:ListBucket",
        altered(data_path.POLICY, MLFLOW_POLICY, _policy("s3:ListBucket", "s3:ListBuckets")),
    ),
    (
        "policy",
        "pipelines-to-s3",
        "pipeline-specs/file",
        altered(data_path.POLICY, "kubeflow-pipelines-ml-pipeline", _policy("pipeline-specs", "specs")),
    ),
    (
        "policy",
        "step-to-s3",
        "pipelines/people/file",
        altered(data_path.POLICY, ".*people-default-editor.*", _policy("/pipelines/people/*", "/pipelines/x/*")),
    ),
    (
        "policy",
        "kserve-to-s3",
        "s3:GetObject",
        altered(data_path.POLICY, "kserve-models.*", _policy("s3:GetObject", "s3:GetObjectTagging")),
    ),
    (
        "bucket",
        "mlflow-to-s3",
        "which nobody makes",
        replaced(RELEASE, "mlflow", '"bucket": "[^"]+"', '"bucket": "other"'),
    ),
    (
        "bucket policy",
        "mlflow-to-s3",
        "refuses s3:PutObject",
        altered(data_path.BUCKET_POLICY, "storage-artifacts", _refusing),
    ),
    ("encryption", "feast-to-s3", "encrypted by no key", without(data_path.ENCRYPTION, "storage-data")),
    ("key", "feast-to-s3", "no key of the stack's", without(data_path.KEY, "data")),
    ("key", "feast-to-s3", "leave it to IAM", altered(data_path.KEY, "data", _key_policy)),
    (
        "key policy",
        "notebook-to-s3",
        "kms:GenerateDataKey",
        altered(data_path.POLICY, ".*people-default-editor.*", _policy("kms:GenerateDataKey", "kms:DescribeKey")),
    ),
    (
        "key policy",
        "mlflow-to-s3",
        "kms:Decrypt",
        altered(data_path.POLICY, MLFLOW_POLICY, _policy("s3.us-west-2.amazonaws.com", "s3.us-east-1.amazonaws.com")),
    ),
    ("endpoint", "argo-to-s3", "no gateway endpoint", without(data_path.ENDPOINT, "network-s3")),
    ("endpoint", "argo-to-s3", "not in the routes", altered(data_path.ENDPOINT, "network-s3", _unrouted)),
    ("endpoint", "registry-to-rds", "no way to secretsmanager", without(data_path.NAT)),
    (
        "network policy",
        "mlflow-to-s3",
        "nothing lets it out of mlflow",
        altered(CONFIG, ".*-metadata-grpc-configmap-people", _shutting),
    ),
    (
        "configuration",
        "pipelines-to-s3",
        "is not told s3.us-west-2",
        replaced(CONFIG, ".*-kubeflow-pipelines-settings-.*", "s3.us-west-2.amazonaws.com", "minio"),
    ),
    ("configuration", "step-to-s3", "no place for artifacts", without(CONFIG, ".*kfp-launcher-people")),
    (
        "host",
        "katib-to-rds",
        "the address of no database",
        replaced(EXTERNAL, "katib-settings-.*", r"slipway-prod-metadata\.[\w.]+", "localhost"),
    ),
    ("port", "registry-to-rds", "5432", replaced(EXTERNAL, "model-registry-settings-.*", '"5432"', '"5433"')),
    (
        "schema",
        "pipelines-to-rds",
        "mlpipeline",
        replaced(CONFIG, ".*-kubeflow-pipelines-settings-.*", '"mlpipeline"', '"x"'),
    ),
    ("credentials", "mlflow-to-rds", "mlflow/mlflow-db", replaced(RELEASE, "mlflow", "mlflow-db", "mlflow-other")),
    (
        "key of a secret",
        "mlflow-to-rds",
        "has no user",
        replaced(RELEASE, "mlflow", '"usernameKey": "username"', '"usernameKey": "user"'),
    ),
    (
        "generator",
        "katib-to-rds",
        "which is not there",
        without("kubernetes:generators.external-secrets.io/v1alpha1:Password", "katib-.*"),
    ),
    ("store", "katib-to-rds", "database-accounts is not there", without(STORE, "database-accounts-.*")),
    ("store", "katib-to-rds", "secrets-manager is not there", without(STORE, "external-secrets-store-.*")),
    ("label", "mlflow-to-rds", "which mlflow has not", altered(SPACE, "mlflow-.*", _unlabelled)),
    ("label", "katib-to-rds", "which databases has not", altered(SPACE, "database-accounts-.*", _unlabelled)),
    ("operator", "katib-to-rds", "external-secrets is not there", without(RELEASE, "external-secrets")),
    (
        "service account",
        "katib-to-rds",
        "account-reader",
        without("kubernetes:core/v1:ServiceAccount", "database-accounts-.*"),
    ),
    (
        "reader",
        "katib-to-rds",
        "may not read the Secret",
        without("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "katib-settings-.*"),
    ),
    (
        "reader",
        "katib-to-rds",
        "may not read the Secret",
        replaced(
            "kubernetes:rbac.authorization.k8s.io/v1:Role",
            "katib-settings-.*",
            '"resourceNames": \\["[^"]+"',
            '"resourceNames": ["x"',
        ),
    ),
    (
        "policy",
        "katib-to-rds",
        "secretsmanager:GetSecretValue",
        altered(data_path.POLICY, "external-secrets-.*", _policy("GetSecretValue", "ListSecrets")),
    ),
    (
        "key policy",
        "katib-to-rds",
        "kms:Decrypt",
        altered(data_path.POLICY, "external-secrets-.*", _policy("kms:Decrypt", "kms:Encrypt")),
    ),
    ("account", "katib-to-rds", "no Job makes", without(JOB, "katib-settings-.*")),
    (
        "account",
        "katib-to-rds",
        "does not make katib",
        replaced(
            JOB, "katib-settings-.*", '"name": "SCHEMAS", "value": "katib"', '"name": "SCHEMAS", "value": "other"'
        ),
    ),
    (
        "account",
        "katib-to-rds",
        "on another database",
        replaced(JOB, "katib-settings-.*", r"slipway-prod-metadata\.[\w.]+", "localhost"),
    ),
    (
        "account",
        "katib-to-rds",
        "logs in as",
        replaced(
            JOB, "katib-settings-.*", '"name": "ACCOUNT", "value": "katib"', '"name": "ACCOUNT", "value": "other"'
        ),
    ),
    (
        "account",
        "feast-to-rds",
        "no account that is made here",
        altered(EXTERNAL, "feast-store-.*-feast-registry-feast", _of_nowhere),
    ),
    ("secret", "feast-to-rds", "nobody makes the Secret feast/feast-redis", without(EXTERNAL, "feast-redis-.*")),
    (
        "master secret",
        "katib-to-rds",
        "is no database's",
        replaced(EXTERNAL, "database-accounts-.*-metadata-master-.*", 'secret:rds![^"]+', "secret:rds!db-x"),
    ),
    (
        "master secret",
        "mlflow-to-rds",
        "another database's",
        replaced(JOB, "mlflow-database-.*", "metadata-master", "pipelines-master"),
    ),
    (
        "security group",
        "registry-to-rds",
        "nodes do not reach databases-metadata:5432",
        altered(".*[sS]ecurityGroupIngressRule", "databases-metadata-.*", _closed),
    ),
    (
        "TLS",
        "mlflow-to-rds",
        "speaks no TLS",
        replaced(RELEASE, "mlflow", '"PGSSLMODE": "require"', '"PGSSLMODE": "prefer"'),
    ),
    (
        "TLS",
        "pipelines-to-rds",
        "speaks no TLS",
        replaced(CONFIG, ".*-kubeflow-pipelines-settings-.*", "skip-verify", "false"),
    ),
]


@pytest.mark.parametrize(
    ("link", "path", "message", "change"),
    [pytest.param(*each, id=f"{each[0]}-{each[1]}-{at}") for at, each in enumerate(MISSING)],
)
def test_a_missing_link_is_named(link, path, message, change):
    broken = changed(change)
    with pytest.raises(MissingLinkError, match=re.escape(message)) as raised:
        follow(path, PATHS[path], broken)
    assert raised.value.link == link


def test_each_kind_of_link_is_taken_out_once():
    kinds = set(
        re.findall(
            r'\bneed\(\s*"([\w ]+)"',
            inspect.getsource(data_path) + inspect.getsource(step_to_s3) + inspect.getsource(_s3_host),
        )
    )
    assert {link for link, *_ in MISSING} >= kinds | {"policy", "key policy"}


def test_a_database_that_asks_for_no_tls_is_spoken_to_without():
    plain = replaced(
        data_path.PARAMETERS, "databases-metadata", r'"rds.force_ssl", "value": "1"', '"rds.force_ssl", "value": "0"'
    )
    without_tls = replaced(RELEASE, "mlflow", '"PGSSLMODE": "require"', '"PGSSLMODE": "prefer"')
    broken = changed(lambda each: plain(without_tls(each)))  # type: ignore[arg-type]  # neither leaves anything out
    assert "TLS" in follow("mlflow-to-rds", mlflow_to_rds, broken)
