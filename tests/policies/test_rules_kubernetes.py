"""What the mutations of the repository's plans do not show: boundaries, shapes that ours do not have, unknowns."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.around import Around, Environment
from policies.evaluate import ask
from policies.kubernetes import DEPLOYMENT, NAMESPACE, RELEASE, STATEFUL_SET, TRAINING_RUNTIME, takes
from policies.model import Finding
from policies.registry import rules
from policies.settings import PolicySettings
from policies.values import Inputs
from slipway import urns
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN
from tests.policies.breaking import TODAY
from tests.policies.mutations_kubernetes import (
    BINDING,
    BUDGET,
    GATEWAY,
    LOAD_BALANCER,
    SERVICE,
    VALIDATING,
    taking,
    webhook,
    workload,
)

RULES = {each.id.removeprefix("kubernetes-"): each for each in rules() if each.topic == "kubernetes"}


def made(type_: str, inputs: dict[str, Any], name: str = "one") -> Resource:
    """A resource right below the stack."""
    stack = urns.stack("test", "slipway")
    return Resource(urn=urns.child(stack, type_, name), custom=True, inputs=inputs, parent=stack)


def found(rule: str, *resources: Resource, **policies: Any) -> list[Finding]:
    """What a rule says of the first of some resources."""
    plan = Plan(project="slipway", stack="test", resources=resources)
    environment = Environment(policies=PolicySettings(**policies), today=TODAY)
    return list(ask(RULES[rule], resources[0], Around(plan=plan, environment=environment)))


def faults(rule: str, *resources: Resource, **policies: Any) -> list[str]:
    """Where it finds violations."""
    return [each.path for each in found(rule, *resources, **policies) if each.kind == "violation"]


def release(chart: str, values: dict[str, Any] | None = None, **inputs: Any) -> Resource:
    """A release of a chart, pinned."""
    return made(
        RELEASE, {"chart": f"oci://registry.example.com/{chart}", "version": "1.2.3", "values": values or {}, **inputs}
    )


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("registry.k8s.io/pause:3.10", True),
        ("nvcr.io/nvidia/pytorch:25.10-py3", True),
        ("quay.io/a/b@sha256:0f1e", True),
        ("localhost:5000/a/b:latest@sha256:0f1e", True),
        ("docker.io/vllm/vllm-openai:latest-cu130", False),
        ("docker.io/vllm/vllm-openai:Latest", False),
        ("busybox", False),
        ("localhost:5000/busybox", False),
        ("team/mainframe:mainframe-1", True),
        ("team/tool:main", False),
    ],
)
def test_an_image_is_pinned_by_a_digest_or_by_a_tag_that_stays(image, pinned):
    assert (faults("images-pinned", made(DEPLOYMENT, workload(container={"image": image}))) == []) is pinned


def test_a_chart_may_fill_in_the_tag_but_not_in_what_it_installs_as_it_is():
    assert faults("images-pinned", release("tool", {"image": "team/tool", "tag": "", "sidecar": {"tag": "v1"}})) == []
    assert faults("images-pinned", release("tool", {"extraContainers": [{"name": "a", "image": "team/tool"}]})) == [
        "values.extraContainers.0.image"
    ]
    assert faults("images-pinned", release("tool", {"imageTag": "stable"})) == ["values.imageTag"]


def test_patterns_of_policies_are_no_images():
    patterns = {"spec": {"rules": [{"anyPattern": [{"image": "team/*"}], "image": "busybox"}]}}
    assert faults("images-pinned", made("kubernetes:kyverno.io/v1:ClusterPolicy", patterns)) == []


@pytest.mark.parametrize(
    ("version", "exact"),
    [
        ("1.2.3", True),
        ("v26.7.0", True),
        ("1.2.3-rc.1+b5", True),
        ("1.2", False),
        ("~1.2.3", False),
        ("1.x", False),
        ("*", False),
    ],
)
def test_one_version_of_a_chart_is_three_numbers(version, exact):
    assert (faults("charts-pinned", release("tool", version=version)) == []) is exact


def test_a_chart_of_the_project_itself_goes_with_its_commit():
    assert faults("charts-pinned", made(RELEASE, {"chart": "./charts/tool"})) == []
    assert faults("charts-pinned", made(RELEASE, {"chart": "tool"})) == ["version", "repositoryOpts.repo"]


@pytest.mark.parametrize(
    ("resources", "missing"),
    [
        ({"requests": {"cpu": "1", "memory": "1Gi"}}, None),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, None),
        ({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}, None),
        ({"requests": {"nvidia.com/gpu": 1}}, "cpu and memory missing"),
        ({"limits": {"cpu": "1"}}, "memory missing"),
    ],
)
def test_a_limit_alone_is_a_request_too(resources, missing):
    said = found("requests", made(DEPLOYMENT, workload(container={"resources": resources})))
    assert [each.what for each in said] == ([missing] if missing else [])


def test_pods_are_found_in_every_template():
    container = {"name": "one", "image": "a:1"}
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container]}}}}}}
    where = "spec.jobTemplate.spec.template.spec.containers.0.resources.requests"
    assert faults("requests", made("kubernetes:batch/v1:CronJob", cron)) == [where]
    pod = {"spec": {"initContainers": [container], "containers": []}}
    assert faults("requests", made("kubernetes:core/v1:Pod", pod)) == ["spec.initContainers.0.resources.requests"]


EVERYTHING = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["kube-system"]}


@pytest.mark.parametrize(
    ("parts", "kept_out"),
    [
        ({}, False),
        ({"failurePolicy": "Ignore"}, True),
        ({"namespaceSelector": taking("kube-system")}, True),
        ({"namespaceSelector": taking("kube-public")}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}, False),
        ({"namespaceSelector": {"matchExpressions": [EVERYTHING]}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}}, False),
        ({"objectSelector": {"matchLabels": {"job": "a"}}}, True),
        ({"objectSelector": {"matchExpressions": [{"key": "job", "operator": "Exists"}]}}, True),
        ({"objectSelector": {"matchExpressions": [{"key": "skip", "operator": "NotIn", "values": ["a"]}]}}, False),
        ({"rules": [{"apiGroups": ["kueue.x-k8s.io"], "resources": ["workloads"]}]}, True),
        ({"rules": [{"apiGroups": [""], "resources": ["nodes"], "scope": "Cluster"}]}, True),
        ({"rules": [{"apiGroups": ["*"], "resources": ["*"]}]}, False),
    ],
)
def test_a_webhook_that_refuses_is_kept_out_of_kube_system(parts, kept_out):
    """As charts render them: Kueue's, LeaderWorkerSet's, Istio's, Gatekeeper's and others'."""
    assert (faults("webhooks", made(VALIDATING, webhook(**parts))) == []) is kept_out


