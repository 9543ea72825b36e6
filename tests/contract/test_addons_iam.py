"""Every IAM policy of the catalogue: valid, small, and no wider than the makers of the software ask for."""

import json
import re
from typing import Any

import pytest
from botocore.loaders import Loader

from addons import registry
from addons.spec import AddOn
from tests.contract import charts
from tests.contract.charts import cases

CATALOGUE = registry.discover()
INLINE_LIMIT = 10_240
MANAGED_LIMIT = 6_144
PERMISSION_ONLY = {"kms:ReEncryptFrom", "kms:ReEncryptTo", "s3:ListBucket"}
"""Actions that no API operation is named after (Service Authorization Reference)."""
SERVICES = {"elasticfilesystem": "efs"}


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def documents() -> list[Any]:
    return [
        pytest.param(addon, identity, id=f"{name}-{identity.service_account}")
        for name, addon in CATALOGUE.items()
        for identity in addon.identities
        if identity.policy
    ]


def statements(addon: AddOn[Any], identity: Any, known: Any) -> list[dict[str, Any]]:
    policies = [identity.policy(handle, settings) for handle, settings in cases(addon)]
    return [statement for policy in policies if policy for statement in known(policy)["Statement"]]


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_is_json_and_small_enough(addon, identity, known):
    for handle, settings in cases(addon):
        policy = known(identity.policy(handle, settings))
        if policy is not None:
            text = json.dumps(policy, separators=(",", ":"))
            assert len(text) <= min(INLINE_LIMIT, MANAGED_LIMIT)
            assert json.loads(text)["Version"] == "2012-10-17"
            assert all(item["Action"] and item["Resource"] for item in policy["Statement"])


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_allows_no_wildcard_and_changes_nothing_everywhere(addon, identity, known):
    for statement in statements(addon, identity, known):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*":
            reading = re.compile(r"[a-z0-9]+:(Describe|Get|List)[A-Z]")
            assert all(reading.match(action) for action in statement["Action"])


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_every_action_exists(addon, identity, known):
    loader = Loader()
    for action in {action for statement in statements(addon, identity, known) for action in statement["Action"]}:
        service, _, operation = action.partition(":")
        known_operations = loader.load_service_model(SERVICES.get(service, service), "service-2")["operations"]
        assert operation in known_operations or action in PERMISSION_ONLY


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_every_arn_is_of_the_cluster_s_partition(addon, identity, known):
    for handle, settings in cases(addon):
        policy = known(identity.policy(handle, settings))
        for statement in (policy or {"Statement": []})["Statement"]:
            resources = statement["Resource"]
            for arn in [resources] if isinstance(resources, str) else resources:
                # Ids of the made-up storage are of the commercial partition, whatever the cluster's.
                made_up = arn.startswith(("arn:aws:s3:::acme", "arn:aws:kms:"))
                assert arn == "*" or made_up or arn.startswith(f"arn:{handle.partition}:")


REFERENCE_POLICIES = {
    "aws-ebs-csi-driver": ("aws-ebs-csi-driver/iam/AmazonEBSCSIDriverPolicyV2.json",),
    "aws-efs-csi-driver": ("aws-efs-csi-driver/iam/iam-policy-example.json",),
    "aws-fsx-csi-driver": ("aws-fsx-csi-driver/iam/install-1.json",),
    "aws-mountpoint-s3-csi-driver": ("aws-mountpoint-s3-csi-driver/iam/mountpoint-readwrite.json",),
    "cluster-autoscaler": ("cluster-autoscaler/iam/readme-1.json",),
}
FOR_KEYS = re.compile(r"kms:")


@charts.needs_reference
@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_allows_no_more_than_its_makers_ask_for(addon, identity, known):
    asked = {
        action
        for path in REFERENCE_POLICIES[addon.name]
        for statement in json.loads((charts.REFERENCE / path).read_text())["Statement"]
        for action in statement["Action"]
    } | {"iam:CreateServiceLinkedRole"}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert {action for action in ours if not FOR_KEYS.match(action)} <= asked


@charts.needs_reference
def test_the_autoscaler_may_do_everything_that_its_makers_ask_for(known):
    addon = CATALOGUE["cluster-autoscaler"]
    (identity,) = addon.identities
    document = json.loads((charts.REFERENCE / "cluster-autoscaler" / "iam" / "readme-1.json").read_text())
    asked = {action for statement in document["Statement"] for action in statement["Action"]}
    assert {action for statement in statements(addon, identity, known) for action in statement["Action"]} == asked


NOT_ALLOWED = {
    "ec2:DeleteTags": "tags of volumes are the stack's",
    "ec2:EnableFastSnapshotRestores": "costs by the hour until somebody turns it off",
    "ec2:LockSnapshot": "a locked snapshot cannot be deleted, nor can the stack then go",
}
"""What the EBS CSI driver does only where a class of volumes or snapshots asks for it, and why it may not."""


@charts.needs_reference
def test_the_ebs_driver_may_do_what_its_makers_ask_for(known):
    addon = CATALOGUE["aws-ebs-csi-driver"]
    (identity,) = addon.identities
    document = json.loads((charts.REFERENCE / REFERENCE_POLICIES[addon.name][0]).read_text())
    asked = {action for statement in document["Statement"] for action in statement["Action"]}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert asked - ours == NOT_ALLOWED.keys()
