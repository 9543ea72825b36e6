"""Says everything a program can notice about classes of Pulumi's SDKs, as JSON on stdout.

Run by test_sdk_loading.py in a process of its own, with the names of the classes as arguments.
"""

import asyncio
import enum
import inspect
import json
import sys
import typing

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s
from google.protobuf.json_format import MessageToDict
from pulumi import _types
from pulumi.runtime import mocks, rpc, settings
from pulumi_aws import ec2

# `pulumi.Input` names these without saying where they are.
LOCALS = {"Output": pulumi.Output, "T": typing.Any}


def find(dotted):
    parts = dotted.split(".")
    value = __import__(parts[0])
    for part in parts[1:]:
        value = getattr(value, part)
    return value


def classes_in(hint):
    if isinstance(hint, type) and hint.__module__.startswith("pulumi_"):
        yield hint
    for argument in typing.get_args(hint):
        yield from classes_in(argument)


def properties(of):
    return {name: [pulumi_name, prop.__doc__] for name, pulumi_name, prop in _types._py_properties(of)}


def describe(value, seen):
    key = f"{value.__module__}.{value.__qualname__}"
    if key in seen:
        return
    seen[key] = about = {"doc": value.__doc__}
    made: typing.Any = value
    nested = []
    if isinstance(value, type) and issubclass(value, pulumi.Resource):
        hints = _types.resource_types(value)
        about["bases"] = [base.__name__ for base in value.__mro__]
        about["init"] = str(inspect.signature(getattr(value, "_internal_init", value)))
        about["line"] = inspect.getsourcelines(value)[1]
        beside = vars(sys.modules[value.__module__]).values()
        nested += [o for o in beside if getattr(o, "__module__", None) == value.__module__]
    elif isinstance(value, type) and issubclass(value, enum.Enum):
        hints = {}
        about["members"] = {name: member.value for name, member in value.__members__.items()}
    elif isinstance(value, type) and typing.is_typeddict(value):
        hints = typing.get_type_hints(value, localns=LOCALS, include_extras=True)
        about["required"] = sorted(made.__required_keys__)
    elif isinstance(value, type) and _types.is_input_type(value):
        hints = _types.input_type_types(value)
        about["names"] = properties(value)
        about["signature"] = str(inspect.signature(value))
        about["line"] = made.__init__.__code__.co_firstlineno
        about["init hints"] = repr(typing.get_type_hints(made.__init__, localns=LOCALS))
    elif isinstance(value, type) and _types.is_output_type(value):
        hints = _types.output_type_types(value)
        about["names"] = properties(value)
        about["signature"] = str(inspect.signature(value))
    else:
        hints = {}
        about["signature"] = str(inspect.signature(value))
    about["hints"] = {name: repr(hint) for name, hint in hints.items()}
    for hint in hints.values():
        nested += classes_in(hint)
    for other in nested:
        describe(other, seen)


class Answers(mocks.Mocks):
    def new_resource(self, args):
        computed: dict[str, dict[str, object]] = {
            "aws:eks/cluster:Cluster": {
                "identities": [{"oidcs": [{"issuer": "https://oidc.eks.example/id/1"}]}],
                "certificateAuthority": {"data": "Q0E="},
            },
            "aws:eks/nodeGroup:NodeGroup": {
                "resources": [{"autoscalingGroups": [{"name": "asg-1"}]}],
            },
        }
        return f"{args.name}-id", {**args.inputs, **computed.get(args.typ, {})}

    def call(self, args):
        return {"names": ["a", "b"], "id": "1", "zoneIds": ["1", "2"], **args.args}, []


class Monitor(mocks.MockMonitor):
    def __init__(self, answers):
        super().__init__(answers)
        self.requests = []

    def RegisterResource(self, request):  # noqa: N802 the name in gRPC
        said = MessageToDict(request)
        del said["stackTrace"]  # knows who started the program
        self.requests.append(said)
        return super().RegisterResource(request)


