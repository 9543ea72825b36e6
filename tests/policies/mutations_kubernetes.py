"""How the rules about what is in the cluster are broken."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from policies.kubernetes import (
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NETWORK_POLICY,
    RELEASE,
    RUNTIMES,
    SERVING_RUNTIME,
    STATEFUL_SET,
    TRAINING_RUNTIME,
)
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, at, changed, removed, replaced, with_input

ADDON = "aws:eks/addon:Addon"
ADMISSION = "kubernetes:admissionregistration.k8s.io/v1"
BINDING = f"{ADMISSION}:ValidatingAdmissionPolicyBinding"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
FEATURE_STORE = "kubernetes:feast.dev/v1:FeatureStore"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
LOAD_BALANCER_CONFIGURATION = "kubernetes:gateway.k8s.aws/v1beta1:LoadBalancerConfiguration"
GUARD = f"{ADMISSION}:ValidatingAdmissionPolicy"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
LIMIT_RANGE = "kubernetes:core/v1:LimitRange"
LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
MUTATING = f"{ADMISSION}:MutatingWebhookConfiguration"
PROFILE = "kubernetes:kubeflow.org/v1:Profile"
PROVIDER = "pulumi:providers:kubernetes"
QUOTA = "kubernetes:core/v1:ResourceQuota"
SERVICE = "kubernetes:core/v1:Service"
VALIDATING = f"{ADMISSION}:ValidatingWebhookConfiguration"

Path = str | tuple[str | int, ...]
Apply = Callable[[Plan], Plan | None]
POD = "spec.template.spec"
TRAINING_POD = "spec.template.spec.replicatedJobs.0.template.spec.template.spec"
ENFORCE = ("metadata", "labels", "pod-security.kubernetes.io/enforce")
SERVICE_TYPE = ("metadata", "annotations", "networking.istio.io/service-type")
INTERNET_FACING = {"alb.ingress.kubernetes.io/scheme": "internet-facing"}
SMALL = {"requests": {"cpu": "10m", "memory": "16Mi"}}


def labelled(key: str, *, held: bool = True) -> Callable[[Resource], bool]:
    """Whether a namespace has a label, or has none of that key."""
    return lambda resource: (key in resource.inputs["metadata"]["labels"]) is held


def named(*names: str) -> Callable[[Resource], bool]:
    """Whether it has one of these logical names."""
    return lambda resource: resource.name in names


def has(path: Path) -> Callable[[Resource], bool]:
    """Whether something is there."""
    return lambda resource: at(resource.inputs, path) is not None


def value(release: str, path: str, new: Any) -> Apply:
    """A value of one chart."""
    return changed(RELEASE, f"values.{path}", new, named(release))


def of_people(resource: Resource) -> bool:
    """Whether a namespace is neither an add-on's nor a tenant's."""
    return not {"slipway.io/platform", "slipway.io/tenant"} & set(resource.inputs["metadata"]["labels"])


def in_tenants(plan: Plan) -> str | None:
    """The first tenant's namespace."""
    found = (
        each.inputs["metadata"]
        for each in plan.of_type(NAMESPACE)
        if "slipway.io/tenant" in each.inputs["metadata"]["labels"]
    )
    return next((metadata["name"] for metadata in found), None)


def one_more(type_: str, inputs: Mapping[str, Any], *, tenant: bool = False) -> Apply:
    """One object more, in kube-public or in a tenant's namespace unless it says where."""

    def apply(plan: Plan) -> Plan | None:
        space = in_tenants(plan) if tenant else "kube-public"
        if space is None:
            return None
        metadata = {"name": "one-more", "namespace": space, **inputs.get("metadata", {})}
        like = plan.of_type(NAMESPACE)[0]
        made = {**inputs, "metadata": metadata}
        return added(plan, like, "one-more", type_=type_, inputs=made, outputs=made, property_dependencies={})

    return apply


def workload(metadata: Mapping[str, Any] | None = None, *, replicas: int = 1, **pod: Any) -> dict[str, Any]:
    """A Deployment that no rule finds fault with, but for what is given."""
    container = {
        "name": "one",
        "image": "registry:5000/team/tool:1.2.3",
        "resources": SMALL,
        **pod.pop("container", {}),
    }
    spec = {"containers": [container], **pod}
    template = {"metadata": {"labels": {"app": "one-more"}}, "spec": spec}
    selector = {"matchLabels": {"app": "one-more"}}
    return {"metadata": metadata or {}, "spec": {"replicas": replicas, "selector": selector, "template": template}}


