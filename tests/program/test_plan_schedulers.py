"""Other schedulers and other clusters in a whole plan: what is selected, in which order it comes and goes."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.problems import SettingsError
from slipway.plan.graph import needs
from slipway.plan.model import Plan, Resource
from stacks.settings import parse
from tests.unit.settings_cases_hybrid import ELSEWHERE, KUEUE, SECRETS
from tests.unit.settings_stack import BASE, TODAY, patched

TENANTS: Mapping[str, Any] = {
    "language": {"owners": ["ada@example.com"], "quota": {"gpu": {"nodes": 2}}},
    "robots": {"owners": ["bob@example.com"]},
}
VOLCANO = {"enable": ["volcano", "volcano-queues"], "disable": KUEUE}
KAI = {"enable": ["kai-scheduler", "kai-config", "kai-queues"], "disable": KUEUE}
MANAGER = {"enable": ["multikueue", *SECRETS], "settings": {"multikueue": ELSEWHERE}}
WORKER = {"enable": ["multikueue-worker"]}


@pytest.fixture(name="plan_of")
def _plan_of(record_settings):
    def run(addons: Mapping[str, Any]) -> Plan:
        raw = patched({"addons": {"preset": "training", **addons}, "tenants": TENANTS})
        plan: Plan = record_settings(raw)
        return plan

    return run


def found(plan: Plan, type_: str) -> dict[str, Resource]:
    return {each.inputs["metadata"]["name"]: each for each in plan if each.type == type_}


def before(plan: Plan, resource: Resource) -> set[str]:
    """What is there before a resource is made, and after it is gone."""
    by_urn = {each.urn: each for each in plan}
    found: set[str] = set()
    open_ = [resource]
    while open_:
        for urn in needs(open_.pop()) & by_urn.keys() - found:
            found.add(urn)
            open_.append(by_urn[urn])
    return found


def test_the_base_is_sound():
    parse(dict(BASE), TODAY)


@pytest.mark.parametrize(
    ("addons", "release", "queue"),
    [
        (VOLCANO, "volcano", "kubernetes:scheduling.volcano.sh/v1beta1:Queue"),
        (KAI, "kai-scheduler", "kubernetes:scheduling.run.ai/v2:Queue"),
    ],
    ids=["volcano", "kai"],
)
def test_each_tenant_has_a_queue_that_outlives_its_namespace(plan_of, addons, release, queue):
    """Pods go with their namespace, and a queue is not taken away under them."""
    plan = plan_of(addons)
    queues, spaces = found(plan, queue), found(plan, "kubernetes:core/v1:Namespace")
    chart = plan.one("kubernetes:helm.sh/v3:Release", release)
    for tenant in TENANTS:
        assert chart.urn in before(plan, queues[tenant])
        assert queues[tenant].urn in before(plan, spaces[tenant])
    assert not found(plan, "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue")


def test_kai_s_queues_wait_for_its_webhooks(plan_of):
    plan = plan_of(KAI)
    config = found(plan, "kubernetes:kai.scheduler/v1:Config")["kai-config"]
    assert config.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Available"
    queues = found(plan, "kubernetes:scheduling.run.ai/v2:Queue")
    assert queues.keys() == {"all-tenants", *TENANTS}
    assert all(config.urn in before(plan, each) for each in queues.values())


def test_jobs_for_elsewhere_have_a_queue_in_every_tenant_s_namespace(plan_of):
    plan = plan_of(MANAGER)
    local = [each.inputs for each in plan if each.type == "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue"]
    burst = {each["metadata"]["namespace"]: each["spec"] for each in local if each["metadata"]["name"] == "burst"}
    assert burst == {tenant: {"clusterQueue": "burst"} for tenant in TENANTS}
    queue = found(plan, "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue")["burst"]
    spaces = found(plan, "kubernetes:core/v1:Namespace")
    # Kueue keeps a queue until no job is in it, and jobs go with their namespace.
    assert all(queue.urn in before(plan, spaces[tenant]) for tenant in TENANTS)
    # The kubeconfig's Secret is in the namespace that the store lets in.
    assert spaces["kueue-system"].inputs["metadata"]["labels"]["slipway.io/secrets"] == "shared"
    secret = found(plan, "kubernetes:external-secrets.io/v1:ExternalSecret")["multikueue-datacentre"]
    assert secret.inputs["metadata"]["namespace"] == "kueue-system"


def test_a_worker_takes_jobs_into_its_tenants_own_quotas(plan_of):
    plan = plan_of(WORKER)
    local = [each.inputs for each in plan if each.type == "kubernetes:kueue.x-k8s.io/v1beta2:LocalQueue"]
    burst = {each["metadata"]["namespace"]: each["spec"] for each in local if each["metadata"]["name"] == "burst"}
    assert burst == {tenant: {"clusterQueue": tenant} for tenant in TENANTS}
    assert "multikueue" in found(plan, "kubernetes:core/v1:ServiceAccount")


@pytest.mark.parametrize(
    ("enable", "names"),
    [
        (["volcano", "volcano-queues"], ("volcano-queues", "kueue-queues")),
        (["kai-scheduler", "kai-config", "kai-queues"], ("kai-queues", "kueue-queues")),
        (["volcano", "kai-scheduler"], ("volcano", "kai-scheduler")),
        (["multikueue", "multikueue-worker", *SECRETS], ("multikueue", "multikueue-worker")),
    ],
)
def test_two_that_exclude_each_other_are_refused_by_name(enable, names):
    with pytest.raises(SettingsError) as caught:
        parse(patched({"addons": {"preset": "training", "enable": enable}}), TODAY)
    text = str(caught.value)
    assert all(name in text for name in names)