def test_a_policy_may_keep_its_bindings_out():
    binding = made(BINDING, {"spec": {"policyName": "rules", "validationActions": ["Deny"]}})
    for selector, path in (({}, ["spec.matchResources"]), (taking("kube-system"), [])):
        matched = {"namespaceSelector": selector, "resourceRules": [{"apiGroups": ["apps"], "resources": ["*"]}]}
        policy = {"metadata": {"name": "rules"}, "spec": {"matchConstraints": matched}}
        type_ = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
        assert faults("webhooks", binding, made(type_, policy)) == path
    assert faults("webhooks", binding) == ["spec.matchResources"]


@pytest.mark.parametrize(
    ("chart", "values", "kept_out"),
    [
        ("kueue", {}, True),
        ("kueue", {"managerConfig": {"controllerManagerConfigYaml": ": no: yaml: ["}}, True),
        ("kyverno", {}, True),
        ("hami", {}, True),
        ("hami", {"scheduler": {"admissionWebhook": {"failurePolicy": "Fail"}}}, False),
        ("aws-load-balancer-controller", {}, False),
        (
            "aws-load-balancer-controller",
            {
                "serviceMutatorWebhookConfig": {"failurePolicy": "Ignore"},
                "webhookConfig": {"disableIngressValidation": True},
            },
            True,
        ),
    ],
)
def test_charts_by_their_values_and_their_defaults(chart, values, kept_out):
    assert (faults("webhooks", release(chart, values)) == []) is kept_out