def webhook(**parts: Any) -> dict[str, Any]:
    """A configuration with one webhook, which sees every pod."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return {"webhooks": [{"name": "pods.example.com", "rules": [rule], "sideEffects": "None", **parts}]}


def made_by_helm(plan: Plan) -> Plan | None:
    """A chart in a namespace that Helm makes for it."""
    for resource in plan.of_type(RELEASE):
        return replaced(plan, with_input(with_input(resource, "namespace", "extra"), "createNamespace", True))
    return None


def left_to(provider: Callable[[Plan], str], type_: str) -> Apply:
    """The first of a type, with another provider."""

    def apply(plan: Plan) -> Plan | None:
        for resource in plan.of_type(type_):
            return replaced(plan, dataclasses.replace(resource, provider=provider(plan)))
        return None

    return apply


def another_cluster(plan: Plan) -> Plan | None:
    """The kubeconfig is typed in, and no longer the cluster's."""
    provider = plan.one(PROVIDER, "cluster-kubernetes")
    return replaced(plan, dataclasses.replace(provider, property_dependencies={}))


def aws_provider(plan: Plan) -> str:
    """The provider of the clusters' AWS resources."""
    return plan.of_type(ADDON)[0].provider


def unenforced(values: Any) -> Apply:
    """The VPC CNI with other values, where there are tenants."""
    change = changed(ADDON, "configurationValues", values, named("vpc-cni"))
    return lambda plan: change(plan) if in_tenants(plan) else None


def one_load_balancer_more(plan: Plan) -> Plan | None:
    """Beside the one that the stack file names."""
    for resource in plan.of_type(LOAD_BALANCER):
        twin = with_input(resource, "internal", False)
        return added(plan, resource, "one-more", inputs=twin.inputs, outputs=twin.outputs)
    return None


def without_selector(document: Any) -> str:
    """Kueue's configuration, with a selector of its own that leaves out nobody."""
    found = yaml.safe_load(document)
    found["managedJobsNamespaceSelector"] = {
        "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}]
    }
    return yaml.safe_dump(found)


def taking(*excepted: str) -> dict[str, Any]:
    """A selector of all namespaces but these."""
    name = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(excepted)}
    return {"matchExpressions": [name]}


def each_of(rule: str, culprit: tuple[str, ...], **applies: Apply) -> tuple[Mutation, ...]:
    """Mutations of one rule that name the same types."""
    return tuple(
        Mutation(rule=rule, name=name.replace("_", " "), apply=apply, culprit=culprit)
        for name, apply in applies.items()
    )


PROVIDERS = each_of(
    "kubernetes-explicit-provider",
    (ADDON,),
    no_provider=left_to(lambda _: "", ADDON),
    the_default_provider=left_to(lambda plan: aws_provider(plan).replace("::aws::", "::default_7_1_0::"), ADDON),
)
KUBERNETES_PROVIDERS = each_of(
    "kubernetes-explicit-provider",
    (),
    left_to_the_kubeconfig_at_hand=left_to(lambda _: "", NAMESPACE),
    an_object_through_the_provider_of_AWS=left_to(aws_provider, NAMESPACE),
    a_kubeconfig_of_another_cluster=another_cluster,
)