def program(seen):
    provider = aws.Provider("aws", region="us-west-2", default_tags={"tags": {"a": "b"}})
    opts = pulumi.ResourceOptions(provider=provider)
    vpc = ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"snake_key": "kept"}, opts=opts)
    group = ec2.SecurityGroup(
        "group",
        vpc_id=vpc.id,
        ingress=[{"protocol": "tcp", "from_port": 1, "to_port": 2, "cidr_blocks": ["0.0.0.0/0"]}],
    )
    aws.vpc.SecurityGroupIngressRule(
        "rule", security_group_id=group.id, ip_protocol="-1", referenced_security_group_id=group.id
    )
    typed = ec2.LaunchTemplate(
        "typed",
        network_interfaces=[
            ec2.LaunchTemplateNetworkInterfaceArgs(device_index=0, network_card_index=1, interface_type="efa-only")
        ],
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(http_put_response_hop_limit=2),
        opts=opts,
    )
    ec2.LaunchTemplate(
        "literal",
        ec2.LaunchTemplateArgs(
            # Literals, as a program without a type checker may write them.
            network_interfaces=[{"device_index": 0, "network_card_index": 1}],  # type: ignore[list-item]
            instance_market_options={"market_type": "capacity-block"},  # type: ignore[arg-type]
        ),
    )
    cluster = aws.eks.Cluster(
        "cluster",
        role_arn="arn:aws:iam::1:role/r",
        vpc_config={"subnet_ids": ["a", "b"], "endpoint_private_access": True},
    )
    nodes = aws.eks.NodeGroup(
        "nodes",
        cluster_name=cluster.name,
        node_role_arn="arn",
        subnet_ids=["a"],
        scaling_config={"min_size": 0, "max_size": 2, "desired_size": 1},
        launch_template={"id": typed.id, "version": typed.latest_version.apply(str)},
        taints=[aws.eks.NodeGroupTaintArgs(key="k", value="v", effect="NO_SCHEDULE")],
    )
    kubernetes = k8s.Provider("k8s", cluster_identifier="x", kubeconfig="{}")
    k8s.helm.v3.Release(
        "release",
        chart="c",
        values={"snake_key": {"camelKey": 1}},
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo="https://charts.example"),
        opts=pulumi.ResourceOptions(provider=kubernetes),
    )
    k8s.core.v1.ConfigMap("map", metadata=k8s.meta.v1.ObjectMetaArgs(name="n", namespace="s"), data={"a_b": "c"})
    eks.Cluster("component", version="1.35", skip_default_node_group=True, role_mappings=[])

    def note(key):
        return lambda value: seen.update({key: value})

    cluster.identities[0].oidcs[0].issuer.apply(note("issuer"))
    cluster.certificate_authority.data.apply(note("ca"))
    cluster.certificate_authority.apply(lambda value: note("ca class")(repr(type(value))))
    nodes.resources[0].autoscaling_groups[0].name.apply(note("asg"))
    nodes.scaling_config.max_size.apply(note("max"))
    zones = aws.get_availability_zones(state="available")
    seen["zones"] = [type(zones).__name__, zones.names]
    aws.get_availability_zones_output(state="available").zone_ids.apply(note("zone ids"))
    aws.ec2.get_vpc_output(id="vpc-1").id.apply(note("vpc"))

    def hydrate(urn):
        reference: typing.Any = {rpc._special_sig_key: rpc._special_resource_sig, "urn": urn, "id": "cluster-id"}
        found = rpc.deserialize_resource(reference, keep_unknowns=False)
        seen["reference"] = f"{type(found).__module__}.{type(found).__name__}"

    cluster.urn.apply(hydrate)


def run():
    settings.reset_options()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    seen: dict[str, object] = {}
    monitor = Monitor(answers := Answers())
    mocks.set_mocks(answers, project="p", stack="s", monitor=monitor)
    mocks.test(lambda: program(seen))()
    return {"requests": sorted(monitor.requests, key=lambda r: (r["type"], r["name"])), "seen": seen}


described: dict[str, object] = {}
for name in sys.argv[1:]:
    describe(find(name), described)
result = {"classes": described, "program": run(), "modules": len(sys.modules)}
sys.stdout.write(json.dumps(result, default=repr))