@pytest.mark.parametrize(
    ("chart", "values", "paths"),
    [
        ("tool", {"replicas": 1}, []),
        ("tool", {"replicas": 2}, ["values"]),
        (
            "tool",
            {"server": {"replicaCount": 2, "pdb": {"enabled": True}}, "worker": {"replicas": 3}},
            ["values.worker"],
        ),
        ("tool", {"autoscaling": {"minReplicas": 2, "enabled": False}}, []),
        ("tool", {"autoscaling": {"minReplicas": 2}, "podDisruptionBudget": {"enable": False}}, ["values"]),
        ("tool", {"replicas": 2, "pdb": {"minAvailable": 1}}, []),
        ("tool", {"replicas": 2, "pdb": {"minAvailable": 2}}, ["values.pdb.minAvailable"]),
        ("tool", {"replicas": 2, "pdb": {"minAvailable": "100%"}}, ["values.pdb.minAvailable"]),
        ("tool", {"replicas": 2, "pdb": {"maxUnavailable": "0%"}}, ["values.pdb.maxUnavailable"]),
        ("kyverno", {"admissionController": {"replicas": 3}}, []),
        ("karpenter", {"replicas": 2}, []),
        ("opensearch", {"replicas": 3}, []),
        ("opensearch", {"replicas": 3, "maxUnavailable": 0}, ["values"]),
        ("aws-load-balancer-controller", {"replicaCount": 1}, []),
    ],
)
def test_budgets_in_values(chart, values, paths):
    assert faults("pod-disruption-budgets", release(chart, values)) == paths


@pytest.mark.parametrize(
    ("budget", "paths"),
    [
        ({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "one-more"}}}, []),
        ({"minAvailable": 2, "selector": {"matchLabels": {"app": "one-more"}}}, []),
        ({"minAvailable": 3, "selector": {"matchLabels": {"app": "one-more"}}}, ["spec.replicas"]),
        ({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "another"}}}, ["spec.replicas"]),
    ],
)
def test_a_budget_takes_the_pods_of_its_selector_and_lets_one_go(budget, paths):
    store = made(STATEFUL_SET, workload({"namespace": "data"}, replicas=3))
    assert (
        faults("pod-disruption-budgets", store, made(BUDGET, {"metadata": {"namespace": "data"}, "spec": budget}))
        == paths
    )
    elsewhere = made(BUDGET, {"metadata": {"namespace": "other"}, "spec": budget})
    assert faults("pod-disruption-budgets", store, elsewhere) == ["spec.replicas"]


def test_load_balancers_are_public_where_a_stack_file_names_them():
    balancer = made(LOAD_BALANCER, {"loadBalancerType": "application"}, "edge-1")
    assert faults("load-balancers", balancer) == ["internal"]
    assert faults("load-balancers", balancer, public_load_balancers=("edge-?",)) == []
    assert faults("load-balancers", balancer, public_load_balancers=("edge",)) == ["internal"]
    # As in exceptions: nothing but * and ? stands for others.
    assert faults("load-balancers", balancer, public_load_balancers=("edge-[0-9]",)) == ["internal"]


@pytest.mark.parametrize(
    ("annotations", "internal"),
    [
        (None, False),
        ({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}, True),
        ({"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}, True),
        ({"service.beta.kubernetes.io/aws-load-balancer-internal": "0.0.0.0/0"}, False),
        (
            {
                "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
                "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
            },
            False,
        ),
    ],
)
def test_a_service_says_that_it_is_internal(annotations, internal):
    spec = {"type": "LoadBalancer"}
    assert (
        faults("load-balancers", made(SERVICE, {"metadata": {"annotations": annotations}, "spec": spec})) == []
    ) is internal
    gateway = {"spec": {"gatewayClassName": "istio", "infrastructure": {"annotations": annotations}}}
    assert (faults("load-balancers", made(GATEWAY, gateway)) == []) is internal


def test_classes_are_those_of_the_plan():
    runtime = made(TRAINING_RUNTIME, {"spec": {"containers": [], "priorityClassName": "slipway-training"}})
    training = made("kubernetes:scheduling.k8s.io/v1:PriorityClass", {"metadata": {"name": "slipway-training"}})
    assert faults("priority-classes", runtime) == ["spec.priorityClassName"]
    assert faults("priority-classes", runtime, training) == []


@pytest.mark.parametrize(
    ("rule", "resource", "path"),
    [
        ("pod-security", made(NAMESPACE, {"metadata": {"name": "a", "labels": UNKNOWN}}), "metadata.labels"),
        (
            "images-pinned",
            made(DEPLOYMENT, workload(container={"image": UNKNOWN})),
            "spec.template.spec.containers.0.image",
        ),
        ("charts-pinned", release("tool", version=UNKNOWN), "version"),
        ("requests", made(DEPLOYMENT, {"spec": {"template": UNKNOWN}}), "spec.template"),
        (
            "requests",
            made(DEPLOYMENT, workload(container={"resources": UNKNOWN})),
            "spec.template.spec.containers.0.resources",
        ),
        ("webhooks", made(VALIDATING, {"webhooks": UNKNOWN}), "webhooks"),
        ("webhooks", release("kyverno", {"config": UNKNOWN}), "values.config"),
        ("pod-disruption-budgets", release("tool", {"replicas": UNKNOWN}), "values.replicas"),
        ("load-balancers", made(LOAD_BALANCER, {"internal": UNKNOWN}), "internal"),
        ("privileged-tenants", made(TRAINING_RUNTIME, {"spec": UNKNOWN}), "spec"),
        (
            "priority-classes",
            made(TRAINING_RUNTIME, {"spec": {"containers": [], "priorityClassName": UNKNOWN}}),
            "spec.priorityClassName",
        ),
    ],
)
def test_what_is_unknown_is_said_to_be(rule, resource, path):
    assert [(each.kind, each.path) for each in found(rule, resource)] == [("unknown", path)]


def test_what_is_known_is_judged_first():
    container = {"name": "one", "image": "busybox"}
    pod = {"spec": {"containers": [container, {"name": "two", "image": UNKNOWN}]}}
    said = found("images-pinned", made("kubernetes:core/v1:Pod", pod))
    assert [(each.kind, each.path) for each in said] == [
        ("violation", "spec.containers.0.image"),
        ("unknown", "spec.containers.1.image"),
    ]


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))
REQUIREMENTS = st.fixed_dictionaries(
    {
        "key": st.sampled_from("abc"),
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
        "values": st.lists(st.sampled_from("xy")),
    }
)


