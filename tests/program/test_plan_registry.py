"""The registry as planned: images that private clusters can pull, builds that start when their work changes."""

import copy
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog import upstreams
from infra.registry.cache import prefix
from infra.registry.images import sources
from slipway.plan.cost import cost
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.contract.aws_calls import CALLS
from tests.contract.test_aws_inputs import problems
from tests.program.conftest import ROOT, settings_of

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
RULE = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
PROJECT = "aws:codebuild/project:Project"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
PARAMETER = "aws:ssm/parameter:Parameter"
RELEASE = "kubernetes:helm.sh/v3:Release"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
DIGEST = "sha256:" + "0a" * 32
NOTEBOOKS = ("cpu", "gpu", "neuron")


def recorded(raw: Mapping[str, Any], *, preview: bool = False) -> Plan:
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    return record(main, project="slipway", stack="test", config=config, preview=preview)


def with_registry(path: str, registry: Mapping[str, Any] | None, **platform: Any) -> dict[str, Any]:
    """The settings of a stack file with this registry, and the bucket that it needs."""
    raw: dict[str, Any] = copy.deepcopy(dict(settings_of(ROOT / path)))
    raw["storage"].setdefault("buckets", {}).setdefault("artifacts", {})
    raw["platform"] |= platform
    raw.pop("registry", None)
    return {**raw, "registry": registry} if registry is not None else raw


@functools.cache
def closed() -> Plan:
    """A cluster without internet: everything is mirrored by default."""
    registry = {
        "repositories": [{"name": "team/model", "mutableTags": ["latest"]}, {"name": "try", "disposable": True}],
        "mirrorImages": ["busybox:1.37", f"quay.io/org/app:v1@{DIGEST}", "quay.io/org/app:v1"],
        "mirrorSecrets": {"docker.io": "arn:aws:secretsmanager:us-east-2:123456789012:secret:hub-AbCdEf"},
        "notebookImages": list(NOTEBOOKS),
    }
    return recorded(with_registry("examples/Pulumi.private.yaml", registry, disposable=False))


SECRET = "arn:aws:secretsmanager:us-west-2:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"


@functools.cache
def cached() -> Plan:
    """A cluster with internet that pulls through caches."""
    registry = {"pullThrough": [{"host": "registry.k8s.io"}, {"host": "docker.io", "secretArn": SECRET}]}
    return recorded(with_registry("stacks/config/Pulumi.dev.yaml", registry))


def images(values: Any) -> Iterator[str]:
    """The repositories of images in a chart's values."""
    if isinstance(values, Mapping):
        image = values.get("image")
        if isinstance(image, Mapping) and "repository" in image:
            yield image["repository"]
        for value in values.values():
            yield from images(value)


