"""Monitoring: what Grafana and Prometheus are told, against what there is to ask."""

import dataclasses
import json
import re
import subprocess
from typing import Any

import jmespath  # type: ignore[import-untyped]  # it has no stubs
import pytest
import yaml

from addons import grafana, registry
from addons.catalog.accelerators.dcgm_exporter import METRICS
from addons.monitoring import alerts, efa, series
from addons.monitoring.dashboards import dashboards
from addons.values import objects_of
from infra.handle import Edge, Login, Storage
from tests.contract import charts

# Outputs, even those that nobody looks at, are made in an event loop.
pytestmark = pytest.mark.usefixtures("known")

CATALOGUE = registry.discover()
STACK = CATALOGUE["kube-prometheus-stack"]
MONITORING = CATALOGUE["gpu-monitoring"]
LIMITS = alerts.Limits(idle_percent=5, idle_minutes=60, pending_minutes=30)
KNOWN = {
    *series.DCGM_FIELDS,
    *map(series.efa, series.EFA_COUNTERS),
    "node_network_transmit_bytes_total",
    "cluster_autoscaler_cluster_safe_to_autoscale",
    "cluster_autoscaler_errors_total",
    "cluster_autoscaler_failed_scale_ups_total",
    "kube_node_labels",
    "kube_node_status_allocatable",
    "kube_node_status_capacity",
    "kube_node_status_condition",
    "kube_pod_container_resource_requests",
    "kube_pod_status_phase",
    "kubelet_volume_stats_used_bytes",
    "container_cpu_allocation",
    "container_gpu_allocation",
    "container_memory_allocation_bytes",
    "node_cpu_hourly_cost",
    "node_gpu_hourly_cost",
    "node_ram_hourly_cost",
    "kueue_admission_wait_time_seconds_bucket",
    "kueue_admitted_active_workloads",
    "kueue_cluster_queue_nominal_quota",
    "kueue_cluster_queue_resource_pending",
    "kueue_cluster_queue_resource_usage",
    "kueue_evicted_workloads_total",
    "kueue_pending_workloads",
    "kueue_preempted_workloads_total",
}
"""Series that the exporters have, by their own documentation."""


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def login() -> Login:
    pool = "arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_a"
    return Login(
        user_pool_id=charts.out("us-west-2_a"),
        user_pool_arn=charts.out(pool),
        client_id=charts.out("client"),
        domain=charts.out("acme"),
        url=charts.out("https://acme.auth.us-west-2.amazoncognito.com"),
        issuer=charts.out("https://cognito-idp.us-west-2.amazonaws.com/us-west-2_a"),
        scope="openid",
        session_cookie="cookie",
        session_seconds=3600,
        admin_group="admins",
        groups=("admins",),
    )


def edge() -> Edge:
    arn = "arn:aws:elasticloadbalancing:us-west-2:111122223333"
    return Edge(
        domain="ml.example.com",
        entries=("grafana",),
        zone_id=None,
        certificate_arn=charts.out("arn:aws:acm:us-west-2:111122223333:certificate/1"),
        load_balancer_arn=charts.out(f"{arn}:loadbalancer/app/a/1"),
        load_balancer_dns_name=charts.out("a.elb.amazonaws.com"),
        load_balancer_zone_id=charts.out("Z1"),
        listener_arn=charts.out(f"{arn}:listener/app/a/1/2"),
        security_group_id=charts.out("sg-1"),
        login=login(),
    )


def expressions() -> list[str]:
    """Every expression of the rules and of the dashboards."""
    handle = charts.fake_handle()
    rules = [rule["expr"] for group in alerts.rules(handle, LIMITS)["groups"] for rule in group["rules"]]
    boards = [board.build() for board in dashboards(handle).values()]
    targets = [target for board in boards for panel in board["panels"] for target in panel["targets"]]
    choices = [each for board in boards for each in board["templating"]["list"]]
    variables = [each["query"]["query"] for each in choices if each["type"] == "query"]
    metrics = [query.removeprefix("label_values(").partition(",")[0] for query in variables]
    return [*rules, *(target["expr"] for target in targets if "expr" in target), *metrics]