@given(labels=LABELS, wanted=LABELS, requirement=REQUIREMENTS)
def test_selectors_take_what_meets_all_requirements(labels, wanted, requirement):
    """Each operator is the contrary of another, as the API has it, and requirements only narrow."""
    other = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
    contrary = {**requirement, "operator": other[requirement["operator"]]}
    one = takes(Inputs({"matchExpressions": [requirement]}), labels)
    assert takes(Inputs({"matchExpressions": [contrary]}), labels) is not one
    assert takes(Inputs({"matchLabels": wanted}), labels) is (wanted.items() <= labels.items())
    both = takes(Inputs({"matchLabels": wanted, "matchExpressions": [requirement]}), labels)
    assert both is (one and wanted.items() <= labels.items())
    assert takes(Inputs({}), labels)
    assert takes(Inputs(None), labels)


def test_every_rule_stands_odd_inputs():
    """A person's mistake in a manifest is the API server's to tell; no rule falls over it."""
    odd: list[Any] = [None, True, 0, "", "x", [], {}, [None], ["x", {"name": 1}], {"x": 1}]
    for rule in RULES.values():
        for type_ in rule.types or (DEPLOYMENT, RELEASE):
            resource = made(type_, {})
            for value in odd:
                for key in ("spec", "metadata", "values", "webhooks", "chart", "internal"):
                    found(rule.id.removeprefix("kubernetes-"), dataclasses.replace(resource, inputs={key: value}))


PUBLIC = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one"}, "spec": {"type": "LoadBalancer"}}


@pytest.mark.parametrize(
    ("pattern", "name", "named"),
    [("edge*", "edge-1", True), ("edge[1]", "edge[1]", True), ("edge[1]", "edge1", False)],
)
def test_names_of_public_load_balancers_are_patterns_as_in_exceptions(pattern, name, named):
    service = made("kubernetes:core/v1:Service", PUBLIC, name)
    assert bool(faults("load-balancers", service, public_load_balancers=(pattern,))) != named


@pytest.mark.parametrize(("class_", "public"), [("istio", True), ("nginx", False)])
def test_a_gateway_of_another_class_has_a_controller_of_its_own(class_, public):
    gateway = made("kubernetes:gateway.networking.k8s.io/v1:Gateway", {"spec": {"gatewayClassName": class_}})
    assert bool(faults("load-balancers", gateway)) == public


def test_a_gateway_may_say_that_it_is_a_load_balancer():
    kind = {"networking.istio.io/service-type": "LoadBalancer"}
    inputs = {"metadata": {"annotations": kind}, "spec": {"gatewayClassName": "istio"}}
    assert faults("load-balancers", made("kubernetes:gateway.networking.k8s.io/v1:Gateway", inputs)) != []


