"""Loading the SDKs on demand changes nothing that a program can notice, but the time."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from slipway.rehearsal import sdk, sdk_types

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("sdk_probe.py")

SAMPLE = [
    "pulumi_aws.Provider",
    "pulumi_aws.ProviderDefaultTagsArgs",
    "pulumi_aws.get_caller_identity",
    "pulumi_aws.get_partition_output",
    "pulumi_aws.GetRegionResult",
    "pulumi_aws.acm.Certificate",
    "pulumi_aws.autoscaling.Tag",
    "pulumi_aws.budgets.Budget",
    "pulumi_aws.cloudwatch.LogGroup",
    "pulumi_aws.cloudwatch.MetricAlarm",
    "pulumi_aws.cognito.UserPool",
    "pulumi_aws.cognito.UserPoolClient",
    "pulumi_aws.ec2.FlowLog",
    "pulumi_aws.ec2.InstanceType",
    "pulumi_aws.ec2.LaunchTemplate",
    "pulumi_aws.ec2.LaunchTemplateInstanceMarketOptionsArgs",
    "pulumi_aws.ec2.LaunchTemplateNetworkInterfaceArgsDict",
    "pulumi_aws.ec2.PlacementGroup",
    "pulumi_aws.ec2.SecurityGroup",
    "pulumi_aws.ec2.Vpc",
    "pulumi_aws.ec2.VpcEndpoint",
    "pulumi_aws.ec2.get_ami",
    "pulumi_aws.ec2.get_ami_output",
    "pulumi_aws.ec2.AwaitableGetAmiResult",
    "pulumi_aws.ecr.PullThroughCacheRule",
    "pulumi_aws.ecr.Repository",
    "pulumi_aws.efs.AccessPoint",
    "pulumi_aws.efs.FileSystem",
    "pulumi_aws.eks.AccessEntry",
    "pulumi_aws.eks.Addon",
    "pulumi_aws.eks.Cluster",
    "pulumi_aws.eks.NodeGroup",
    "pulumi_aws.eks.PodIdentityAssociation",
    "pulumi_aws.fsx.DataRepositoryAssociation",
    "pulumi_aws.fsx.LustreFileSystem",
    "pulumi_aws.iam.OpenIdConnectProvider",
    "pulumi_aws.iam.Role",
    "pulumi_aws.iam.get_policy_document",
    "pulumi_aws.kms.Alias",
    "pulumi_aws.kms.Key",
    "pulumi_aws.rds.Instance",
    "pulumi_aws.route53.Zone",
    "pulumi_aws.s3.Bucket",
    "pulumi_aws.s3.BucketLifecycleConfiguration",
    "pulumi_aws.vpc.SecurityGroupIngressRule",
    "pulumi_kubernetes.Provider",
    "pulumi_kubernetes.core.v1.ConfigMap",
    "pulumi_kubernetes.core.v1.PersistentVolume",
    "pulumi_kubernetes.core.v1.Service",
    "pulumi_kubernetes.helm.v3.Release",
    "pulumi_kubernetes.helm.v3.ReleaseArgs",
    "pulumi_kubernetes.helm.v3.Chart",
    "pulumi_kubernetes.helm.v4.Chart",
    "pulumi_kubernetes.kustomize.v2.Directory",
    "pulumi_kubernetes.meta.v1.ObjectMetaArgs",
    "pulumi_kubernetes.scheduling.v1.PriorityClass",
    "pulumi_kubernetes.storage.v1.StorageClass",
    "pulumi_kubernetes.yaml.v2.ConfigGroup",
    "pulumi_eks.Cluster",
    "pulumi_eks.ClusterArgs",
]


def used_by_the_program():
    """Dotted names of the SDKs' members that the repository's own code mentions."""
    found = set()
    for folder in ("addons", "infra", "stacks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found |= mentioned(ast.parse(path.read_text(encoding="utf-8")))
    return sorted(found)


def mentioned(tree):
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name if alias.asname else alias.name.partition(".")[0]
                bound[alias.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            bound |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    bound = {name: to for name, to in bound.items() if to.partition(".")[0] in sdk.SDKS}
    chains = [dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)]
    full = [[*bound[c[0]].split("."), *c[1:]] for c in chains if c and c[0] in bound]
    return {".".join(parts[: end + 1]) for parts in full for end in ends(parts)}


def ends(parts):
    """Where in a dotted name the class or function stands; members of it do not count."""
    return [i for i, part in enumerate(parts) if part[0].isupper() or part.startswith("get_")][:1]


def dotted(node):
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return [*head, node.attr] if head else None
    return None


def run(*arguments, **environment):
    ran = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def probe(mode, names, **environment):
    if mode == "plain":
        return json.loads(run(str(PROBE), *names, **environment))
    text = f"from slipway.rehearsal.sdk import install; install(); import runpy; runpy.run_path({str(PROBE)!r})"
    return json.loads(run("-c", text, *names, **environment))


def python(text, **environment):
    return run("-c", text, **environment)


@pytest.fixture(scope="module")
def names():
    return sorted({*SAMPLE, *used_by_the_program()})


@pytest.fixture(scope="module")
def plain(names):
    return probe("plain", names)


@pytest.fixture(scope="module")
def fast(names):
    return probe("fast", names, PYTHONDONTWRITEBYTECODE="1")


def test_classes_are_the_same(plain, fast):
    assert len(plain["classes"]) > 500
    assert fast["classes"].keys() == plain["classes"].keys()
    for name, about in plain["classes"].items():
        assert fast["classes"][name] == about, name


def test_registrations_and_outputs_are_the_same(plain, fast):
    assert fast["program"] == plain["program"]
    requests = {(r["type"], r["name"]): r for r in fast["program"]["requests"]}
    typed = requests["aws:ec2/launchTemplate:LaunchTemplate", "typed"]["object"]
    assert typed["networkInterfaces"] == [{"deviceIndex": 0, "networkCardIndex": 1, "interfaceType": "efa-only"}]
    literal = requests["aws:ec2/launchTemplate:LaunchTemplate", "literal"]["object"]
    assert literal["instanceMarketOptions"] == {"marketType": "capacity-block"}
    assert fast["program"]["seen"] == {
        "asg": "asg-1",
        "ca": "Q0E=",
        "ca class": "<class 'pulumi_aws.eks.outputs.ClusterCertificateAuthority'>",
        "issuer": "https://oidc.eks.example/id/1",
        "max": 2,
        "reference": "pulumi_aws.eks.cluster.Cluster",
        "vpc": "vpc-1",
        "zone ids": ["1", "2"],
        "zones": ["AwaitableGetAvailabilityZonesResult", ["a", "b"]],
    }


def test_classes_out_of_byte_code_are_the_same(plain, names, tmp_path):
    cached = probe("fast", names, PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=str(tmp_path))
    assert cached["classes"] == plain["classes"]
    assert cached["program"] == plain["program"]


def test_most_of_the_sdk_stays_unloaded(plain, fast):
    assert fast["modules"] < 0.6 * plain["modules"]


def test_every_type_file_of_the_installed_sdks_has_the_shape_that_this_relies_on():
    """A red test here means slow plans, not wrong ones: `sdk.py` must learn the new shape."""
    site = Path(sysconfig.get_path("purelib"))
    files = [
        path
        for name in sorted(sdk.SDKS)
        for kind in ("_inputs.py", "outputs.py")
        for path in sorted((site / name).rglob(kind))
    ]
    assert len(files) > 500
    for path in files:
        source = path.read_text(encoding="utf-8")
        assert sdk_types.slices(source) is not None, path
        assert "\n]\n" in source, path


CLASS = "@pulumi.output_type\nclass One(dict):\n    pass\n"


@pytest.mark.parametrize(
    "text",
    [
        "Answer = 1\n",
        CLASS.replace("(dict)", "(list)"),
        CLASS.replace("@pulumi.output_type", "@pulumi.other_type"),
        CLASS + "@pulumi.deprecated\n" + CLASS.replace("One", "Two"),
    ],
)
def test_an_unexpected_shape_is_noticed(text):
    head = "import pulumi\n\n"
    assert sdk_types.slices(head + text) is None
    assert list(sdk_types.slices(head + CLASS) or ()) == ["One"]


def test_the_installed_sdks_load_on_demand():
    text = """