# Grafana.


def test_no_password_is_in_grafana_s_values(known):
    """Nobody logs in by a password, so that none has to be made, kept or changed."""
    for anonymous in (True, False):
        values = known(grafana.grafana(charts.fake_handle(edge=edge()), anonymous=anonymous))
        assert not re.search("password|secret", json.dumps(values), re.IGNORECASE)
        ini = values["grafana.ini"]
        assert ini["auth"]["disable_login_form"]
        assert ini["auth.basic"]["enabled"] is False
        assert ini["auth.anonymous"] == {"enabled": anonymous, "org_role": "Viewer"}
        assert values["env"] == {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"}


def test_grafana_reads_no_secret_of_the_cluster(known):
    values = known(STACK.values(charts.fake_handle(), STACK.settings()))
    (role,) = values["extraManifests"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    assert values["grafana"]["rbac"]["useExistingClusterRole"] == role["metadata"]["name"]
    assert {values["grafana"]["sidecar"][kind]["resource"] for kind in ("dashboards", "datasources")} == {"configmap"}


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"username": "ada", "cognito:groups": ["vision", "admins"]}, "Admin"),
        ({"username": "bob", "cognito:groups": ["vision", "admins2"]}, "Viewer"),
        ({"username": "eve"}, "Viewer"),
    ],
)
def test_administrators_of_the_platform_are_grafana_s(claims, role):
    assert jmespath.search(grafana.role_attribute_path("admins"), claims) == role


def test_a_token_is_believed_only_if_the_user_pool_made_it_for_this_client(known):
    jwt = known(grafana.grafana(charts.fake_handle(edge=edge()), anonymous=False))["grafana.ini"]["auth.jwt"]
    issuer = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_a"
    assert jwt["jwk_set_url"] == f"{issuer}/.well-known/jwks.json"
    assert json.loads(jwt["expect_claims"]) == {"iss": issuer, "client_id": "client", "token_use": "access"}


def test_without_a_login_nobody_is_asked_for_a_token(known):
    ini = known(grafana.grafana(charts.fake_handle(), anonymous=True))["grafana.ini"]
    assert "auth.jwt" not in ini
    assert "server" not in ini


# Prometheus.


def test_metrics_go_to_the_workspace_only_where_there_is_one(known):
    def prometheus(handle: Any, **raw: Any) -> dict[str, Any]:
        found: dict[str, Any] = known(STACK.values(handle, STACK.settings.model_validate(raw)))
        spec: dict[str, Any] = found["prometheus"]["prometheusSpec"]
        return spec

    (written,) = prometheus(charts.fake_handle())["remoteWrite"]
    assert written["url"] == "https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
    assert written["sigv4"] == {"region": "us-west-2"}
    assert "remoteWrite" not in prometheus(charts.fake_handle(), remoteWrite=False)
    assert "remoteWrite" not in prometheus(charts.fake_handle(observability=None))


def test_permissions_follow_what_is_sent(known):
    def policies(handle: Any, **raw: Any) -> dict[str, Any]:
        settings = STACK.settings.model_validate(raw)
        return {
            str(each.irsa).partition(".")[0]: known(each.policy(handle, settings))
            for each in STACK.identities
            if each.policy
        }

    everything = policies(charts.fake_handle())
    assert everything["prometheus"]["Statement"][0]["Resource"] == "arn:aws:aps:us-west-2:111122223333:workspace/ws-1"
    assert everything["alertmanager"]["Statement"][0]["Resource"] == "arn:aws:sns:us-west-2:111122223333:acme-alarms"
    assert policies(charts.fake_handle(), remoteWrite=False)["prometheus"] is None
    nothing = policies(charts.fake_handle(observability=None, storage=Storage()))
    assert nothing == {"prometheus": None, "alertmanager": None, "grafana": None}