@pytest.mark.parametrize(("chart", "moves"), [("./charts/own", False), ("/opt/charts/own", False), ("own", True)])
def test_a_chart_in_a_folder_has_no_version(chart, moves):
    assert bool(faults("charts-pinned", made(RELEASE, {"chart": chart}))) == moves


@pytest.mark.parametrize("key", ["hostNetwork", "hostPID", "hostIPC"])
def test_a_pod_that_shares_something_with_its_node_is_beyond_baseline(key):
    runtime = {"spec": {"template": {"spec": {"containers": [], key: True}}}}
    assert any(path.endswith(key) for path in faults("privileged-tenants", made(TRAINING_RUNTIME, runtime)))


@pytest.mark.parametrize("most", [0, "0", "0%"])
def test_a_budget_that_lets_none_go_in_any_spelling(most):
    budget = made("kubernetes:policy/v1:PodDisruptionBudget", {"spec": {"maxUnavailable": most}})
    assert faults("pod-disruption-budgets", budget) == ["spec.maxUnavailable"]


@pytest.mark.parametrize("version", [1, 1.2, ["1.2.3"]])
def test_a_version_that_is_no_text_is_none(version):
    assert faults("charts-pinned", release("vllm", version=version)) == ["version"]


@pytest.mark.parametrize(
    ("request_", "enough"),
    [({"cpu": "1", "memory": "1Gi"}, True), ({"memory": "1Gi"}, False), ({"cpu": "1"}, False), ({}, False)],
)
def test_a_tenant_s_containers_get_both_cpu_and_memory(request_, enough):
    space = made(NAMESPACE, {"metadata": {"name": "vision", "labels": {"slipway.io/tenant": "vision"}}})
    here = {"metadata": {"name": "limits", "namespace": "vision"}}
    quota = made(
        "kubernetes:core/v1:ResourceQuota", {**here, "spec": {"hard": {"services.loadbalancers": "0"}}}, "quota"
    )
    limits = {"type": "Container", "defaultRequest": request_}
    given = made("kubernetes:core/v1:LimitRange", {**here, "spec": {"limits": [limits]}}, "limits")
    assert (faults("namespace-quotas", space, quota, given) == []) is enough


@pytest.mark.parametrize(
    ("image", "moves"),
    [
        ("registry:5000/a", True),
        ("registry:5000/a:1.2", False),
        ("a:3.12-latest", True),
        ("a:canary", True),
        ("a:stable-alpine", True),
        ("a:latest@sha256:" + "0a" * 32, False),
        # Releases, days and commits of projects that name their tags so.
        ("a:stable-2.14.1", False),
        ("a:edge-24.11.3", False),
        ("a:nightly-2026-11-22", False),
        ("a:main-0a1b2c3", False),
        ("https://example.com/logo.png", False),
    ],
)
def test_which_tags_move(image, moves):
    judged = made(DEPLOYMENT, {"spec": {"template": {"spec": {"initContainers": [{"name": "a", "image": image}]}}}})
    path = "spec.template.spec.initContainers.0.image"
    assert faults("images-pinned", judged) == ([path] if moves else [])


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"image": {"repository": "a", "tag": "latest", "digest": "sha256:" + "0a" * 32}}, []),
        ({"image": {"repository": "a", "tag": "latest", "digest": ""}}, ["values.image.tag"]),
        ({"images": {"proxy": "registry:5000/a:latest", "pullPolicy": "Always"}}, ["values.images.proxy"]),
        ({"images": ["registry:5000/a:1.2", "a:main"]}, ["values.images.1"]),
    ],
)
def test_how_charts_name_images(values, paths):
    assert faults("images-pinned", release("a", values)) == paths


@pytest.mark.parametrize(
    ("chart", "paths"),
    [
        ("https://example.com/charts/a-1.2.3.tgz", []),
        ("oci://registry.example.com/a@sha256:" + "0a" * 32, []),
        ("oci://registry.example.com/a", ["version"]),
    ],
)
def test_one_archive_is_one_version(chart, paths):
    assert faults("charts-pinned", made(RELEASE, {"chart": chart})) == paths


@pytest.mark.parametrize(
    "type_",
    [
        "kubernetes:eks.amazonaws.com/v1:IngressClassParams",
        "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams",
        "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration",
        "kubernetes:gateway.k8s.aws/v1beta1:LoadBalancerConfiguration",
    ],
)
def test_schemes_that_others_take(type_):
    assert type_ in RULES["load-balancers"].types
    assert faults("load-balancers", made(type_, {"spec": {"scheme": "internet-facing"}})) == ["spec.scheme"]
    assert faults("load-balancers", made(type_, {"spec": {"scheme": "internal"}})) == []


