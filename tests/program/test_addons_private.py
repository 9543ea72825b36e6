"""In a private cluster no add-on pulls from outside the account, and every AWS service that one calls has a way there.

The whole catalogue goes through the private example, in selections in which every two add-ons that can be together are
together once; what cannot be had inside is in one of the tables below, with the reason.
"""

import dataclasses
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from addons.spec import Chart, Objects
from infra.images import ImageReference, ecr_home
from infra.network.endpoints import ENDPOINTS, required
from infra.problems import SettingsError
from tests.contract import charts, selections
from tests.program.addon_stacks import (
    CATALOGUE,
    INTERNET,
    OWN_SETTINGS,
    RELEASE,
    Recorded,
    brought,
    grounded,
    leaves,
    login_at_the_gateway,
    of,
)
from tests.program.conftest import ROOT, settings_of

FILE: Final = "examples/Pulumi.private.yaml"
CALLED_WITHOUT: Final = {
    "s3": "by the gateway endpoint that every private network has",
}
"""Services with another way than an interface endpoint."""
OUT_OF_REACH: Final = {
    ("ack-sagemaker-controller", "iam"): "hands SageMaker's execution role on, which is no call of IAM's",
    ("aws-fsx-csi-driver", "iam"): "the service-linked roles of FSx, which exist once the stack has a file system",
    ("aws-load-balancer-controller", "acm"): "only where an Ingress names no certificate and one is looked for",
    ("aws-load-balancer-controller", "iam"): "only for its service-linked role, which the stack's load balancer makes",
    ("cert-manager", "route53"): "the DNS01 solver of public certificates: an authority on the internet answers anyway",
    ("external-dns", "route53"): "has no endpoint in a VPC: needs a proxy",
    ("karpenter", "iam"): "has no endpoint in a VPC: instance profiles are the stack's, not Karpenter's",
    ("karpenter", "pricing"): "has no endpoint here: Karpenter brings the prices of its release",
}
"""Calls of an add-on that leave the VPC, and why that is so or does not matter."""
OTHER_IMAGES: Final = {
    ("nvcr.io/nvidia/cloud-native/k8s-driver-manager", "gpu-operator"): "runs with the driver and VMs, which are off",
    **{
        (f"nvcr.io/nvidia/{image}", "gpu-operator"): "for virtual machines (sandboxWorkloads), which are off"
        for image in (
            "cloud-native/nvidia-sandbox-device-plugin",
            "cloud-native/vgpu-device-manager",
            "kubevirt-gpu-device-plugin",
        )
    },
    ("docker.io/library/busybox", "istiod"): "writes the core dumps of proxies, which nobody asks for",
    ("docker.io/kserve/art-explainer", "kserve-resources"): "declared with its version, which is written beside it",
    ("quay.io/thanos/thanos", "kube-prometheus-stack"): "the operator's default for sidecars, which nobody asks for",
}
"""Images in arguments and configuration of a chart that it does not declare, and why no node pulls them."""
ENDPOINT_OF: Final = {
    "aps": "aps-workspaces",
    "cloudwatch": "monitoring",
    "ecr": "ecr.api",
    "events": "events",
    "sagemaker": "sagemaker.api",
    "states": "states",
}
"""The endpoint of an IAM prefix, where they are not spelt alike."""

NOT_PRIVATE: Final = {
    "cognito-login": "Cognito's pages have no endpoint in a VPC: log in by Dex",
    "jupyterhub": "verifies the load balancer's tokens with keys that are on the internet alone",
    "opencost": "reads AWS's price list, which has no endpoint in the cluster's region",
}
"""Add-ons that are of no use without the internet: they stand on it, so a private cluster refuses them."""

PRIVATE = {
    name: addon for name, addon in CATALOGUE.items() if not selections.closure([name], CATALOGUE) & NOT_PRIVATE.keys()
}
SELECTIONS = selections.covering(PRIVATE)


def asked(names: frozenset[str]) -> dict[str, Any]:
    """The private example with these add-ons and what they stand on."""
    settings = grounded(names, FILE)
    # Those that the file asks for might hide one that an add-on should have asked for.
    settings["network"].pop("endpoints")
    prod = settings_of(ROOT / "stacks/config/Pulumi.prod.yaml")
    if "edge" in settings:
        balancer = {"internal": True, "clients": ["10.0.0.0/8"]}
        settings["edge"] = {**prod["edge"], "loadBalancer": balancer}
        login_at_the_gateway(settings["edge"])
    return settings