POD_SECURITY = each_of(
    "kubernetes-pod-security",
    (NAMESPACE, RELEASE),
    made_by_helm=made_by_helm,
    nothing_enforced=changed(NAMESPACE, ENFORCE, DROP),
    a_level_that_does_not_exist=changed(NAMESPACE, ENFORCE, "strict"),
    tenants_without_one=changed(NAMESPACE, ENFORCE, DROP, labelled("slipway.io/tenant")),
    an_operator_that_needs_no_node=changed(
        NAMESPACE, ENFORCE, "privileged", lambda each: each.inputs["metadata"]["name"] == "kubeflow-system"
    ),
    a_namespace_of_people=changed(NAMESPACE, ENFORCE, "privileged", of_people),
    its_agent_is_gone=removed(RELEASE, named("velero")),
)
QUOTAS = each_of(
    "kubernetes-namespace-quotas",
    (NAMESPACE, PROFILE),
    no_quota=removed(QUOTA),
    no_count_of_load_balancers=changed(QUOTA, ("spec", "hard", "services.loadbalancers"), DROP),
    no_limit_range=removed(LIMIT_RANGE),
    no_default_for_memory=changed(LIMIT_RANGE, "spec.limits.0.defaultRequest.memory", DROP),
    the_quota_of_another_namespace=changed(QUOTA, "metadata.namespace", "default"),
)
PROFILES = each_of(
    "kubernetes-namespace-quotas",
    (PROFILE,),
    a_profile_without=changed(PROFILE, "spec.resourceQuotaSpec", DROP, has("spec.resourceQuotaSpec")),
)
OF_TENANT = named(
    "tenants-networkpolicy-tenant-sandbox", "tenants-networkpolicy-tenant-speech", "tenants-networkpolicy-tenant-vision"
)
NETWORKS = each_of(
    "kubernetes-tenant-networks",
    (NAMESPACE,),
    no_policy=removed(NETWORK_POLICY, OF_TENANT),
    a_policy_for_some_pods=changed(NETWORK_POLICY, "spec.podSelector", {"matchLabels": {"app": "web"}}, OF_TENANT),
    open_outwards=changed(NETWORK_POLICY, "spec.policyTypes", ["Ingress"], OF_TENANT),
    open_inwards=changed(NETWORK_POLICY, "spec.policyTypes", ["Egress"], OF_TENANT),
    nobody_enforces_it=unenforced(DROP),
    enforcement_switched_off=unenforced('{"enableNetworkPolicy": "false"}'),
)
OPENINGS = each_of(
    "kubernetes-tenant-networks",
    (NETWORK_POLICY,),
    everybody_comes_in=changed(NETWORK_POLICY, "spec.ingress.0", {}, OF_TENANT),
    everybody_comes_in_by_one_port=changed(NETWORK_POLICY, "spec.ingress.0", {"ports": [{"port": 80}]}, OF_TENANT),
    out_to_everywhere=changed(NETWORK_POLICY, "spec.egress.0", {}, OF_TENANT),
    from_every_namespace=changed(NETWORK_POLICY, "spec.ingress.0.from.0", {"namespaceSelector": {}}, OF_TENANT),
    to_every_address=changed(NETWORK_POLICY, "spec.egress.0.to.0", {"ipBlock": {"cidr": "0.0.0.0/0"}}, OF_TENANT),
    to_half_of_all_addresses=changed(
        NETWORK_POLICY, "spec.egress.0.to.0", {"ipBlock": {"cidr": "0.0.0.0/1"}}, OF_TENANT
    ),
    to_every_address_on_any_port_of_tcp=changed(
        NETWORK_POLICY,
        "spec.egress.0",
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP"}]},
        OF_TENANT,
    ),
    from_whatever_namespace_has_a_name=changed(
        NETWORK_POLICY, "spec.ingress.0.from.0", {"namespaceSelector": taking("kube-system")}, OF_TENANT
    ),
)

IN_TENANTS = each_of(
    "kubernetes-privileged-tenants",
    (NAMESPACE,),
    a_privileged_tenant=changed(NAMESPACE, ENFORCE, "privileged", labelled("slipway.io/tenant")),
    nobody_refuses_external_ips=removed(
        BINDING, named("tenants-validatingadmissionpolicybinding-tenants-external-ips")
    ),
    nobody_refuses_system_priorities=removed(GUARD, named("tenants-validatingadmissionpolicy-tenants-priorities")),
    policies_of_their_own_are_only_audited=changed(
        BINDING,
        "spec.validationActions",
        ["Audit"],
        named("tenants-validatingadmissionpolicybinding-tenants-network-policies"),
    ),
    a_guard_that_gives_way=changed(
        GUARD, "spec.failurePolicy", "Ignore", named("tenants-validatingadmissionpolicy-tenants-external-ips")
    ),
    a_guard_for_others=changed(
        BINDING,
        "spec.matchResources.namespaceSelector",
        {"matchLabels": {"team": "other"}},
        named("tenants-validatingadmissionpolicybinding-tenants-external-ips"),
    ),
)
ON_THE_NODE = each_of(
    "kubernetes-privileged-tenants",
    (*RUNTIMES, DEPLOYMENT),
    a_runtime_in_the_nodes_network=changed(TRAINING_RUNTIME, f"{TRAINING_POD}.hostNetwork", True),
    a_privileged_runtime=changed(
        TRAINING_RUNTIME, f"{TRAINING_POD}.containers.0.securityContext", {"privileged": True}
    ),
    a_runtime_with_the_nodes_files=changed(
        TRAINING_RUNTIME, f"{TRAINING_POD}.volumes", [{"name": "dev", "hostPath": {"path": "/dev"}}]
    ),
    a_runtime_that_administers=changed(
        SERVING_RUNTIME, "spec.containers.0.securityContext.capabilities", {"add": ["SYS_ADMIN"]}
    ),
    a_port_of_the_node=changed(SERVING_RUNTIME, "spec.containers.0.ports", [{"containerPort": 80, "hostPort": 80}]),
    a_workload_of_a_tenant=one_more(DEPLOYMENT, workload(hostPID=True), tenant=True),
)

