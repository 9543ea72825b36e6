"""Namespaces, and what holds tenants in theirs."""

from collections.abc import Iterator, Mapping
from typing import Final

from policies.addresses import nearly_everywhere
from policies.around import Around
from policies.kubernetes import (
    DAEMON_SET,
    NAMESPACE,
    NETWORK_POLICY,
    RELEASE,
    RUNTIMES,
    SYSTEM,
    WORKLOADS,
    chart,
    containers,
    home,
    inside,
    label,
    listed,
    name,
    peoples,
    platform,
    pods,
    takes,
    tenant,
    tenants,
    text,
)
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.model import Resource

_ENFORCE: Final = "pod-security.kubernetes.io/enforce"
_LEVELS: Final = ("restricted", "baseline", "privileged")
_EKS_ADDON: Final = "aws:eks/addon:Addon"
_PROFILE: Final = "kubernetes:kubeflow.org/v1:Profile"
_QUOTA: Final = "kubernetes:core/v1:ResourceQuota"
_LIMITS: Final = "kubernetes:core/v1:LimitRange"
_GUARD: Final = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
_BINDING: Final = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding"
_STANDARDS: Final = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"

_ON_NODES: Final = frozenset(
    {
        "amazon-cloudwatch-observability",
        "aws-for-fluent-bit",
        "dcgm-exporter",
        "dra-driver-nvidia-gpu",
        "fluent-bit",
        "gpu-operator",
        "kserve-localmodel-resources",
        "kube-prometheus-stack",
        "node-feature-discovery",
        "nvidia-device-plugin",
        "velero",
    }
)
"""Charts and EKS add-ons whose agents mount files of their node, or are privileged there."""