def platform(**own: Mapping[str, Any]) -> dict[str, Any]:
    """The private example with the whole platform and the databases that it takes.

    Cognito's keys are on the internet, so people log in by Dex.

    Args:
        own: More settings, by add-on.
    """
    choice = {"dex", "dex-login", "oauth2-proxy"}
    names = (brought("full") | choice) - {"cognito-login"} - NOT_PRIVATE.keys()
    settings = asked(selections.closure(names, CATALOGUE))
    login_at_the_gateway(settings["edge"])
    settings["databases"] = settings_of(ROOT / "stacks/config/Pulumi.prod.yaml")["databases"]
    settings["addons"] = {
        "preset": "full",
        "enable": sorted(choice),
        "disable": ["cognito-login"],
        "settings": {"dex": OWN_SETTINGS["dex"], **own},
    }
    return settings


@functools.cache
def private(index: int) -> Recorded:
    """The plan of one of `SELECTIONS`."""
    return of(asked(SELECTIONS[index]))


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(params=range(len(SELECTIONS)), name="it", scope="module")
def _it(request) -> Recorded:
    return private(request.param)


def inside(it: Recorded, place: str) -> bool:
    """Whether an image's name or host is of an ECR registry in the cluster's region."""
    home = ecr_home(place.partition("/")[0])
    return home is not None and home[1] == it.plan.one("pulumi:providers:aws", "aws").inputs["region"]


def at(values: Any, path: str | None) -> Any:
    for key in path.split(".") if path else ():
        values = values[int(key)] if isinstance(values, list) else (values or {}).get(key)
    return values if path else None


def test_what_cannot_be_private_is_refused_with_the_reason():
    assert {name for name, addon in CATALOGUE.items() if INTERNET in addon.stands_on} == NOT_PRIVATE.keys()
    for name in NOT_PRIVATE:
        with pytest.raises(SettingsError, match=f"{name} needs {INTERNET}"):
            of(asked(selections.closure([name], CATALOGUE)))


def test_every_image_of_every_chart_comes_from_the_account(it):
    """The contract tests hold that these value paths take effect, and that the chart renders no other image."""
    seen = 0
    for release in it.plan.of_type(RELEASE):
        for image in CATALOGUE[release.name].images:
            values = release.inputs["values"]
            place = at(values, image.whole) or at(values, image.registry) or at(values, image.repository)
            assert inside(it, place or image.reference), f"{release.name}: {image.reference} comes from {place}"
            seen += 1
    assert seen


def test_no_value_of_any_chart_names_an_image_outside(it):
    hosts = "|".join(re.escape(host) for host in sorted(public_hosts()))
    pattern = re.compile(rf"(^|[=\s\"])({hosts})/[\w./-]+")
    for release in it.plan.of_type(RELEASE):
        for path, value in leaves(release.inputs["values"]):
            if isinstance(value, str):
                assert not pattern.search(value), f"{release.name}: {path} is {value}"


def public_hosts() -> set[str]:
    """The hosts that any add-on's images come from upstream."""
    hosts = {image.upstream.host for addon in CATALOGUE.values() for image in addon.images}
    return {host for host in hosts if ecr_home(host) is None}


def test_every_image_of_every_object_comes_from_the_account(it):
    for name in it.installed():
        if isinstance(CATALOGUE[name].source, Objects):
            for part in it.parts(name):
                for path, value in leaves(part.inputs) if part.package == "kubernetes" else ():
                    # Policies have patterns of images where pods have images.
                    if re.search(r"(?i)containers\[\d+\]\.image$", path) and "*" not in value:
                        assert inside(it, value), f"{name}: {part.name} pulls {value}"


@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=name) for name, each in CATALOGUE.items() if isinstance(each.source, Chart)]
)
@charts.needs_reference
def test_images_in_arguments_and_configuration_are_declared_too(addon, known):
    """Operators start what their arguments name: no rendered pod shows it."""
    others = charts.chart_facts(addon.source.name).get("images_in_args_env_configs") or {}
    declared = {str(image.upstream) for image in addon.images}
    own = known(addon.values(charts.fitting(addon)[0], addon.settings()))
    values = charts.merged(charts.chart_values(addon.source.name), own)
    missing = {
        ImageReference.parse(text).repository
        for text, holders in others.items()
        if str(ImageReference.parse(text)) not in declared
        # An operator's resource names an operand's image also where the operand is off.
        if not all(at(values, f"{holder.rpartition(' ')[2]}.enabled") is False for holder in holders)
    }
    assert missing == {image for image, name in OTHER_IMAGES if name == addon.name}


