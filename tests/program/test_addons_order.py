"""In which order add-ons come and go, read off recorded plans: of every preset, and of all that can be together.

What stands behind a resource is made before it and deleted after it, so one direction proves both ways.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from infra.catalog import names
from slipway.plan.checks import check
from slipway.plan.model import Resource
from tests.contract import charts, objects
from tests.contract.bundles import POD_MAKERS
from tests.program.addon_stacks import (
    CATALOGUE,
    DIRECTORY,
    MANAGED,
    NODE_GROUP,
    RELEASE,
    SELECTIONS,
    Recorded,
    leaves,
    recorded,
)

BUILT_IN = frozenset({"default", "kube-system"})
IDENTITY: Final = (
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
)
MADE_BY_VALUES: Final = (
    (r"(?i)(service|pod)monitor\w*\.(enabled|create)$", "servicemonitors.monitoring.coreos.com"),
    (r"(?i)prometheusrules?\.(enabled|create)$", "prometheusrules.monitoring.coreos.com"),
    (r"(?i)(^|\.)(enable|use)?certmanager(\.enabled)?$", "certificates.cert-manager.io"),
)
"""Values of charts that make custom resources of somebody else: a pattern of the path, and the CRD."""
CLEANED_UP_BY: Final = {
    "Ingress": "aws-load-balancer-controller",
    "TargetGroupBinding": "aws-load-balancer-controller",
    "PersistentVolumeClaim": "aws-ebs-csi-driver",
}
"""Objects that leave something behind in AWS unless a controller sees them go."""


@pytest.fixture(params=SELECTIONS, name="it", scope="module")
def _it(request) -> Recorded:
    return recorded(request.param)


def named(resource: Resource) -> str:
    return f"{resource.type} {resource.name}"


def custom_resources(it: Recorded) -> Iterator[tuple[Resource, str]]:
    """Objects whose kind comes with a CRD, and the CRD."""
    for resource in it.plan:
        if resource.package == "kubernetes" and "kind" in resource.inputs:
            crd = objects.crd_of(resource.inputs)
            if crd is not None:
                yield resource, crd


def owner(it: Recorded, crd: str) -> str:
    """The one add-on of the plan that brings a CRD."""
    (found,) = [name for name in it.installed() if crd in CATALOGUE[name].owns_crds]
    return found


def test_the_graph_is_sound(it):
    assert list(check(it.plan)) == []


def test_no_crd_and_no_namespace_has_two_owners(it):
    crds = [crd for name in it.installed() for crd in CATALOGUE[name].owns_crds]
    assert len(crds) == len(set(crds))
    spaces = [each.inputs["metadata"]["name"] for each in it.plan.of_type("kubernetes:core/v1:Namespace")]
    assert len(spaces) == len(set(spaces))


def test_an_addon_comes_after_what_it_needs(it):
    for name in it.installed():
        addon, there = CATALOGUE[name], set(it.installed())
        assert not addon.needs_one_of or set(addon.needs_one_of) & there
        for need in (*addon.needs, *({*addon.follows, *addon.needs_one_of} & there)):
            for urn in it.source(name):
                assert it.source(need) <= it.behind[urn], f"{name} before {need}"


def test_a_webhook_that_fails_closed_is_ready_before_what_it_sees(it):
    there_are = it.installed()
    for provider in there_are:
        there = it.source(provider)
        before = frozenset().union(*(it.behind[urn] for urn in there))
        for name in there_are:
            addon = CATALOGUE[name]
            if name == provider or addon.before_nodes:
                continue
            for part in it.parts(name):
                if part.package != "kubernetes" or part.urn in before:
                    continue
                # A release, or a file of its makers.
                whole = "kind" not in part.inputs
                kinds = addon.makes if whole else frozenset({part.inputs["kind"]})
                space = addon.namespace if whole else part.inputs["metadata"].get("namespace", "")
                if any(hook.blocks(kinds, space) for hook in CATALOGUE[provider].webhooks):
                    assert there <= it.behind[part.urn], f"{named(part)} does not wait for {provider}"


@charts.needs_reference
def test_a_crd_and_its_controller_are_there_before_and_after_its_custom_resources(it):
    """A custom resource that outlives its controller keeps its finalizer, and the namespace hangs."""
    for resource, crd in custom_resources(it):
        brings = owner(it, crd)
        if resource not in it.parts(brings):
            assert it.source(brings) <= it.behind[resource.urn], f"{named(resource)} before {brings}"


def test_a_chart_that_makes_custom_resources_of_another_comes_after_it(it):
    for release in it.plan.of_type(RELEASE):
        for path, value in leaves(release.inputs["values"]):
            for pattern, crd in MADE_BY_VALUES:
                if value is True and re.search(pattern, path):
                    brings = owner(it, crd)
                    if brings != release.name:
                        assert it.source(brings) <= it.behind[release.urn], f"{release.name}: {path}"


def test_an_identity_is_complete_before_its_pods_and_until_they_are_gone(it):
    for name in it.installed():
        parts = it.parts(name)
        complete = {part.urn for part in parts if part.type in IDENTITY}
        for part in parts:
            if part.type in (RELEASE, MANAGED, DIRECTORY) or part.inputs.get("kind") in POD_MAKERS:
                assert complete <= it.behind[part.urn], named(part)
                if any(each.type == IDENTITY[0] for each in parts):
                    assert it.source("eks-pod-identity-agent") <= it.behind[part.urn], named(part)


def test_a_namespace_is_there_before_what_lives_in_it(it):
    spaces = {each.inputs["metadata"]["name"]: each.urn for each in it.plan.of_type("kubernetes:core/v1:Namespace")}
    for resource in it.plan:
        if resource.package != "kubernetes":
            continue
        lives = resource.inputs.get("namespace") or resource.inputs.get("metadata", {}).get("namespace")
        if lives and lives not in BUILT_IN and lives in spaces:
            assert spaces[lives] in it.behind[resource.urn], named(resource)


def test_what_runs_pods_has_nodes_before_and_until_the_end(it):
    """Else a release waits for pods that cannot start, and a controller is gone before it could clean up."""
    system = {each.urn for each in it.plan.of_type(NODE_GROUP) if each.inputs["labels"][names.GROUP_LABEL] == "system"}
    assert system
    for made in it.plan.of_type(RELEASE, DIRECTORY):
        assert system <= it.behind[made.urn], made.name


def test_what_a_controller_must_clean_up_in_aws_goes_before_it(it):
    for name in it.installed():
        for part in it.parts(name):
            for kind in left_by(part):
                controller = CLEANED_UP_BY[kind]
                assert controller in it.installed(), f"{named(part)} makes a {kind}, and {controller} is not there"
                assert it.source(controller) <= it.behind[part.urn], f"{named(part)}: {kind} outlives {controller}"


def left_by(part: Resource) -> set[str]:
    """The kinds of `CLEANED_UP_BY` that a resource makes, as far as its values or its spec show."""
    if part.type != RELEASE:
        # A claim without a class is bound to a volume that the stack keeps.
        static = part.inputs.get("spec", {}).get("storageClassName") == "" if "kind" in part.inputs else True
        return set() if static else {str(part.inputs["kind"])} & CLEANED_UP_BY.keys()
    found = set()
    for path, value in leaves(part.inputs["values"]):
        if re.search(r"(?i)ingress\.enabled$", path) and value is True:
            found.add("Ingress")
        if re.search(r"(?i)(volumeclaimtemplate|persistence|persistentvolume|storagespec)\b", path) and claims(value):
            found.add("PersistentVolumeClaim")
    return found


def claims(value: Any) -> bool:
    """Whether it is the size of a volume, or switches one on."""
    return value is True or (isinstance(value, str) and re.fullmatch(r"\d+[GT]i", value) is not None)