IMAGES = each_of(
    "kubernetes-images-pinned",
    (TRAINING_RUNTIME, STATEFUL_SET, JOB, DAEMON_SET, FEATURE_STORE, RELEASE, DEPLOYMENT),
    latest=changed(TRAINING_RUNTIME, f"{TRAINING_POD}.containers.0.image", "docker.io/team/train:latest"),
    no_tag=changed(STATEFUL_SET, f"{POD}.containers.0.image", "redis"),
    no_tag_but_a_port=one_more(DEPLOYMENT, workload(container={"image": "registry:5000/team/tool"})),
    in_a_container_that_runs_first=changed(
        DAEMON_SET, f"{POD}.initContainers.0.image", "busybox", has(f"{POD}.initContainers")
    ),
    in_a_job=changed(JOB, f"{POD}.containers.0.image", "public.ecr.aws/docker/library/busybox"),
    in_a_custom_resource=changed(FEATURE_STORE, "spec.services.initImage", "quay.io/feastdev/feature-server:nightly"),
    in_a_charts_values=value("kueue", "controllerManager.manager.image.tag", "main"),
    in_full_in_a_charts_values=value(
        "kserve-resources", "kserve.controller.rbacProxyImage", "quay.io/brancz/proxy:latest"
    ),
    in_a_charts_list=value("mlflow", "images", {"tool": "registry:5000/team/tool:latest"}),
    in_a_charts_containers=value("velero", "initContainers.0.image", "velero/velero-plugin-for-aws"),
    in_an_object_of_a_chart=value(
        "kube-prometheus-stack", "extraManifests.0", {"apiVersion": "v1", "kind": "Pod", "spec": {"image": "tool"}}
    ),
)
CHARTS = each_of(
    "kubernetes-charts-pinned",
    (RELEASE,),
    no_version=changed(RELEASE, "version", DROP),
    a_range=changed(RELEASE, "version", "^1.2.0"),
    half_a_version=changed(RELEASE, "version", "1.2"),
    no_repository=changed(RELEASE, "repositoryOpts", DROP, has("repositoryOpts.repo")),
    in_plain_http=changed(RELEASE, "repositoryOpts.repo", "http://charts.example.com", has("repositoryOpts.repo")),
)
REQUESTS = each_of(
    "kubernetes-requests",
    (STATEFUL_SET, DAEMON_SET, JOB, SERVING_RUNTIME, DEPLOYMENT, RELEASE),
    a_store_without=changed(STATEFUL_SET, f"{POD}.containers.0.resources", DROP),
    a_container_that_runs_first=changed(
        DAEMON_SET, f"{POD}.initContainers.0.resources", {"limits": {"memory": "32Mi"}}, has(f"{POD}.initContainers")
    ),
    a_job_without_cpu=changed(JOB, f"{POD}.containers.0.resources.requests.cpu", DROP),
    a_runtime_without_memory=changed(SERVING_RUNTIME, "spec.containers.0.resources", {"limits": {"cpu": "1"}}),
    one_more_workload=one_more(DEPLOYMENT, workload(container={"resources": {}})),
    an_object_of_a_chart=value(
        "kube-prometheus-stack",
        "extraManifests.0",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            **workload()["spec"]["template"],
            "spec": {"containers": [{"name": "one"}]},
        },
    ),
)

