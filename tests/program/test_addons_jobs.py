"""Plans with the engines: who waits for whom, and whose role each job's account has."""

import functools
import json

import pytest

from tests.contract import selections
from tests.program.addon_stacks import CATALOGUE, RELEASE, Recorded, grounded, of

ENGINES = (
    "ack-ecr-controller",
    "ack-s3-controller",
    "ack-sagemaker-controller",
    "argo-workflows-archive",
    "argo-workflows-namespaces",
    "aws-load-balancer-controller",
    "ray-namespaces",
    "spark-namespaces",
)
ACCOUNTS = {
    ("workflows", "workflow"),
    ("vision", "workflow"),
    ("ray", "ray"),
    ("spark-jobs", "spark"),
    ("vision", "spark"),
}
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
ROLE = "eks.amazonaws.com/role-arn"


@functools.cache
def plan(identity: str) -> Recorded:
    """`prod` with the engines, jobs in a namespace of a team, Argo's archive and its page."""
    settings = grounded(selections.closure(ENGINES, CATALOGUE))
    settings["edge"]["entries"] = sorted({*settings["edge"]["entries"], "argo"})
    settings["addons"]["identity"] = identity
    settings["addons"]["settings"] = {
        "argo-workflows": {"archiveDays": 30},
        "argo-workflows-namespaces": {"namespaces": ["vision"]},
        "spark-namespaces": {"namespaces": ["vision"]},
    }
    return of(settings)


@pytest.fixture(params=["pod-identity", "irsa"], name="identity")
def _identity(request) -> str:
    return str(request.param)


def release(it: Recorded, addon: str) -> str:
    (found,) = [part for part in it.parts(addon) if part.type == RELEASE]
    return str(found.urn)


def test_every_account_of_jobs_has_a_role_of_its_own(identity):
    it = plan(identity)
    documents = {}
    for name in ("argo-workflows-namespaces", "ray-namespaces", "spark-namespaces"):
        for part in it.parts(name):
            if part.type == "aws:iam/rolePolicy:RolePolicy":
                documents[part.inputs["policy"]] = name
    assert len(documents) == len(ACCOUNTS)
    if identity == "pod-identity":
        found = it.plan.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
        assert {(each.inputs["namespace"], each.inputs["serviceAccount"]) for each in found} >= ACCOUNTS
    else:
        roles = {
            (part.inputs["metadata"]["namespace"], part.inputs["metadata"]["name"]): part.inputs["metadata"][
                "annotations"
            ][ROLE]
            for name in ("argo-workflows-namespaces", "ray-namespaces", "spark-namespaces")
            for part in it.parts(name)
            if part.inputs.get("kind") == "ServiceAccount"
        }
        assert set(roles) == ACCOUNTS
        assert len(set(roles.values())) == len(ACCOUNTS)
    assert all(json.loads(document)["Statement"] for document in documents)


def test_the_kinds_are_there_before_who_serves_them_and_until_that_is_gone(identity):
    it = plan(identity)
    for first, then in (
        ("argo-crds", "argo-workflows"),
        ("ack-crds", "ack-sagemaker-controller"),
        ("ack-crds", "ack-s3-controller"),
        ("ack-crds", "ack-ecr-controller"),
    ):
        (kinds,) = [part.urn for part in it.parts(first) if part.type == "kubernetes:kustomize/v2:Directory"]
        assert kinds in it.behind[release(it, then)], (first, then)


def test_argo_finds_its_account_on_the_database_when_it_starts(identity):
    it = plan(identity)
    made = {(part.inputs["kind"], part.urn) for part in it.parts("argo-workflows-archive") if "kind" in part.inputs}
    assert {kind for kind, _ in made} >= {"ExternalSecret", "Job"}
    assert {urn for _, urn in made} <= it.behind[release(it, "argo-workflows")]


def test_argo_s_page_is_behind_the_load_balancer_s_login(identity):
    it = plan(identity)
    (rule,) = [each for each in it.plan.of_type("aws:lb/listenerRule:ListenerRule") if "argo." in str(each.inputs)]
    assert [each["type"] for each in rule.inputs["actions"]] == ["authenticate-cognito", "forward"]
    (group,) = [each for each in it.plan.of_type(TARGET_GROUP) if "argo" in each.name]
    (binding,) = [part for part in it.parts("argo-workflows") if part.inputs.get("kind") == "TargetGroupBinding"]
    assert binding.inputs["spec"]["serviceRef"] == {"name": "argo-workflows-server", "port": group.inputs["port"]}
