"""Web pages of add-ons behind the load balancer: one host each, a login before it, a way to its pods and no more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons import registry
from addons.spec import Chart
from infra.edge.entries import priorities
from slipway.plan.model import Plan
from tests.contract import charts
from tests.program import conftest

RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:lb/targetGroup:TargetGroup"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
CATALOGUE = registry.discover()
ENTRIES = {entry.name: (addon, entry) for addon in CATALOGUE.values() for entry in addon.entries}


def test_the_page_about_the_way_in_names_each_entry():
    page = (conftest.ROOT / "docs/concepts/edge.md").read_text()
    rows = {
        name: f"| `{name}` | {addon.name} | {'yes' if entry.own_login else 'no'}"
        for name, (addon, entry) in ENTRIES.items()
    }
    assert [row for row in rows.values() if row not in page] == []


def rules(plan: Plan) -> dict[str, Any]:
    """Host to listener rule."""
    return {host: rule for rule in plan.of_type(RULE) for host in rule.inputs["conditions"][0]["hostHeader"]["values"]}


def test_each_entry_of_prod_that_an_addon_answers_has_a_host(prod: Plan):
    assert {host.partition(".")[0] for host in rules(prod)} == {"argo", "grafana", "kubeflow", "mlflow", "models"}
    assert {host.partition(".")[2] for host in rules(prod)} == {"ml.example.com"}


def test_people_log_in_before_they_are_let_through(prod: Plan):
    client = prod.one("aws:cognito/userPoolClient:UserPoolClient", "edge-login")
    for rule in rules(prod).values():
        first, second = sorted(rule.inputs["actions"], key=lambda action: action["order"])
        assert first["type"] == "authenticate-cognito"
        assert first["authenticateCognito"]["userPoolClientId"] == client.id
        assert first["authenticateCognito"]["onUnauthenticatedRequest"] == "authenticate"
        assert second["type"] == "forward"


def test_the_pods_behind_a_rule_are_those_of_the_entrys_service(prod: Plan):
    groups = {each.outputs["arn"]: each for each in prod.of_type(GROUP)}
    bindings = {each.inputs["spec"]["targetGroupARN"]: each.inputs for each in prod.of_type(BINDING)}
    assert len(groups) == len(bindings) == len(rules(prod))
    for host, rule in rules(prod).items():
        addon, entry = ENTRIES[host.partition(".")[0]]
        arn = rule.inputs["actions"][-1]["targetGroupArn"]
        assert groups[arn].inputs["targetType"] == bindings[arn]["spec"]["targetType"] == "ip"
        assert groups[arn].inputs["port"] == entry.target_port
        assert bindings[arn]["metadata"]["namespace"] == (entry.namespace or addon.namespace)
        assert bindings[arn]["spec"]["serviceRef"] == {"name": entry.service, "port": entry.port}


def test_the_load_balancer_reaches_the_ports_of_entries_alone(prod: Plan):
    balancer = prod.one("aws:ec2/securityGroup:SecurityGroup", "edge").id
    nodes = prod.one("aws:eks/cluster:Cluster", "cluster-eksCluster").outputs["vpcConfig"]["clusterSecurityGroupId"]
    wanted = {
        int(port)
        for group in prod.of_type(GROUP)
        for port in (group.inputs["port"], group.inputs["healthCheck"]["port"])
    }
    inside = {
        each.inputs["fromPort"]
        for each in prod.of_type(INGRESS)
        if each.inputs.get("referencedSecurityGroupId") == balancer and each.inputs["securityGroupId"] == nodes
    }
    out = {
        each.inputs["fromPort"]
        for each in prod.of_type(EGRESS)
        if each.inputs["securityGroupId"] == balancer and each.inputs.get("referencedSecurityGroupId") == nodes
    }
    assert inside == out == wanted
    for each in (*prod.of_type(INGRESS), *prod.of_type(EGRESS)):
        if {each.inputs["securityGroupId"], each.inputs.get("referencedSecurityGroupId")} == {balancer, nodes}:
            assert each.inputs["fromPort"] == each.inputs["toPort"]


@charts.needs_reference
@pytest.mark.parametrize("name", [name for name, (addon, _) in ENTRIES.items() if isinstance(addon.source, Chart)])
def test_the_chart_has_the_service_that_an_entry_names(name: str):
    addon, entry = ENTRIES[name]
    services = dict(each.split(" ", 1) for each in charts.chart_facts(addon.name)["services"])
    assert str(entry.port) in services[entry.service].rpartition(" ")[2].split(",")


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True), unique=True, max_size=99))
def test_no_two_entries_have_one_priority(names: list[str]):
    found = priorities(names)
    assert len(set(found.values())) == len(names)
    assert all(1 <= place <= 50_000 for place in found.values())


@given(st.permutations(["argo", "grafana", "jupyterhub", "kubeflow", "mlflow"]), st.integers(1, 5))
def test_an_entrys_priority_stays_when_others_come_and_go(names: list[str], count: int):
    assert priorities(names[:count]).items() <= priorities(names).items()