INSIDE = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}


@pytest.mark.parametrize(
    ("values", "public"),
    [
        ({"server": {"serviceType": "LoadBalancer"}}, True),
        ({"server": {"serviceType": "LoadBalancer", "serviceAnnotations": INSIDE}}, False),
        ({"server": {"serviceType": "ClusterIP"}}, False),
        ({"extraObjects": [PUBLIC]}, True),
        ({"extraObjects": [{**PUBLIC, "metadata": {"name": "one", "annotations": INSIDE}}]}, False),
    ],
)
def test_how_charts_ask_for_load_balancers(values, public):
    assert bool(faults("load-balancers", release("a", values))) == public


def test_a_namespace_that_helm_makes_enforces_nothing():
    judged = release("a", namespace="apps", createNamespace=True)
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    assert faults("pod-security", judged) == ["createNamespace"]
    assert faults("pod-security", release("a", namespace="apps", createNamespace=False)) == []
    assert faults("pod-security", judged, made(NAMESPACE, {"metadata": {"name": "apps", "labels": labels}})) == []


def test_a_pod_may_ask_for_all_of_its_containers():
    asked = {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}
    spec = {"resources": asked, "containers": [{"name": "a"}], "ephemeralContainers": [{"name": "b"}]}
    judged = made(DEPLOYMENT, {"spec": {"template": {"spec": spec}}})
    assert faults("requests", judged) == []
    del asked["limits"]
    assert faults("requests", judged) == ["spec.template.spec.containers.0.resources.requests"]


@pytest.mark.parametrize(
    ("context", "path"),
    [
        ({"procMount": "Unmasked"}, "procMount"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile.type"),
        ({"appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile.type"),
        ({"windowsOptions": {"hostProcess": True}}, "windowsOptions.hostProcess"),
        ({"sysctls": [{"name": "net.ipv4.tcp_syncookies"}, {"name": "kernel.msgmax"}]}, "sysctls.1.name"),
        ({"seccompProfile": {"type": "RuntimeDefault"}, "procMount": "Default"}, None),
    ],
)
def test_what_baseline_refuses_in_security_contexts(context, path):
    runtime = {"spec": {"template": {"spec": {"containers": [{"name": "a", "securityContext": context}]}}}}
    here = "spec.template.spec.containers.0.securityContext"
    found = faults("privileged-tenants", made(TRAINING_RUNTIME, runtime))
    assert found == ([f"{here}.{path}"] if path else [])


OWN_NAME = "kubernetes.io/metadata.name"


@pytest.mark.parametrize(
    ("side", "peers", "ports", "open_"),
    [
        ("ingress", [{"ipBlock": {"cidr": "0.0.0.0/1"}}, {"ipBlock": {"cidr": "128.0.0.0/1"}}], None, True),
        ("ingress", [{"ipBlock": {"cidr": "10.0.0.0/8"}}], None, False),
        ("egress", [{"ipBlock": {"cidr": "0.0.0.0/0"}}], [{"port": 443, "protocol": "TCP"}], False),
        ("egress", [{"ipBlock": {"cidr": "0.0.0.0/0"}}], [{"protocol": "TCP"}], True),
        ("egress", [{"ipBlock": {"cidr": "0.0.0.0/0"}}], [{"port": 1, "endPort": 65535}], True),
        (
            "ingress",
            [{"namespaceSelector": {"matchExpressions": [{"key": OWN_NAME, "operator": "Exists"}]}}],
            None,
            True,
        ),
        ("ingress", [{"namespaceSelector": {"matchLabels": {OWN_NAME: "istio-system"}}}], None, False),
        ("ingress", [{"podSelector": {}}], None, False),
    ],
)
def test_who_is_everybody(side, peers, ports, open_):
    rule = {"from" if side == "ingress" else "to": peers, **({"ports": ports} if ports else {})}
    policy = made(
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        {"metadata": {"name": "own", "namespace": "vision"}, "spec": {"podSelector": {}, side: [rule]}},
    )
    space = made(NAMESPACE, {"metadata": {"name": "vision", "labels": {"slipway.io/tenant": "vision"}}}, "space")
    assert bool(faults("tenant-networks", policy, space)) == open_