@rule(
    id="kubernetes-pod-security",
    severity="high",
    title=(
        "Every namespace enforces a Pod Security Standard, and only those of add-ons with an agent on the nodes"
        " enforce privileged."
    ),
    why="Without one any pod may be privileged: whoever can make a pod takes over its node, and all that runs there.",
    fix=(
        "set podSecurity to baseline or restricted, of the namespace in addons.settings.namespace-defaults.namespaces"
        " or of the tenant in tenants; for an add-on's namespace that is pod_security in addons/catalog"
    ),
    source="https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-namespace-labels/",
    key="addons",
    types=(NAMESPACE, RELEASE),
    scope="stack",
)
def pod_security(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Labels of others than `enforce` only warn. That tenants' are not privileged is kubernetes-privileged-tenants'.

    A namespace that Helm makes has no labels; one that is there it leaves as it is.
    """
    if resource.type == RELEASE:
        if not inputs.get("createNamespace"):
            return
        spaces = {name(Inputs(each.inputs)) for each in around.plan.of_type(NAMESPACE)}
        if text(inputs, "namespace") not in {*spaces, SYSTEM, "default"}:
            yield Fault(path="createNamespace", what="true; a namespace that Helm makes enforces nothing")
        return
    level = label(inputs, _ENFORCE)
    path = f"metadata.labels.{_ENFORCE}"
    if level not in _LEVELS:
        yield Fault(path=path, what=f"{level or 'missing'}; it must be one of {', '.join(_LEVELS)}")
    elif level == "privileged" and not tenant(inputs):
        if not platform(inputs):
            yield Fault(path=path, what="privileged, in a namespace of people; it must be baseline or restricted")
        elif name(inputs) not in around.once("kubernetes-pod-security", lambda: _with_agents(around)):
            yield Fault(path=path, what="privileged, and nothing in it runs an agent on the nodes")


def _with_agents(around: Around) -> frozenset[str | None]:
    """Namespaces with something that needs its node's files."""
    found: list[str | None] = []
    for each in around.plan.of_type(RELEASE):
        inputs = Inputs(each.inputs)
        if chart(inputs) in _ON_NODES:
            found.append(text(inputs, "namespace"))
    for each in around.plan.of_type(DAEMON_SET):
        volumes = Inputs(each.inputs).at("spec.template.spec.volumes").value
        if isinstance(volumes, list) and any(isinstance(one, Mapping) and "hostPath" in one for one in volumes):
            found.append(home(Inputs(each.inputs)))
    if any(text(Inputs(each.inputs), "addonName") in _ON_NODES for each in around.plan.of_type(_EKS_ADDON)):
        found.append("amazon-cloudwatch")
    return frozenset(found)


@rule(
    id="kubernetes-namespace-quotas",
    severity="medium",
    title=(
        "Every tenant's namespace has a ResourceQuota that counts load balancers, and a LimitRange with default"
        " requests; every Kubeflow profile has a quota."
    ),
    why="Without a quota one team's mistake takes the whole cluster, and a Service of theirs opens it to the internet.",
    fix="keep the add-on tenants, and set tenants.<name>.limits, or quota in addons.settings.kubeflow-profiles",
    source="https://kubernetes.io/docs/concepts/policy/resource-quotas/",
    key="tenants",
    types=(NAMESPACE, _PROFILE),
    scope="stack",
)
def namespace_quotas(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Containers without requests are refused where a quota counts requests, unless a LimitRange gives them some.

    Namespaces of add-ons have none: their pods are the platform's, and a quota would stop an upgrade halfway. What jobs
    of a tenant may have of CPUs and GPUs is its queue's in Kueue.
    """
    space = name(inputs) or ""
    quotas = [Inputs(each.inputs) for each in inside(around, _QUOTA).get(space, ())]
    if resource.type == _PROFILE:
        if not quotas and not inputs.has("spec.resourceQuotaSpec.hard"):
            yield Fault(path="spec.resourceQuotaSpec.hard", what="the profile's namespace has no quota")
        return
    if not tenant(inputs):
        return
    if not any(each.has(("spec", "hard", "services.loadbalancers")) for each in quotas):
        what = "no ResourceQuota in it counts services.loadbalancers" if quotas else "there is no ResourceQuota in it"
        yield Fault(what=what)
    ranges = [Inputs(each.inputs) for each in inside(around, _LIMITS).get(space, ())]
    given = [each for one in ranges for each in one.each("spec.limits") if each.get("type") == "Container"]
    if not any(each.has("defaultRequest.cpu") and each.has("defaultRequest.memory") for each in given):
        yield Fault(what="no LimitRange in it gives containers a default request of cpu and memory")


_NETWORKS: Final = frozenset({"cilium", "tigera-operator"})
"""Charts of networks that enforce policies by themselves."""
_ANY_SPACE: Final = {"kubernetes.io/metadata.name": "another"}
"""Labels of a namespace that no policy names."""
_LAST_PORT: Final = 65535


@rule(
    id="kubernetes-tenant-networks",
    severity="high",
    title=(
        "Every tenant's namespace is closed both ways by a NetworkPolicy for all of its pods, something enforces it,"
        " and none of its policies opens it to everybody."
    ),
    why="Without it every pod of one tenant reaches the notebooks, databases and jobs of all others.",
    fix=(
        "set addons.settings.vpc-cni.networkPolicy to true, keep the add-on tenants, and name who may call whom by"
        " fromNamespaces, toNamespaces and toCidrs in tenants"
    ),
    source="https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html",
    key="tenants",
    types=(NAMESPACE, NETWORK_POLICY),
    scope="stack",
)
def tenant_networks(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Policies add up: what no policy selects is open, and what one opens no other closes.

    Source: Kubernetes, "Network Policies"; EKS user guide: the VPC CNI enforces them with `enableNetworkPolicy`.
    """
    if resource.type == NETWORK_POLICY:
        if home(inputs) in tenants(around):
            yield from _open_to_everybody(inputs)
        return
    if not tenant(inputs):
        return
    closed: set[str] = set()
    for each in inside(around, NETWORK_POLICY).get(name(inputs) or "", ()):
        closed |= _closes(Inputs(each.inputs))
    missing = [side for side in ("Ingress", "Egress") if side not in closed]
    if missing:
        yield Fault(what=f"no NetworkPolicy closes {' and '.join(missing)} of all its pods")
    if not around.once("kubernetes-tenant-networks", lambda: _enforced(around)):
        yield Fault(what="nothing enforces its NetworkPolicies: enableNetworkPolicy of the add-on vpc-cni is off")


def _closes(policy: Inputs) -> set[str]:
    """The directions that a policy closes for all pods of its namespace."""
    if policy.get("spec.podSelector.matchLabels") or policy.get("spec.podSelector.matchExpressions"):
        return set()
    sides = policy.get("spec.policyTypes")
    if isinstance(sides, list):
        return {str(side) for side in sides}
    return {"Ingress", *(["Egress"] if policy.has("spec.egress") else [])}


def _open_to_everybody(policy: Inputs) -> Iterator[Fault]:
    for side, peers in (("ingress", "from"), ("egress", "to")):
        for each in policy.each(f"spec.{side}"):
            whole = not each.has("ports") or any(_any_port(port) for port in each.each("ports"))
            if not each.get(peers):
                if whole or side == "ingress":
                    yield Fault(path=each.path, what=f"it names nobody in {peers}, so it is open to everybody")
                continue
            for peer in each.each(peers):
                spaces = peer.at("namespaceSelector")
                if spaces.value is not None and takes(spaces, _ANY_SPACE) and not peer.get("podSelector"):
                    yield Fault(path=peer.path, what="it takes every namespace")
                elif nearly_everywhere(peer.get("ipBlock.cidr")) and (whole or side == "ingress"):
                    yield Fault(path=peer.path, what=f"{peer.get('ipBlock.cidr')}, on any port")


def _any_port(port: Inputs) -> bool:
    first, last = port.get("port"), port.get("endPort")
    return first is None or (isinstance(first, int | float) and first <= 1 and (last or 0) >= _LAST_PORT)


def _enforced(around: Around) -> bool:
    if any((text(Inputs(each.inputs), "chart") or "") in _NETWORKS for each in around.plan.of_type(RELEASE)):
        return True
    for each in around.plan.of_type(_EKS_ADDON):
        inputs = Inputs(each.inputs)
        if text(inputs, "addonName") == "vpc-cni":
            values = inputs.json("configurationValues")
            return isinstance(values, Mapping) and str(values.get("enableNetworkPolicy", "")).lower() == "true"
    return False


_REFUSED: Final = (
    ("networking.k8s.io", "networkpolicies", "", "network policies of their own, which open what the platform closes"),
    ("", "pods", "priorityClassName", "pods of system priority, which push out the platform's"),
    ("", "services", "externalIPs", "Services with externalIPs, which draw what others' pods send (CVE-2020-8554)"),
)
"""What tenants' roles would let them make: API group, resource, the field, and why it is refused."""
_BASELINE: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Capabilities that the standard baseline lets containers add."""


@rule(
    id="kubernetes-privileged-tenants",
    severity="critical",
    title=(
        "Tenants' namespaces refuse privileged pods, and what reaches beyond the namespace; no workload and no runtime"
        " that runs in people's namespaces asks for its node."
    ),
    why="A pod that owns its node reads the secrets and data of every tenant with a pod there.",
    fix="set tenants.<name>.podSecurity to baseline or restricted, keep the add-on tenants; ask for devices, not hosts",
    source=_STANDARDS,
    key="tenants",
    types=(NAMESPACE, *WORKLOADS, *RUNTIMES),
    scope="stack",
)
def privileged_tenants(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """What the standard baseline refuses, and what Kubernetes' "Multi-tenancy" adds to it."""
    if resource.type == NAMESPACE:
        if tenant(inputs):
            yield from _let_loose(inputs, around)
    elif resource.type in RUNTIMES or home(inputs) in peoples(around):
        for pod in pods(inputs):
            yield from _beyond_baseline(pod)


def _let_loose(space: Inputs, around: Around) -> Iterator[Fault]:
    if label(space, _ENFORCE) == "privileged":
        yield Fault(path=f"metadata.labels.{_ENFORCE}", what="privileged; it must be baseline or restricted")
    labels = space.get("metadata.labels")
    if not isinstance(labels, Mapping):
        return
    guards = around.once("kubernetes-privileged-tenants", lambda: tuple(_guards(around)))
    for group, what, field, why in _REFUSED:
        if not any(_refuses(guard, group, what, field) and takes(selector, labels) for guard, selector in guards):
            yield Fault(what=f"no ValidatingAdmissionPolicy in force refuses {why}")


def _guards(around: Around) -> Iterator[tuple[Inputs, Inputs]]:
    """The policies that refuse, and what each takes by the namespace's labels."""
    policies = {name(Inputs(each.inputs)): Inputs(each.inputs) for each in around.plan.of_type(_GUARD)}
    for each in around.plan.of_type(_BINDING):
        binding = Inputs(each.inputs)
        policy = policies.get(text(binding, "spec.policyName"))
        if policy is not None and "Deny" in listed(binding, "spec.validationActions"):
            yield policy, binding.at("spec.matchResources.namespaceSelector")


def _refuses(policy: Inputs, group: str, resource: str, field: str) -> bool:
    if policy.get("spec.failurePolicy", "Fail") != "Fail":
        return False
    of_it = any(
        group in listed(each, "apiGroups") and resource in listed(each, "resources")
        for each in policy.each("spec.matchConstraints.resourceRules")
    )
    return of_it and any(field in str(each.get("expression", "")) for each in policy.each("spec.validations"))


_SYSCTLS: Final = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"),
        *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
        *("net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"),
    }
)
"""Those that the standard baseline lets pods set."""