PRIORITIES = each_of(
    "kubernetes-priority-classes",
    (RELEASE, TRAINING_RUNTIME, SERVING_RUNTIME, DAEMON_SET, STATEFUL_SET, DEPLOYMENT),
    a_device_plugin_without=changed(RELEASE, "values.priorityClassName", "", named("nvidia-device-plugin")),
    an_autoscaler_of_people=changed(
        RELEASE, "values.priorityClassName", "slipway-serving", named("cluster-autoscaler", "karpenter")
    ),
    a_chart_with_one_that_is_not_there=changed(
        RELEASE, "values.priorityClassName", "urgent", named("kueue", "keda", "mlflow")
    ),
    a_runtime_of_the_system=changed(TRAINING_RUNTIME, f"{TRAINING_POD}.priorityClassName", "system-node-critical"),
    a_model_of_the_system=changed(SERVING_RUNTIME, "spec.priorityClassName", "system-cluster-critical"),
    an_agent_without=changed(DAEMON_SET, f"{POD}.priorityClassName", DROP, has(f"{POD}.priorityClassName")),
    a_class_that_is_not_there=changed(STATEFUL_SET, f"{POD}.priorityClassName", "urgent"),
    in_kube_system_without=one_more(DEPLOYMENT, workload({"namespace": "kube-system"})),
    a_tenants_of_the_system=one_more(DEPLOYMENT, workload(priorityClassName="system-cluster-critical"), tenant=True),
)
BUDGETS = each_of(
    "kubernetes-pod-disruption-budgets",
    (RELEASE, STATEFUL_SET, DEPLOYMENT, BUDGET),
    two_by_default=value("aws-load-balancer-controller", "podDisruptionBudget", DROP),
    switched_off=value("cert-manager", "webhook.podDisruptionBudget.enabled", False),
    left_out=value("external-secrets", "webhook.podDisruptionBudget", DROP),
    of_one_part=value("keda", "podDisruptionBudget.metricServer", DROP),
    by_a_scaler=value("istio-ingressgateway", "podDisruptionBudget", DROP),
    the_default_taken_away=value("istiod", "global.defaultPodDisruptionBudget", {"enabled": False}),
    in_objects_of_the_chart=value("mlflow", "extraDeploy", DROP),
    one_that_lets_none_go=value("kueue", "controllerManager.podDisruptionBudget.minAvailable", 2),
    one_that_allows_nothing=value("argo-workflows", "controller.pdb.maxUnavailable", 0),
    more_of_a_store=changed(STATEFUL_SET, "spec.replicas", 3),
    two_more=one_more(DEPLOYMENT, workload(replicas=2)),
    an_object_that_lets_none_go=one_more(BUDGET, {"spec": {"maxUnavailable": 0, "selector": {}}}),
)

WEBHOOKS = each_of(
    "kubernetes-webhooks",
    (VALIDATING, MUTATING, BINDING, RELEASE),
    one_for_all=one_more(VALIDATING, webhook(failurePolicy="Fail")),
    one_that_says_nothing=one_more(MUTATING, webhook(namespaceSelector=taking("kube-public"))),
    one_for_unlabelled_objects=one_more(
        MUTATING, webhook(objectSelector={"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]})
    ),
    a_policy_for_all=changed(BINDING, "spec.matchResources", DROP),
    kyverno_everywhere=value("kyverno", "config.webhooks.namespaceSelector", taking("kube-public")),
    kueue_everywhere=value("kueue", "managerConfig.controllerManagerConfigYaml", without_selector),
    services=value("aws-load-balancer-controller", "enableServiceMutatorWebhook", True),
    ingresses=value("aws-load-balancer-controller", "webhookConfig", DROP),
)
BALANCERS = each_of(
    "kubernetes-load-balancers",
    (LOAD_BALANCER, SERVICE, INGRESS, GATEWAY, LOAD_BALANCER_CONFIGURATION, RELEASE),
    a_scheme_for_gateways=one_more(LOAD_BALANCER_CONFIGURATION, {"spec": {"scheme": "internet-facing"}}),
    one_that_nobody_named=one_load_balancer_more,
    a_service=changed(SERVICE, "spec.type", "LoadBalancer"),
    one_more_service=one_more(
        SERVICE,
        {
            "metadata": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}},
            "spec": {"type": "LoadBalancer"},
        },
    ),
    an_ingress=one_more(INGRESS, {"metadata": {"annotations": INTERNET_FACING}, "spec": {}}),
    a_gateway_of_istio=changed(GATEWAY, SERVICE_TYPE, DROP),
    a_charts_default=value("istio-ingressgateway", "service.type", DROP),
    a_charts_service=value("mlflow", "service", {"type": "LoadBalancer"}),
    a_charts_type_of_service=value("mlflow", "serviceType", "LoadBalancer"),
    a_charts_ingress=value("opencost", "opencost.ui.ingress", {"enabled": True, "annotations": INTERNET_FACING}),
)

MUTATIONS = (
    *PROVIDERS,
    *KUBERNETES_PROVIDERS,
    *POD_SECURITY,
    *QUOTAS,
    *PROFILES,
    *NETWORKS,
    *OPENINGS,
    *IN_TENANTS,
    *ON_THE_NODE,
    *IMAGES,
    *CHARTS,
    *REQUESTS,
    *PRIORITIES,
    *BUDGETS,
    *WEBHOOKS,
    *BALANCERS,
)