def test_prometheus_never_fills_its_disk(known):
    for gib in (10, 100, 1000):
        values = known(STACK.values(charts.fake_handle(), STACK.settings.model_validate({"storageGib": gib})))
        kept = values["prometheus"]["prometheusSpec"]["retentionSize"]
        assert 0.7 * gib < int(kept.removesuffix("GiB")) < 0.9 * gib


# Alerts and dashboards.


def test_every_expression_asks_for_series_that_exist():
    """A misspelt series is an alert that never fires."""
    records = {
        rule["record"]
        for group in alerts.rules(charts.fake_handle(), LIMITS)["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    for expr in expressions():
        bare = re.sub(r'"[^"]*"|\{[^{}]*\}|\[[^\]]*\]', "", expr)
        names = set(re.findall(r"\b[a-zA-Z]+(?:[_:][a-zA-Z0-9_:]+)+\b", bare))
        queues = {"cluster_queue", "preempting_cluster_queue"}
        functions = {"group_left", "group_right", "histogram_quantile", "max_over_time", *queues}
        labels = {name for name in names if name.startswith("label_")}
        assert names - functions - labels <= KNOWN | records, expr
        assert names - functions - labels or "vector(" in expr


def test_every_expression_asks_for_values_of_labels_that_exist():
    """So is one that asks for a misspelt condition."""
    # EKS user guide, "Detect node health issues"; Kubernetes, "Node status" and "Pod phase".
    conditions = {f"{part}Ready" for part in ("", "AcceleratedHardware", "ContainerRuntime", "Kernel", "Networking")}
    phases = {"Failed", "Pending", "Running", "Succeeded", "Unknown"}
    resources = {"aws_amazon_com_neuron", "cpu", "memory", "nvidia_com_gpu", "vpc_amazonaws_com_efa"}
    asked: dict[str, set[str]] = {}
    for expr in expressions():
        # Kueue's series spell resources as Kubernetes does.
        for matchers in re.findall(r"\bkube_\w+\{([^}]*)\}", expr):
            for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
                asked.setdefault(label, set()).add(value)
    assert asked["condition"] <= conditions
    assert asked["phase"] <= phases
    assert asked["status"] <= {"true", "false", "unknown"}
    assert asked["resource"] <= resources


def test_who_waits_is_pending_and_who_uses_runs():
    rules = [rule for group in alerts.rules(charts.fake_handle(), LIMITS)["groups"] for rule in group["rules"]]
    phases = {
        name: set(re.findall(r'phase="(\w+)"', rule["expr"]))
        for rule in rules
        for name in [rule.get("alert", rule.get("record"))]
    }
    assert {name: found for name, found in phases.items() if found} == {
        "AcceleratedPodPending": {"Pending"},
        alerts.UNUSED_NODE: {"Running"},
        "EfaNotUsed": {"Running"},
    }


def test_the_exporter_of_gpus_exposes_what_is_asked_for():
    assert set(series.DCGM_FIELDS) <= set(METRICS)


def test_every_expression_is_promql():
    parser = pytest.importorskip("promql_parser", reason="promql-parser, which reads PromQL, is not installed")
    for expr in expressions():
        parser.parse(expr)


def test_alerts_and_dashboards_fit_the_cluster():
    """Where there are no GPUs, nothing asks for their metrics."""
    bare = charts.fake_handle(node_pools=(charts.SYSTEM,), storage=Storage())
    names = {group["name"] for group in alerts.rules(bare, LIMITS)["groups"]}
    assert names == {"slipway.autoscaler", "slipway.pods"}
    assert set(dashboards(dataclasses.replace(bare, tenants=()))) == {"kueue"}
    assert set(dashboards(charts.fake_handle())) == {"efa", "gpu", "kueue", "lustre", "tenants"}
    assert MONITORING.applies(bare) == "no node group has accelerators or EFA"
    assert MONITORING.applies(charts.fake_handle()) is None


def test_names_of_rules_are_unique():
    groups = alerts.rules(charts.fake_handle(), LIMITS)["groups"]
    assert len({group["name"] for group in groups}) == len(groups)
    texts = [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(set(texts)) == len(texts)


def test_dashboards_are_laid_out_without_overlaps():
    boards = [board.build() for board in dashboards(charts.fake_handle()).values()]
    assert len({board["uid"] for board in boards}) == len(boards)
    for board in boards:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        cells = [
            (x, y)
            for panel in board["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) < 24
        for panel in board["panels"]:
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_lustre_is_read_from_cloudwatch_by_the_file_systems_ids(known):
    board = known(dashboards(charts.fake_handle())["lustre"].build())
    raw = [target for panel in board["panels"] for target in panel["targets"] if "metricName" in target]
    assert {target["dimensions"]["FileSystemId"] for target in raw} == {"fs-0a"}
    assert {target["metricName"] for target in raw} == {
        "DataReadBytes",
        "DataWriteBytes",
        "FreeDataStorageCapacity",
        "MetadataOperations",
    }


def test_unused_gpu_nodes_are_priced_at_their_capacity():
    handle = charts.fake_handle()
    (cost,) = [group for group in alerts.rules(handle, LIMITS)["groups"] if group["name"] == "slipway.cost"]
    prices = {
        rule["labels"]["label_slipway_io_capacity"]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
        for rule in cost["rules"]
        if rule["record"] == alerts.INSTANCE_PRICE
    }
    assert set(prices) == {"on-demand", "spot"}
    assert 0 < prices["spot"] < prices["on-demand"]


# Tenants.


def shown(handle: Any) -> list[str]:
    board = dashboards(handle)["tenants"].build()
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_the_dashboard_of_tenants_is_about_these_namespaces_alone():
    handle = charts.fake_handle()
    board = dashboards(handle)["tenants"].build()
    (choice,) = board["templating"]["list"]
    assert choice["query"].split(",") == [each.name for each in handle.tenants]
    # Grafana puts the values themselves in for "All"; a pattern of its own would take in every namespace.
    assert "allValue" not in choice
    for expr in shown(handle):
        for selector in re.findall(r"(\w+)\{([^}]*)\}", expr):
            if selector[0] != "kube_pod_status_phase":
                assert re.search(r'(cluster_queue|namespace)=~"\$tenant"', selector[1]), expr


def test_the_dashboard_of_tenants_asks_for_what_there_is():
    handle = charts.fake_handle()
    assert any(series.GPU_UTILIZATION in expr for expr in shown(handle))
    bare = dataclasses.replace(handle, node_pools=(charts.SYSTEM,), addons=frozenset())
    assert not any("DCGM" in expr or "nvidia" in expr or "hourly_cost" in expr for expr in shown(bare))
    assert any("hourly_cost" in expr for expr in shown(dataclasses.replace(handle, addons=frozenset({"opencost"}))))


def test_devices_are_told_apart_by_their_whole_names():
    """A dot in a pattern is any letter."""
    (expr,) = {expr for expr in shown(charts.fake_handle()) if "resource_pending" in expr}
    (pattern,) = re.findall(r'resource=~"([^"]+)"', expr)
    assert re.fullmatch(pattern, "nvidia.com/gpu")
    assert not re.fullmatch(pattern, "nvidiaxcom/gpu")


def test_kueue_tells_of_quotas_where_somebody_asks():
    kueue = CATALOGUE["kueue"]
    handle = dataclasses.replace(charts.fake_handle(), addons=frozenset({"kube-prometheus-stack"}))
    values = kueue.values(handle, kueue.settings())
    assert values["enablePrometheus"] is True
    config = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
    assert config["metrics"]["enableClusterQueueResources"] is True


# EFA.


def test_a_gpu_that_no_pod_holds_is_not_shown_as_one_that_the_exporter_holds(known):
    # A GPU that nobody holds comes without `pod` (NVIDIA/dcgm-exporter#277), and Prometheus then puts on what the
    # target has: GpuHeldIdle would name the exporter's own pod on every node with a free GPU.
    (monitor,) = (
        found
        for found in known(objects_of(MONITORING, MONITORING.settings(), charts.fake_handle()))
        if found["metadata"]["name"] == "gpus"
    )
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    # As the operator makes them, before the monitor's own relabelings.
    target = {"container": "exporter", "instance": "10.0.0.1:9400", "namespace": "dcgm-exporter", "pod": "dcgm-x"}
    for rule in endpoint["relabelings"]:
        if rule.get("action") == "labeldrop":
            target = {name: value for name, value in target.items() if not re.fullmatch(rule["regex"], name)}
        else:
            target[rule["targetLabel"]] = "ip-10-0-0-1"
    assert target == {"instance": "10.0.0.1:9400", "node": "ip-10-0-0-1"}


def test_nobody_waits_until_every_node_with_efa_has_its_exporter(known):
    # A broken node, which is there to be replaced, would hold up the next `up` until it fails.
    (daemon, _) = known(efa.exporter(charts.fake_handle(), "monitoring"))
    assert daemon["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_the_exporter_runs_where_efa_is_and_tolerates_what_is_there(known):
    (daemon, monitor) = known(efa.exporter(charts.fake_handle(), "monitoring"))
    pod = daemon["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"slipway.io/efa": "true"}
    for taint in charts.fake_handle().taints:
        assert taint.toleration in pod["tolerations"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod["containers"][0]["ports"]}
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= daemon["spec"]["template"]["metadata"]["labels"].items()
    )


def test_the_exporter_writes_what_the_driver_counts(tmp_path):
    """The script itself, with the driver's files and the server replaced."""
    counters = tmp_path / "sys" / "class" / "infiniband" / "rdmap0s6" / "ports" / "1" / "hw_counters"
    counters.mkdir(parents=True)
    (counters / "tx_bytes").write_text("42\n")
    (counters / "rx_bytes").write_text("7\n")
    www = tmp_path / "www"
    www.mkdir()
    script = efa.SCRIPT.replace("/host/sys", str(tmp_path / "sys")).replace("/www", str(www))
    script = script.replace("sleep 15", "exit 0").replace("httpd ", "true ")
    subprocess.run(["sh", "-c", script], check=True, timeout=20)
    lines = (www / "metrics.txt").read_text().splitlines()
    assert 'efa_tx_bytes_total{device="rdmap0s6",port="1"} 42' in lines
    assert 'efa_rx_bytes_total{device="rdmap0s6",port="1"} 7' in lines
    assert [line for line in lines if line.startswith("# TYPE")] == [
        f"# TYPE {series.efa(counter)} counter" for counter in series.EFA_COUNTERS
    ]
    assert len(lines) == len(series.EFA_COUNTERS) + 2


# Costs.


def test_opencost_is_left_out_where_no_price_list_is_in_reach():
    opencost = CATALOGUE["opencost"]
    assert opencost.applies(charts.fake_handle()) is None
    assert "price list" in str(opencost.applies(charts.fake_handle(internet=False)))


def test_opencost_asks_the_prometheus_that_is_there():
    values = CATALOGUE["opencost"].values(charts.fake_handle(), CATALOGUE["opencost"].settings())
    internal = values["opencost"]["prometheus"]["internal"]
    facts = charts.chart_facts("kube-prometheus-stack") if charts.REFERENCE.is_dir() else None
    assert internal["namespaceName"] == STACK.namespace
    if facts:
        _, _, ports = next(
            service.split() for service in facts["services"] if service.startswith(f"{internal['serviceName']} ")
        )
        assert str(internal["port"]) in ports.split(",")