def _unconfined(context: Inputs) -> Iterator[Fault]:
    """What baseline refuses in the security context of a pod and of a container alike."""
    for key in ("seccompProfile", "appArmorProfile"):
        if context.get(f"{key}.type") == "Unconfined":
            yield Fault(path=f"{context.path}.{key}.type", what="Unconfined; it must be RuntimeDefault or Localhost")
    if context.get("windowsOptions.hostProcess"):
        yield Fault(path=f"{context.path}.windowsOptions.hostProcess", what="true; the container would be its node's")
    for each in context.each("sysctls"):
        if each.get("name") not in _SYSCTLS:
            yield Fault(path=f"{each.path}.name", what=f"{each.get('name')}; beyond baseline")


def _beyond_baseline(pod: Inputs) -> Iterator[Fault]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield Fault(path=f"{pod.path}.{key}", what="true; the pod would be in its node's")
    yield from _unconfined(pod.at("securityContext"))
    for volume in pod.each("volumes"):
        if volume.has("hostPath"):
            yield Fault(path=f"{volume.path}.hostPath", what="a directory of the node")
    for container in containers(pod):
        if container.get("securityContext.privileged"):
            yield Fault(path=f"{container.path}.securityContext.privileged", what="true; it must be false")
        added = {str(each) for each in listed(container, "securityContext.capabilities.add")}
        beyond = sorted(added - _BASELINE)
        if beyond:
            yield Fault(
                path=f"{container.path}.securityContext.capabilities.add", what=f"{', '.join(beyond)}; beyond baseline"
            )
        if container.get("securityContext.procMount", "Default") != "Default":
            yield Fault(path=f"{container.path}.securityContext.procMount", what="Unmasked; it must be Default")
        yield from _unconfined(container.at("securityContext"))
        for port in container.each("ports"):
            if port.get("hostPort"):
                yield Fault(path=f"{port.path}.hostPort", what="a port of the node")
