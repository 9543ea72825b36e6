"""The expansion of `eks:index:Cluster` against what the real component registered in a run under the engine."""

import inspect
import json
import re
from pathlib import Path

import pulumi_eks
import pytest

from slipway import urns
from slipway.rehearsal.answers import Ids, cluster_arguments, eks_cluster
from slipway.wire import OUTPUT_VALUE, RESOURCE, SIGNATURE, UNKNOWN

RECORDING = Path(__file__).resolve().parents[2].parent / "shared" / "facts" / "pulumi_eks_cluster_children.json"
COMPONENT = "urn:pulumi:STACK::PROJECT::eks:index:Cluster::cluster"
KEY = "arn:aws:eks:us-west-2:123456789012:cluster/k"
PRINCIPAL = "arn:aws:eks:us-west-2:123456789012:cluster/noderole"
LEAN = {
    "skipDefaultSecurityGroups": True,
    "useDefaultVpcCni": True,
    "kubeProxyAddonOptions": {"enabled": False},
    "corednsAddonOptions": {"enabled": False},
}

pytestmark = pytest.mark.skipif(not RECORDING.exists(), reason=f"needs {RECORDING.name} in ../shared/facts")


def recorded(variant):
    return json.loads(RECORDING.read_text())["variants"][variant]["resources"]


def output(value, type_, name):
    urn = f"urn:pulumi:STACK::PROJECT::{type_}::{name}"
    return {SIGNATURE: OUTPUT_VALUE, "value": value, "dependencies": [urn]}


def arguments(variant):
    """What the recorded run gave the component, as it arrives on the wire."""
    return {
        "skipDefaultNodeGroup": True,
        "authenticationMode": "API",
        "encryptionConfigKeyArn": output(KEY, "aws:kms/key:Key", "k"),
        "enabledClusterLogTypes": ["api", "audit"],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
        "accessEntries": {
            "admin": {
                "principalArn": output(PRINCIPAL, "aws:iam/role:Role", "noderole"),
                "accessPolicies": {
                    "a": {
                        "accessScope": {"type": "cluster"},
                        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    }
                },
            }
        },
        "version": "1.35",
        "name": "lab",
        "vpcId": output("id-vpc", "aws:ec2/vpc:Vpc", "vpc"),
        "privateSubnetIds": [output(f"id-s{n}", "aws:ec2/subnet:Subnet", f"s{n}") for n in range(3)],
        "tags": {"team": "x"},
        **(LEAN if variant == "lean" else {}),
    }


@pytest.fixture(params=["default", "lean"])
def variant(request):
    return request.param


@pytest.fixture
def expansion(variant):
    return eks_cluster.expand(urn=COMPONENT, inputs=arguments(variant), provider="", ids=Ids())


def label(urn):
    return f"{urns.type_of(urn)}::{urns.name(urn)}"


def children(expansion):
    return {f"{child.type}::{child.name}": child for child in expansion.children}


def the_component(variant):
    return next(each for each in recorded(variant) if each["type"] == eks_cluster.TYPE)


def below(variant):
    found = [each for each in recorded(variant) if each["type"] != eks_cluster.TYPE]
    return {f"{each['type']}::{each['name']}": each for each in found}