def statements(plan: Plan, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(plan.one(ROLE_POLICY, name).inputs["policy"])["Statement"]
    return found


def behind(plan: Plan, urn: str) -> set[str]:
    """Everything that a resource waits for."""
    by_urn = {resource.urn: resource for resource in plan}
    seen: set[str] = set()
    waiting = [urn]
    while waiting:
        for other in by_urn[waiting.pop()].dependencies:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


# Clusters without internet.


def test_what_charts_pull_is_what_the_mirror_copies():
    plan = closed()
    lines = [line.split() for line in plan.one(OBJECT, "registry-mirror").inputs["content"].splitlines()]
    platform = plan.one("aws:eks/cluster:Cluster").inputs["name"]
    autoscaler = plan.one(RELEASE, "cluster-autoscaler").inputs["values"]["image"]
    copies = {target: source for source, target in lines}
    pulled = f"{platform}/mirror/registry.k8s.io/autoscaling/cluster-autoscaler:{autoscaler['tag']}"
    assert copies[pulled] == f"registry.k8s.io/autoscaling/cluster-autoscaler:{autoscaler['tag']}"
    assert autoscaler["repository"].endswith(f"/{pulled.rpartition(':')[0]}")
    assert copies[f"{platform}/mirror/docker.io/library/busybox:1.37"] == "docker.io/library/busybox:1.37"
    # Two images of one tag, one of them by digest, do not get in each other's way.
    app = f"{platform}/mirror/quay.io/org/app"
    assert copies[f"{app}:{DIGEST.replace(':', '-')}"] == f"quay.io/org/app:v1@{DIGEST}"
    assert copies[f"{app}:v1"] == "quay.io/org/app:v1"
    # EKS's own registry is within reach, and has the EFA plugin.
    assert not any("aws-efa" in source for source in copies.values())
    names = {repository.inputs["name"] for repository in plan.of_type(REPOSITORY)}
    assert {target.rpartition(":")[0] for target in copies} <= names


def test_a_chart_comes_after_the_copies_were_asked_for():
    plan = closed()
    started = plan.one(PARAMETER, "registry-mirror").urn
    for name in ("cluster-autoscaler", "nvidia-device-plugin"):
        assert started in behind(plan, plan.one(RELEASE, name).urn)


def test_copies_do_not_wait_for_the_cluster():
    """They are made while the control plane is: nodes find them when they come."""
    plan = closed()
    types = {
        resource.type for resource in plan if resource.urn in behind(plan, plan.one(PARAMETER, "registry-mirror").urn)
    }
    assert not {"aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"} & types


def test_the_first_event_of_a_new_stack_comes_when_its_rule_has_been_there_for_a_while():
    """A new rule does not match at once (EventBridge API, PutRule), and nobody starts a lost build before the next day.

    What nodes need of the network takes minutes to make, and the control plane longer.
    """
    plan = closed()
    endpoints = {each.urn for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert endpoints
    for project in plan.of_type(PROJECT):
        assert endpoints <= behind(plan, plan.one(PARAMETER, project.name).urn)
        for type_ in ("aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"):
            assert not endpoints & behind(plan, plan.one(type_, project.name).urn)


def unreachable(plan: Plan) -> list[str]:
    return [warning for warning in plan.outputs["warnings"] if "not in Amazon ECR" in warning]


def test_only_images_that_nothing_copies_are_warned_of():
    assert unreachable(closed()) == []
    raw = with_registry("examples/Pulumi.private.yaml", {"mirror": False})
    (warning,) = unreachable(recorded(raw))
    assert "nvcr.io/nvidia/k8s-device-plugin:v0.20.0 (nvidia-device-plugin)" in warning
    assert "registry.k8s.io/autoscaling/cluster-autoscaler:" in warning
    assert "aws-efa" not in warning
    assert "set registry.mirror" in warning
    assert unreachable(cached()) == []


# Pull-through caches.


def test_charts_pull_through_the_cache_of_their_registry():
    plan = cached()
    place = plan.one(RULE, "registry-cache-k8s").inputs["ecrRepositoryPrefix"]
    image = plan.one(RELEASE, "cluster-autoscaler").inputs["values"]["image"]["repository"]
    assert image == f"123456789012.dkr.ecr.us-west-2.amazonaws.com/{place}/autoscaling/cluster-autoscaler"
    assert "image" not in plan.one(RELEASE, "nvidia-device-plugin").inputs["values"]
    assert plan.one(RULE, "registry-cache-k8s").urn in behind(plan, plan.one(RELEASE, "cluster-autoscaler").urn)


def test_the_rules_name_upstreams_as_ecr_does():
    rules = {rule.name: rule.inputs for rule in cached().of_type(RULE)}
    # ECR API reference, CreatePullThroughCacheRule.
    assert rules["registry-cache-k8s"]["upstreamRegistryUrl"] == "registry.k8s.io"
    assert rules["registry-cache-docker-hub"]["upstreamRegistryUrl"] == "registry-1.docker.io"
    assert rules["registry-cache-docker-hub"]["credentialArn"] == SECRET
    assert "credentialArn" not in rules["registry-cache-k8s"]


def test_what_ecr_creates_is_encrypted_tagged_and_expires():
    plan = cached()
    key = plan.one("aws:kms/key:Key", "data").outputs["arn"]
    for rule in plan.of_type(RULE):
        template = plan.one(TEMPLATE, rule.name)
        assert template.inputs["prefix"] == rule.inputs["ecrRepositoryPrefix"]
        assert template.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": key}]
        assert template.inputs["resourceTags"]["ManagedBy"] == "slipway"
        assert json.loads(template.inputs["lifecyclePolicy"])["rules"]
        # Without its role ECR cannot use the key, and refuses the pull.
        assert template.inputs["customRoleArn"] == plan.one("aws:iam/role:Role", "registry-cache").outputs["arn"]
        assert template.urn in rule.dependencies


def test_nodes_may_create_cached_repositories_and_no_others():
    plan = cached()
    policy = plan.one(ROLE_POLICY, "registry-cache-pulls")
    assert policy.inputs["role"] == plan.one("aws:iam/role:Role", "nodes-node").outputs["name"]
    (statement,) = statements(plan, "registry-cache-pulls")
    # ECR user guide, "IAM permissions required to sync an upstream registry".
    assert statement["Action"] == ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:TagResource"]
    places = {rule.inputs["ecrRepositoryPrefix"] for rule in plan.of_type(RULE)}
    assert {arn.partition(":repository/")[2] for arn in statement["Resource"]} == {f"{place}/*" for place in places}


@given(st.from_regex(r"[a-z][a-z0-9]{0,49}(-[a-z0-9]{1,49})?", fullmatch=True), st.sampled_from(upstreams.hosts()))
def test_the_prefix_of_any_platform_fits(platform, host):
    assert re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*/[a-z0-9-]+", prefix(platform, host))
    assert len(prefix(platform, host)) <= 30


@given(st.sets(st.from_regex(r"[a-z]{1,30}", fullmatch=True), min_size=2, max_size=4))
def test_two_platforms_never_share_a_prefix(platforms):
    assert len({prefix(platform, "quay.io") for platform in platforms}) == len(platforms)


# Repositories.


@pytest.mark.parametrize("plan_of", [closed, cached])
def test_repositories_are_encrypted_scanned_immutable_and_have_a_lifecycle(plan_of):
    plan = plan_of()
    key = plan.one("aws:kms/key:Key", "data").outputs["arn"]
    lifecycles = {each.inputs["repository"]: json.loads(each.inputs["policy"]) for each in plan.of_type(LIFECYCLE)}
    for repository in plan.of_type(REPOSITORY):
        inputs = repository.inputs
        assert inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": key}]
        assert inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert inputs["imageTagMutability"].startswith("IMMUTABLE")
        untagged = lifecycles[inputs["name"]]["rules"][0]
        assert untagged["selection"]["tagStatus"] == "untagged"
        assert untagged["selection"]["countNumber"] == 14
        for newest in lifecycles[inputs["name"]]["rules"][1:]:
            assert (newest["selection"]["tagStatus"], newest["selection"]["countType"]) == (
                "tagged",
                "imageCountMoreThan",
            )
            assert newest["selection"]["countNumber"] >= 20


def test_images_are_kept_but_for_copies_and_what_is_disposable():
    kept = {
        repository.name: (repository.protect, repository.retain_on_delete, not repository.inputs["forceDelete"])
        for repository in closed().of_type(REPOSITORY)
    }
    for name, flags in kept.items():
        loose = name.startswith("registry-mirror-") or name == "registry-own-try"
        assert flags == ((False,) * 3 if loose else (True,) * 3), name
    assert {"registry-own-team/model", "registry-notebook-gpu"} <= set(kept)


def test_mutable_tags_are_the_only_ones_that_move():
    inputs = closed().one(REPOSITORY, "registry-own-team/model").inputs
    assert inputs["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert inputs["imageTagMutabilityExclusionFilters"] == [{"filter": "latest", "filterType": "WILDCARD"}]
    assert closed().one(REPOSITORY, "registry-own-try").inputs["imageTagMutability"] == "IMMUTABLE"


# Builds.


def variables(plan: Plan, name: str) -> dict[str, str]:
    environment = plan.one(PROJECT, name).inputs["environment"]
    return {each["name"]: each["value"] for each in environment["environmentVariables"]}


def test_notebook_images_are_built_from_what_their_tag_is_a_hash_of():
    plan = closed()
    uris = plan.outputs["registry"]["notebookImages"]
    for kind in NOTEBOOKS:
        source = sources()[f"notebook-{kind}"]
        name = f"registry-notebook-{kind}"
        sent = plan.one(OBJECT, name).inputs
        project = plan.one(PROJECT, name).inputs
        assert project["source"]["location"] == f"{sent['bucket']}/{sent['key']}"
        assert sent["key"] == f"images/notebook-{kind}/{source.tag}.zip"
        repository = plan.one(REPOSITORY, name).outputs["repositoryUrl"]
        assert variables(plan, name)["IMAGE"] == uris[f"notebook-{kind}"] == f"{repository}:{source.tag}"
        assert project["environment"]["privilegedMode"] is True
        assert plan.one(PARAMETER, name).inputs["insecureValue"] == source.tag


def test_a_build_starts_on_its_parameter_which_comes_after_all_it_needs():
    """What is made later than the event that starts the build is missing when it runs, or the event is missed."""
    plan = closed()
    for project in plan.of_type(PROJECT):
        parameter = plan.one(PARAMETER, project.name)
        rule = plan.one("aws:cloudwatch/eventRule:EventRule", project.name)
        target = plan.one("aws:cloudwatch/eventTarget:EventTarget", project.name)
        pattern = json.loads(rule.inputs["eventPattern"])
        assert pattern == {
            "source": ["aws.ssm"],
            "detail-type": ["Parameter Store Change"],
            "detail": {"name": [parameter.inputs["name"]], "operation": ["Create", "Update"]},
        }
        assert (target.inputs["rule"], target.inputs["arn"]) == (rule.outputs["name"], project.outputs["arn"])
        needed = [
            rule,
            target,
            project,
            plan.one(OBJECT, project.name),
            plan.one(ROLE_POLICY, f"{project.name}-build"),
            plan.one(ROLE_POLICY, "registry-start"),
            plan.one("aws:cloudwatch/logGroup:LogGroup", "registry-builds"),
        ]
        waits = behind(plan, parameter.urn)
        assert [each.urn for each in needed if each.urn not in waits] == []
    mirror = behind(plan, plan.one(PARAMETER, "registry-mirror").urn)
    copies = [each.urn for each in plan.of_type(REPOSITORY) if each.name.startswith("registry-mirror-")]
    assert set(copies) <= mirror


def test_a_project_says_itself_what_codebuild_would_add():
    """Else the second `up` would take it away again (pulumi/pulumi-aws, issue 3844). There are no test reports."""
    projects = closed().of_type(PROJECT)
    assert projects
    for project in projects:
        variables = {each["name"]: each for each in project.inputs["environment"]["environmentVariables"]}
        assert variables["CODEBUILD_CONFIG_AUTO_DISCOVER"]["value"] == "false"


def test_another_list_of_images_is_another_state():
    """A build that is not started leaves pods without their image."""
    raw = with_registry("examples/Pulumi.private.yaml", {"mirrorImages": ["busybox:1.37"]})
    other = with_registry("examples/Pulumi.private.yaml", {"mirrorImages": ["busybox:1.38"]})
    first, same, second = (
        recorded(each).one(PARAMETER, "registry-mirror").inputs["insecureValue"] for each in (raw, raw, other)
    )
    assert first == same != second


def test_builds_may_push_to_their_own_repositories_alone():
    plan = closed()
    platform = plan.one("aws:eks/cluster:Cluster").inputs["name"]
    key = plan.one("aws:kms/key:Key", "data").outputs["arn"]
    wanted = {f"registry-notebook-{kind}": f"{platform}/notebook-{kind}" for kind in NOTEBOOKS}
    for name, target in {**wanted, "registry-mirror": f"{platform}/mirror/*"}.items():
        pushes = [each for each in statements(plan, f"{name}-build") if "ecr:PutImage" in each["Action"]]
        assert [each["Resource"].partition(":repository/")[2] for each in pushes] == [target]
        open_ = [each["Action"] for each in statements(plan, f"{name}-build") if each["Resource"] == "*"]
        assert open_ == ["ecr:GetAuthorizationToken"]
        reads = next(each for each in statements(plan, f"{name}-build") if "s3:GetObject" in each["Action"])
        assert reads["Resource"].endswith(f"/{plan.one(OBJECT, name).inputs['key']}")
        (opens,) = [each for each in statements(plan, f"{name}-build") if "kms" in str(each["Action"])]
        assert (opens["Action"], opens["Resource"]) == ("kms:Decrypt", key)


def test_roles_of_builds_are_for_their_own_project_alone():
    plan = closed()
    for project in plan.of_type(PROJECT):
        role = plan.one("aws:iam/role:Role", f"{project.name}-build")
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Principal"] == {"Service": "codebuild.amazonaws.com"}
        assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": project.outputs["arn"]}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
        assert project.inputs["serviceRole"] == role.outputs["arn"]


def test_the_secret_of_a_registry_is_named_and_never_shown():
    plan = closed()
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:hub-AbCdEf"
    assert variables(plan, "registry-mirror")["SECRETS"] == f"docker.io={arn}"
    reads = [each for each in statements(plan, "registry-mirror-build") if "secretsmanager" in str(each["Action"])]
    assert reads == [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [arn]}]


# The plan itself.


@pytest.mark.parametrize("preview", [False, True])
def test_archives_are_recorded_by_paths_of_the_repository_and_always_the_same(preview):
    raw = with_registry("examples/Pulumi.private.yaml", {"notebookImages": ["gpu"]})
    plan, again = recorded(raw, preview=preview), recorded(raw, preview=preview)
    sent = plan.one(OBJECT, "registry-notebook-gpu")
    assert sent.inputs == again.one(OBJECT, "registry-notebook-gpu").inputs
    text = json.dumps([dict(resource.inputs) for resource in plan])
    assert str(ROOT) not in text
    # The signatures of an archive and of a file, as the engine knows them (pulumi/runtime/rpc.py).
    source = sent.inputs["source"]
    assert source["4dabf18193072939515e22adb298388d"] == "0def7320c3a5731c473e5ecbe6d01bc7"
    assert set(source["assets"]) == set(sources()["notebook-gpu"].files)
    for path, asset in source["assets"].items():
        assert asset == {
            "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
            "path": f"../images/{path}",
        }


@pytest.mark.parametrize("plan_of", [closed, cached])
def test_aws_takes_every_request_of_the_registry(plan_of):
    wrong = {
        resource.name: found
        for resource in plan_of()
        if resource.custom and resource.type in CALLS and (found := problems(resource))
    }
    assert wrong == {}


def test_an_object_has_no_more_tags_than_s3_takes():
    raw = with_registry("examples/Pulumi.private.yaml", {}, tags={f"Tag{number}": "x" for number in range(20)})
    tags = recorded(raw).one(OBJECT, "registry-mirror").inputs["tags"]
    assert len(tags) == 10
    assert {"Platform", "Environment", "Owner", "CostCenter", "ManagedBy"} <= set(tags)


def test_the_bill_says_what_of_it_is_by_use():
    found = cost(closed())
    assert not [line for line in found.unpriced if "ecr" in line or "codebuild" in line or "ssm" in line]
    assert "CodeBuild minutes" in found.by_use
    assert "ECR storage of cached images" in cost(cached()).by_use


def test_nobody_has_a_registry_who_did_not_ask_for_one():
    plan = recorded(with_registry("stacks/config/Pulumi.dev.yaml", None))
    assert not plan.of_type(REPOSITORY, RULE, PROJECT, OBJECT, PARAMETER, "slipway:infra:Registry")
    nothing = recorded(with_registry("stacks/config/Pulumi.dev.yaml", {}))
    below = nothing.descendants(nothing.one("slipway:infra:Registry"))
    assert below == ()