def test_nothing_is_said_of_images_out_of_reach(it):
    assert [warning for warning in it.plan.warnings if "not in Amazon ECR" in warning] == []


def test_charts_alone_come_from_outside_and_it_is_the_engine_that_fetches_them(it):
    """The one exception, for all: the provider's Release embeds Helm as a library, so a chart is downloaded where
    `pulumi up` runs (which downloads providers too), and the cluster is given objects.

    Source: Pulumi registry, kubernetes.helm.sh/v3.Release.
    """
    for release in it.plan.of_type(RELEASE):
        source = CATALOGUE[release.name].source
        assert isinstance(source, Chart)
        place = release.inputs.get("repositoryOpts", {}).get("repo") or release.inputs["chart"]
        assert place.startswith(source.repo)
        assert release.inputs["version"] == source.version


def calls(it: Recorded) -> Iterator[tuple[str, str]]:
    """Each add-on, and the IAM prefix of each service that its pods may call."""
    for name in it.installed():
        for part in it.parts(name):
            if part.type == "aws:iam/rolePolicy:RolePolicy":
                yield from ((name, prefix) for prefix in services(json.loads(part.inputs["policy"])))


def services(document: Mapping[str, Any]) -> set[str]:
    actions = [action for statement in document["Statement"] for action in statement["Action"]]
    return {action.partition(":")[0] for action in actions}


def endpoints(it: Recorded) -> set[str]:
    found = it.plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
    return {each.inputs["serviceName"].split(".", 3)[3] for each in found}


def test_every_service_that_an_addon_calls_has_an_endpoint(it):
    there = endpoints(it)
    assert "s3" in there
    missing = {
        (name, service)
        for name, service in calls(it)
        if service not in CALLED_WITHOUT and ENDPOINT_OF.get(service, service) not in there
    }
    assert missing <= OUT_OF_REACH.keys()


@pytest.mark.parametrize("addon", [pytest.param(each, id=name) for name, each in CATALOGUE.items() if each.identities])
def test_an_addon_asks_for_its_endpoints_itself(addon, known):
    """Another add-on, or a database, may bring the same endpoint in the plans above, and not in somebody else's."""
    private = dataclasses.replace(charts.fitting(addon)[0], internet=False)
    policies = [
        known(identity.policy(private, addon.settings()) or {"Statement": []})
        for identity in addon.identities
        if identity.policy
    ]
    called = {service for policy in policies for service in services(policy)}
    needed = {
        ENDPOINT_OF.get(each, each) for each in called - CALLED_WITHOUT.keys() if (addon.name, each) not in OUT_OF_REACH
    }
    # A workspace and log groups come with the observability section, and so do their endpoints.
    by_observability = {"aps-workspaces", "monitoring"}
    assert needed <= {*required(internet=False, lustre=False, efs=False), *addon.endpoints, *by_observability}


def test_the_files_of_secrets_have_their_endpoint():
    """The provider has no policy to read it off: it asks Secrets Manager as the pod whose volume it fills."""
    assert "secretsmanager" in CATALOGUE["secrets-store-csi-driver-provider-aws"].endpoints


def test_every_exception_is_still_one():
    """A reason for what no add-on does any more would hide the next one."""
    called = {call for index in range(len(SELECTIONS)) for call in calls(private(index))}
    assert OUT_OF_REACH.keys() <= called


def test_the_endpoints_of_an_addon_are_there_only_with_it():
    """Each costs by the hour in every zone."""
    bare = of(asked(frozenset({"vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"})))
    others = {name for addon in CATALOGUE.values() for name in addon.endpoints} - {"fsx", "elasticfilesystem"}
    assert others & endpoints(bare) <= endpoints_of_services()


def endpoints_of_services() -> set[str]:
    """What the other parts of the example bring: databases, observability, a workstation."""
    return {"aps-workspaces", "ecs", "ecs-agent", "ecs-telemetry", "monitoring", "rds", "secretsmanager", "sns"}


def test_every_declared_endpoint_is_known():
    assert {name for addon in CATALOGUE.values() for name in addon.endpoints} <= ENDPOINTS.keys()