def same_ids(value, pairs):
    """A recorded value with the simulation's made-up ids replaced by ours."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE:
            return {SIGNATURE: RESOURCE, "urn": value["urn"]}
        return {key: same_ids(item, pairs) for key, item in value.items()}
    if isinstance(value, list):
        return [same_ids(item, pairs) for item in value]
    if isinstance(value, str):
        for old, new in pairs:
            value = value.replace(old, new)
    return value


def made_up(expansion):
    """Ids of the recorded run, longest first, beside those of the expansion.

    In that run a cluster's physical name was `cluster-eksCluster` whatever `name` said, and add-ons had version v1.0.0.
    """
    found = children(expansion)
    cluster = found["aws:eks/cluster:Cluster::cluster-eksCluster"]
    role = found["aws:iam/role:Role::cluster-eksRole-role"]
    pairs = [
        ("arn:aws:eks:us-west-2:123456789012:cluster/cluster-eksRole-role", role.outputs["arn"]),
        ("eA==", cluster.outputs["certificateAuthority"]["data"]),
        ("https://x", cluster.outputs["endpoint"]),
    ]
    for group in ("cluster-eksClusterSecurityGroup", "cluster-nodeSecurityGroup"):
        child = found.get(f"aws:ec2/securityGroup:SecurityGroup::{group}")
        if child is not None:
            pairs.append((f"id-{group}", child.id))
    return pairs


def test_registers_the_same_resources(variant, expansion):
    assert set(children(expansion)) == set(below(variant))


def test_parents(variant, expansion):
    mine = {name: label(child.parent) for name, child in children(expansion).items()}
    assert mine == {name: each["parent"] for name, each in below(variant).items()}


def test_only_components_have_no_provider_resource(variant, expansion):
    mine = {name: child.custom for name, child in children(expansion).items()}
    assert mine == {name: each["custom"] for name, each in below(variant).items()}


def test_dependencies(variant, expansion):
    mine = {name: sorted(map(label, child.dependencies)) for name, child in children(expansion).items()}
    assert mine == {name: sorted(each["dependencies"]) for name, each in below(variant).items()}


def test_property_dependencies(variant, expansion):
    mine = {
        name: {key: sorted(map(label, found)) for key, found in child.property_dependencies.items()}
        for name, child in children(expansion).items()
    }
    assert mine == {
        name: {key: sorted(found) for key, found in each["propertyDependencies"].items()}
        for name, each in below(variant).items()
    }


def test_inputs(variant, expansion):
    pairs = made_up(expansion)
    physical = "cluster-eksCluster"
    for name, each in below(variant).items():
        child = children(expansion)[name]
        wanted = {key: value for key, value in each["inputs"].items() if key != "__internal"}  # the engine's own
        if child.version:
            assert wanted.pop("version") == child.version
        wanted = same_ids(wanted, pairs)
        # The run's cluster was called after its logical name; a real one has the name it is given.
        for key in ("clusterName", "kubeconfig"):
            if key in wanted:
                wanted[key] = wanted[key].replace(physical, "lab")
        if "tags" in wanted and f"kubernetes.io/cluster/{physical}" in wanted["tags"]:
            wanted["tags"]["kubernetes.io/cluster/lab"] = wanted["tags"].pop(f"kubernetes.io/cluster/{physical}")
        assert same_ids(dict(child.inputs), []) == wanted, name


def test_outputs_have_the_same_names_and_shapes(variant, expansion):
    wanted = the_component(variant)["outputs"]
    # The run's simulation returned no securityGroupRuleId, so that this one was left out there.
    assert set(expansion.outputs) - {"clusterIngressRuleId"} == set(wanted) - {"clusterIngressRuleId"}
    assert set(expansion.outputs["core"]) == set(wanted["core"])


def test_outputs_point_at_the_same_resources(variant, expansion):
    def references(value, path=""):
        if isinstance(value, dict):
            if value.get(SIGNATURE) == RESOURCE:
                return {path: value["urn"]}
            value = {str(key): item for key, item in value.items()}
        elif isinstance(value, list):
            value = {str(position): item for position, item in enumerate(value)}
        else:
            return {}
        return {at: urn for key, item in value.items() for at, urn in references(item, f"{path}.{key}").items()}

    assert references(expansion.outputs) == references(the_component(variant)["outputs"])


def test_kubeconfig_is_the_components(variant, expansion):
    wanted = same_ids(the_component(variant)["outputs"]["kubeconfigJson"], made_up(expansion))
    assert expansion.outputs["kubeconfigJson"] == wanted.replace("cluster-eksCluster", "lab")
    assert expansion.outputs["kubeconfig"] == json.loads(expansion.outputs["kubeconfigJson"])


def test_every_argument_it_takes_is_one_of_the_sdks():
    """A renamed argument of the component would otherwise stay here for good."""
    known = set(inspect.signature(pulumi_eks.ClusterArgs.__init__).parameters)
    snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in cluster_arguments.KNOWN}
    assert snake <= known


@pytest.mark.parametrize("argument", ["gpu", "fargate", "instanceRole", "roleMappings", "storageClasses", "autoMode"])
def test_another_argument_is_refused_by_name(argument):
    with pytest.raises(eks_cluster.UnknownArgumentError, match=argument):
        eks_cluster.expand(urn=COMPONENT, inputs={**arguments("lean"), argument: True}, provider="", ids=Ids())


def test_unknown_in_a_preview_as_the_real_component():
    """Names that the program gives are known; what EKS decides is not."""
    found = eks_cluster.expand(urn=COMPONENT, inputs=arguments("default"), provider="", ids=Ids(), preview=True)
    assert not any(child.id for child in found.children)
    cluster = children(found)["aws:eks/cluster:Cluster::cluster-eksCluster"]
    assert cluster.inputs["name"] == "lab"
    assert cluster.inputs["roleArn"] == UNKNOWN
    assert found.outputs["kubeconfigJson"] == UNKNOWN
    assert found.outputs["oidcIssuer"] == UNKNOWN
    assert found.outputs["eksCluster"]["id"] == ""
    up = eks_cluster.expand(urn=COMPONENT, inputs=arguments("default"), provider="", ids=Ids())
    assert set(children(found)) == set(children(up))