from slipway.rehearsal.sdk import install
install()
import pulumi_aws, pulumi_eks, pulumi_kubernetes
for package in (pulumi_aws, pulumi_aws.ec2, pulumi_aws.ec2.outputs, pulumi_aws.ec2._inputs, pulumi_eks,
                pulumi_kubernetes, pulumi_kubernetes.helm.v3):
    print(type(package).__name__)
"""
    assert python(text).split() == [
        *("_Package", "_Package", "Types", "Types"),
        *("_Package", "_Package", "_Package"),
    ]


def test_a_missing_name_is_missing():
    text = """
from slipway.rehearsal.sdk import install
install()
import pulumi_aws
try:
    pulumi_aws.kms.Kee
except AttributeError as error:
    print(error)
"""
    assert python(text) == "module 'pulumi_aws.kms' has no attribute 'Kee'\n"


def test_a_star_import_brings_every_public_name():
    text = "from pulumi_aws.kms import *\nprint(sorted(dir()))"
    plain = python(text)
    assert "'GrantConstraintArgsDict'" in plain
    assert python(f"import slipway.rehearsal.sdk as s; s.install(); del s\n{text}") == plain


def test_a_function_wins_over_the_module_of_its_name():
    text = """
from slipway.rehearsal.sdk import install
install()
from pulumi_aws import ec2
ec2.GetAmiResult
print(ec2.get_ami.__class__.__name__, ec2.vpc.__class__.__name__, ec2.outputs.__class__.__name__)
"""
    assert python(text) == "function module Types\n"


def test_what_pulumi_imports_in_vain_runs_when_it_is_used():
    text = """
from slipway.rehearsal.sdk import install
install()
import inspect, sys
import pulumi
inspect.getmodule(inspect.currentframe())
print([name for name in sys.modules if name.startswith(("dill.", "pulumi.automation."))])
from pulumi.automation import LocalWorkspace
import dill
print(LocalWorkspace.__module__, dill.loads(dill.dumps({"a": 1})), type(dill).__name__)
"""
    assert python(text).splitlines() == ["[]", "pulumi.automation._local_workspace {'a': 1} module"]


def test_an_sdk_of_another_shape_is_imported_as_it_is(tmp_path):
    package = tmp_path / "pulumi_eks"
    package.mkdir()
    (package / "__init__.py").write_text("from .cluster import Cluster\nfrom . import outputs\n")
    (package / "cluster.py").write_text("from ._inputs import *\nclass Cluster:\n    args = Args\n")
    (package / "_inputs.py").write_text("Args = 1\n")
    (package / "outputs.py").write_text(
        "__all__ = [\n    'Out',\n]\n\ndef same(c):\n    return c\n\n@same\nclass Out(dict):\n    x = 1\n"
    )
    text = """
from slipway.rehearsal.sdk import install
install()
import pulumi_eks
print(pulumi_eks.Cluster.args, pulumi_eks.outputs.Out.x, type(pulumi_eks).__name__)
"""
    assert python(text, PYTHONPATH=str(tmp_path)) == "1 1 module\n"
