"""Who can reach what in the plans of every stack file: nobody from outside but through the front door."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from slipway import cli, planning
from slipway.plan.model import Plan, Resource
from slipway.plan.reach.groups import RULE_TYPES, security_groups
from slipway.plan.reach.members import MEMBER_TYPES, values
from slipway.plan.reach.ports import EVERYTHING, Ports
from slipway.plan.reach.reach import API_SERVER, INTERNET, OUTSIDE, reach

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LUSTRE_PORTS = (Ports("tcp", 988, 988), Ports("tcp", 1018, 1023))
NFS_PORTS = (Ports("tcp", 2049, 2049),)
INSIDE = {"nodes", "control plane"}
"""EKS puts its group on nodes and on the control plane's interfaces, so what lets in one lets in the other."""
ELSEWHERE = {
    "aws:eks/cluster:Cluster": "the group that EKS makes is an output",
}


def texts(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return {text for each in value.values() for text in texts(each)}
    if isinstance(value, list | tuple):
        return {text for each in value for text in texts(each)}
    return {value} if isinstance(value, str) else set()


def test_every_type_that_names_a_group_is_known(plan: Plan):
    groups = security_groups(plan).keys()
    assert groups
    naming = {resource.type for resource in plan if resource.package == "aws" and groups & texts(resource.inputs)}
    assert naming - MEMBER_TYPES - RULE_TYPES - ELSEWHERE.keys() == set()


def hybrid(settings: Mapping[str, Any]) -> set[str]:
    """The networks of machines that are nodes too."""
    own = settings.get("cluster", {}).get("hybrid", {})
    return {*own.get("nodeCidrs", ()), *own.get("podCidrs", ())}


def test_nothing_is_open_but_the_front_door(plan: Plan, settings):
    found = reach(plan)
    assert found.exposed == ()
    joined = hybrid(settings)
    outside = [path for path in found.paths if path.source.kind in OUTSIDE and path.source.name not in joined]
    for path in outside:
        assert path.target.kind in ("load balancer", API_SERVER)
        web = {"tcp 80", "tcp 443"} if path.target.kind == "load balancer" else {"tcp 443"}
        assert {str(ports) for ports in path.ports} <= web
    endpoint = settings.get("cluster", {}).get("endpoint", {})
    api = {path.source.name for path in outside if path.target.kind == API_SERVER}
    assert api == set(endpoint.get("publicCidrs", ()))
    public = [each for each in plan.of_type("aws:lb/loadBalancer:LoadBalancer") if not each.inputs.get("internal")]
    assert {path.target.name for path in outside if path.target.kind == "load balancer"} == {
        each.name for each in public
    }


def test_hybrid_nodes_reach_the_api_server_and_dns_alone(plan: Plan, settings):
    joined = hybrid(settings)
    paths = [path for path in reach(plan).paths if path.source.name in joined]
    assert {path.target.kind for path in paths} == ({"control plane", "nodes"} if joined else set())
    assert {str(ports) for path in paths for ports in path.ports} <= {"tcp 443", "tcp 53", "udp 53"}
    opened = [
        dataclasses.replace(each, inputs={**each.inputs, "fromPort": 22, "toPort": 22})
        if each.type == INGRESS and each.inputs.get("cidrIpv4") in joined
        else each
        for each in plan
    ]
    assert bool(reach(dataclasses.replace(plan, resources=tuple(opened))).exposed) == bool(joined)


def test_nodes_are_reached_from_the_cluster_and_what_they_mount_alone(plan: Plan, settings):
    joined = hybrid(settings)
    sources = {path.source.kind for path in reach(plan).into("nodes") if path.source.name not in joined}
    assert INSIDE <= sources <= INSIDE | {"Lustre", "load balancer"}


def test_lustre_is_reached_by_its_clients_on_its_ports(plan: Plan):
    clients = INSIDE | {"Lustre", "instance", "instances"}
    systems = {each.name: bool(each.inputs.get("efaEnabled")) for each in plan.of_type(LUSTRE)}
    efa = any(systems.values())
    found = reach(plan)
    paths = found.into("Lustre")
    assert bool(paths) == bool(systems)
    assert {path.source.kind for path in paths} <= clients
    assert all(path.ports == LUSTRE_PORTS or (efa and path.ports == (EVERYTHING,)) for path in paths)
    for name in {path.target.name for path in paths}:
        kinds = {path.source.kind for path in paths if path.target.name == name}
        assert kinds >= {"nodes", "Lustre"}
    # Servers call their clients back.
    assert bool(found.between("Lustre", "nodes")) == bool(systems)


def test_efs_is_reached_over_nfs(plan: Plan):
    paths = reach(plan).into("EFS")
    assert bool(paths) == bool(plan.of_type("aws:efs/mountTarget:MountTarget"))
    assert all(path.ports == NFS_PORTS for path in paths)
    assert {path.source.kind for path in paths} <= INSIDE | {"instance", "instances"}


def test_databases_are_reached_from_nodes_on_their_port(plan: Plan):
    databases = plan.of_type("aws:rds/instance:Instance")
    listens = {each.name: each.inputs.get("port") or each.outputs["port"] for each in databases}
    found = reach(plan)
    reached = set()
    for path in found.into("database"):
        assert path.source.kind in INSIDE
        for name in path.target.name.split(", "):
            assert path.ports == (Ports("tcp", listens[name], listens[name]),)
            reached.add(name)
    assert reached == listens.keys()
    # A database has no business elsewhere.
    assert not [path for path in found.paths if path.source.kind == "database"]


def test_endpoints_answer_on_https_inside_the_vpc(plan: Plan):
    paths = reach(plan).into("endpoint")
    interfaces = [e for e in plan.of_type(ENDPOINT) if e.inputs.get("vpcEndpointType") == "Interface"]
    assert bool(paths) == bool(interfaces)
    assert all([str(ports) for ports in path.ports] == ["tcp 443"] for path in paths)
    assert not {path.source.kind for path in paths} & OUTSIDE


LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def changed(plan: Plan, change: Callable[[Resource], Resource | None]) -> Plan:
    kept = [new for each in plan if (new := change(each)) is not None]
    assert kept != list(plan)
    return dataclasses.replace(plan, resources=tuple(kept))


def with_inputs(resource: Resource, **inputs: Any) -> Resource:
    return dataclasses.replace(resource, inputs={**resource.inputs, **inputs})


def opened(resource: Resource) -> Resource:
    """Every inbound rule lets the world in."""
    if resource.type != INGRESS:
        return resource
    inputs = {key: value for key, value in resource.inputs.items() if key != "referencedSecurityGroupId"}
    return dataclasses.replace(resource, inputs={**inputs, "cidrIpv4": "0.0.0.0/0"})


def test_open_rules_alone_let_nobody_in_where_nothing_has_an_address(prod: Plan):
    assert {path.target.kind for path in reach(changed(prod, opened)).exposed} <= {"load balancer"}


def test_open_rules_and_addresses_do(prod: Plan):
    def public(resource: Resource) -> Resource:
        if resource.type == "aws:ec2/subnet:Subnet":
            return with_inputs(resource, mapPublicIpOnLaunch=True)
        if resource.type == "aws:ec2/route:Route" and resource.inputs.get("natGatewayId"):
            inputs = {key: value for key, value in resource.inputs.items() if key != "natGatewayId"}
            return dataclasses.replace(resource, inputs={**inputs, "gatewayId": "igw-0123456789abcdef0"})
        return opened(resource)

    exposed = reach(changed(prod, public)).exposed
    assert {path.target.kind for path in exposed} >= {"nodes"}
    assert {path.source.kind for path in exposed} == {INTERNET}


def test_nodes_with_addresses_in_an_existing_vpc_are_found_once_a_rule_is_open(existing: Plan):
    """Nothing is known of its subnets, so they count as public."""
    assert reach(changed(existing, opened)).exposed


@pytest.mark.parametrize(("type_", "name"), [(EGRESS, "storage-lustre-to-nodes-988"), (INGRESS, "storage-efs-nfs")])
def test_a_rule_that_is_gone_takes_its_path_away(prod: Plan, type_, name):
    def drop(resource: Resource) -> Resource | None:
        return None if (resource.type, resource.name) == (type_, name) else resource

    before, after = reach(prod), reach(changed(prod, drop))
    lost = set(before.paths) - set(after.paths)
    assert lost
    if type_ == INGRESS:
        assert {path.target.kind for path in lost} == {"EFS"}
    else:
        assert all((path.source.kind, Ports("tcp", 988, 988) in path.ports) == ("Lustre", True) for path in lost)


def test_an_api_server_open_to_everybody_by_default_is_found(prod: Plan):
    def unstated(resource: Resource) -> Resource:
        if resource.type != "aws:eks/cluster:Cluster":
            return resource
        config = {key: value for key, value in resource.inputs["vpcConfig"].items() if key != "publicAccessCidrs"}
        return with_inputs(resource, vpcConfig=config)

    (path,) = reach(changed(prod, unstated)).exposed
    assert (path.source.name, path.target.kind) == ("0.0.0.0/0", API_SERVER)


def test_paths_into_inputs_walk_lists():
    inputs = {"a": [{"b": ["x", "y"]}, {"b": "z"}, {}], "c": None}
    assert list(values(inputs, "a.b")) == ["x", "y", "z"]
    assert list(values(inputs, "c")) == []


def test_the_command_prints_the_table(prod: Plan, monkeypatch):
    monkeypatch.setattr(planning, "record", lambda _: prod)
    shown = CliRunner().invoke(cli.app, ["reach", "-s", "prod"])
    assert shown.exit_code == 0
    assert "API server slipway-prod  internet 203.0.113.0/24  tcp 443" in shown.stdout
    data = json.loads(CliRunner().invoke(cli.app, ["reach", "-s", "prod", "--format", "json"]).stdout)
    assert data["exposed"] == []
    assert {path["target"]["kind"] for path in data["paths"]} >= {"EFS", "Lustre", API_SERVER}


def test_the_command_fails_where_something_is_open(prod: Plan, monkeypatch):
    def unstated(resource: Resource) -> Resource:
        config = {"endpointPublicAccess": True}
        return with_inputs(resource, vpcConfig=config) if resource.type == "aws:eks/cluster:Cluster" else resource

    monkeypatch.setattr(planning, "record", lambda _: changed(prod, unstated))
    shown = CliRunner().invoke(cli.app, ["reach", "-s", "prod"])
    assert shown.exit_code == 1
    assert "Exposed: internet 0.0.0.0/0 reaches API server" in shown.stdout
