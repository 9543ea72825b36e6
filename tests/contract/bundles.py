"""What others' objects do, read off the objects themselves: of a kustomization or of a manifest of its makers.

Every function takes objects as plain dicts and gives facts, or faults as sentences; none knows an add-on.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from infra.images import ImageReference
from tests.contract import objects

Manifest = Mapping[str, Any]

POD_MAKERS: Final = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"})
CLUSTER_WIDE: Final = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds of Kubernetes' own without a namespace."""
PLURALS: Final = {
    "configmaps": "ConfigMap",
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "ingresses": "Ingress",
    "jobs": "Job",
    "namespaces": "Namespace",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "pods": "Pod",
    "secrets": "Secret",
    "services": "Service",
    "statefulsets": "StatefulSet",
}
"""Kinds of Kubernetes' own as a webhook's rules spell them."""
DEFAULT_PASSWORDS: Final = re.compile(
    r"minio123|\b12341234\b|\$2[aby]\$\d\d\$|katib:test|mysql_native_password|MYSQL_ALLOW_EMPTY_PASSWORD|demo-?password",
    re.IGNORECASE,
)
"""What upstream's examples log in with: MinIO's key, Dex's static user and hashes of passwords."""
CREDENTIAL: Final = re.compile(r"(?i)(passw(or)?d|secret_?(access_?)?key|access_?key(_?id)?|token|client_?secret)$")
"""Names of variables that hold a credential."""
_IMAGE: Final = re.compile(
    r"(?<![\w./@:-])"
    r"((?:docker\.io|gcr\.io|ghcr\.io|quay\.io|public\.ecr\.aws|registry\.k8s\.io|nvcr\.io|us-docker\.pkg\.dev"
    r"|[\w-]+\.gcr\.io|[\w-]+-docker\.pkg\.dev)/[\w./-]+(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?)"
)
"""A container image by its full name, in any text."""

_VARIABLE = re.compile(r"(?<!\$)\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod template: whose, where and what."""

    owner: str
    namespace: str
    spec: Mapping[str, Any]

    @property
    def service_account(self) -> str:
        """The name of its service account."""
        return str(self.spec.get("serviceAccountName") or self.spec.get("serviceAccount") or "default")

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """All containers, those that run first included."""
        return [*self.spec.get("initContainers", ()), *self.spec.get("containers", ())]


@dataclass(frozen=True, kw_only=True, order=True)
class Reference:
    """What a pod takes from a ConfigMap or a Secret, or that it needs a claim or an account.

    Attributes:
        kind: `ConfigMap`, `Secret`, `PersistentVolumeClaim` or `ServiceAccount`.
        key: One key; None for the whole.
        by: Who.
    """

    kind: str
    namespace: str
    name: str
    key: str | None = None
    by: str


@dataclass(frozen=True, kw_only=True)
class Hook:
    """An admission webhook as the objects have it."""

    intercepts: frozenset[str]
    failure_policy: str
    namespaces: Mapping[str, Any]
    objects: Mapping[str, Any]

    @property
    def opt_in(self) -> bool:
        """Whether it sees only what carries a label, or lives where one is."""
        return any(_asks_for_label(selector) for selector in (self.namespaces, self.objects))

    @property
    def looks_away_from(self) -> frozenset[str]:
        """The namespaces that it never sees."""
        return frozenset(
            name
            for each in self.namespaces.get("matchExpressions", ())
            if each["key"] == "kubernetes.io/metadata.name" and each["operator"] == "NotIn"
            for name in each["values"]
        )


def _asks_for_label(selector: Mapping[str, Any]) -> bool:
    expressions = selector.get("matchExpressions") or ()
    return bool(selector.get("matchLabels")) or any(each["operator"] in ("In", "Exists") for each in expressions)


# Facts.


def named(manifest: Manifest) -> str:
    """`Kind/name`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(manifests: Iterable[Manifest]) -> Iterator[Pod]:
    """The pod templates."""
    for each in manifests:
        if each["kind"] in POD_MAKERS:
            spec = each["spec"]
            if each["kind"] == "CronJob":
                spec = spec["jobTemplate"]["spec"]
            own = spec if each["kind"] == "Pod" else spec["template"]["spec"]
            yield Pod(owner=named(each), namespace=each["metadata"].get("namespace", "default"), spec=own)


def images(manifests: Iterable[Manifest]) -> set[str]:
    """The images of the pods, by their full names."""
    return {str(ImageReference.parse(box["image"])) for pod in pods(manifests) for box in pod.containers}


def images_in_texts(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Images that variables, arguments and ConfigMaps name, and where each stands."""
    found: dict[str, str] = {}
    for manifest in manifests:
        if manifest["kind"] == "CustomResourceDefinition":
            continue
        for path, text in texts(manifest):
            if not path.endswith(".image") and "annotations" not in path:
                for image in _IMAGE.findall(text):
                    found.setdefault(str(ImageReference.parse(image.rstrip("."))), f"{named(manifest)} {path}")
    return found


def texts(part: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text, with the keys that lead there; what stands in a ConfigMap is text."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield from texts(value, f"{path}.{key}")
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for index, value in enumerate(part):
            yield from texts(value, f"{path}[{index}]")
    elif isinstance(part, str):
        yield path, part


def crds(manifests: Iterable[Manifest]) -> set[str]:
    """The full names of the CRDs."""
    return {each["metadata"]["name"] for each in manifests if each["kind"] == "CustomResourceDefinition"}


def hooks(manifests: Iterable[Manifest]) -> list[Hook]:
    """The admission webhooks."""
    return [
        Hook(
            intercepts=frozenset(kind for rule in hook.get("rules", ()) for kind in _kinds(rule)),
            # Source: Kubernetes, "Dynamic Admission Control": v1 fails closed unless it is told otherwise.
            failure_policy=hook.get("failurePolicy", "Fail"),
            namespaces=hook.get("namespaceSelector") or {},
            objects=hook.get("objectSelector") or {},
        )
        for each in manifests
        if each["kind"] in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        for hook in each["webhooks"]
    ]


def _kinds(rule: Mapping[str, Any]) -> Iterator[str]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            plural = resource.partition("/")[0]
            known = objects.kinds_of([f"{plural}.{group}"])
            yield from known or {PLURALS[plural]}


def references(manifests: Iterable[Manifest]) -> Iterator[Reference]:
    """What pods need to start; what is optional is left out."""
    for pod in pods(manifests):
        where = {"namespace": pod.namespace, "by": pod.owner}
        if pod.service_account != "default":
            yield Reference(kind="ServiceAccount", name=pod.service_account, **where)
        for volume in pod.spec.get("volumes", ()):
            yield from _of_volume(volume, where)
        for box in pod.containers:
            for variable in box.get("env", ()):
                source = variable.get("valueFrom") or {}
                for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                    if field in source and not source[field].get("optional"):
                        yield Reference(kind=kind, name=source[field]["name"], key=source[field]["key"], **where)
            for mount in box.get("volumeMounts", ()):
                yield from _of_file(mount, pod.spec.get("volumes", ()), where)
            for each in box.get("envFrom", ()):
                for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                    if field in each and not each[field].get("optional"):
                        yield Reference(kind=kind, name=each[field]["name"], **where)


def _of_file(
    mount: Mapping[str, Any], volumes: Iterable[Mapping[str, Any]], where: Mapping[str, str]
) -> Iterator[Reference]:
    """One file of a volume: the kubelet makes an empty directory where the key is missing."""
    for volume in volumes:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            source = volume.get(field)
            if source and volume["name"] == mount["name"] and "subPath" in mount and not source.get("items"):
                name = source.get("name") or source["secretName"]
                yield Reference(kind=kind, name=name, key=mount["subPath"], **where)


def _of_volume(volume: Mapping[str, Any], where: Mapping[str, str]) -> Iterator[Reference]:
    sources = [volume, *volume.get("projected", {}).get("sources", ())]
    for source in sources:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if field in source and not source[field].get("optional"):
                name = source[field].get("name") or source[field]["secretName"]
                keys = [item["key"] for item in source[field].get("items", ())] or [None]
                for key in keys:
                    yield Reference(kind=kind, name=name, key=key, **where)
    if "persistentVolumeClaim" in volume:
        yield Reference(kind="PersistentVolumeClaim", name=volume["persistentVolumeClaim"]["claimName"], **where)


def offers(manifests: Iterable[Manifest]) -> dict[tuple[str, str, str], set[str] | None]:
    """ConfigMaps, Secrets, claims and accounts that come of these, by kind, namespace and name, with their keys.

    What makes them counts: an ExternalSecret its Secret, a Certificate the one that holds it. None: keys unknown.
    """
    found: dict[tuple[str, str, str], set[str] | None] = {}
    for each in manifests:
        space, name = each["metadata"].get("namespace", ""), each["metadata"]["name"]
        match each["kind"]:
            case "ConfigMap" | "Secret" as kind:
                keys = {*each.get("data", {}), *each.get("stringData", {}), *each.get("binaryData", {})}
                # Somebody fills in an empty one when it is there.
                found[kind, space, name] = keys or None
            case "PersistentVolumeClaim" | "ServiceAccount" as kind:
                found[kind, space, name] = None
            case "ExternalSecret":
                target = each["spec"].get("target", {})
                found["Secret", space, target.get("name", name)] = secret_keys(each, manifests)
            case "Certificate":
                found["Secret", space, each["spec"]["secretName"]] = {"tls.crt", "tls.key", "ca.crt"}
    return found


def secret_keys(external: Manifest, manifests: Iterable[Manifest]) -> set[str] | None:
    """The keys of the Secret that an ExternalSecret makes; None where that is up to the source."""
    spec = external["spec"]
    template = spec.get("target", {}).get("template", {})
    own = set(template.get("data", {}))
    if own and template.get("mergePolicy", "Replace") == "Replace":
        return own
    keys = own | {each["secretKey"] for each in spec.get("data", ())}
    for source in spec.get("dataFrom", ()):
        generator = source.get("sourceRef", {}).get("generatorRef", {})
        made = [
            each
            for each in manifests
            if each["kind"] == generator.get("kind") and each["metadata"]["name"] == generator.get("name")
        ]
        if not made:
            return None
        keys |= set(made[0]["spec"].get("secretKeys", ())) or {"password"}
    return keys


# Faults.


def unmet(
    needed: Iterable[Reference],
    offered: Mapping[tuple[str, str, str], set[str] | None],
    at_run_time: Iterable[str] = (),
) -> list[str]:
    """References that nothing answers.

    Args:
        needed: What pods take.
        offered: As `offers` gives it.
        at_run_time: `Kind/name` of what programs make when they run.
    """
    found, late = set(), set(at_run_time)
    for each in needed:
        if f"{each.kind}/{each.name}" in late:
            continue
        title = f"{each.by} needs {each.kind} {each.namespace}/{each.name}"
        if (each.kind, each.namespace, each.name) not in offered:
            found.add(f"{title}, which nobody makes")
            continue
        keys = offered[each.kind, each.namespace, each.name]
        if each.key is not None and keys is not None and each.key not in keys:
            found.add(f"{title} to have the key {each.key}; it has {sorted(keys)}")
    return sorted(found)


def unnamed(manifests: Iterable[Manifest], offered: Mapping[tuple[str, str, str], set[str] | None]) -> list[str]:
    """`$(NAME)` in commands, arguments and variables that names no variable: Kubernetes leaves it as it stands."""
    found = []
    for pod in pods(manifests):
        for box in pod.containers:
            known = {each["name"] for each in box.get("env", ())}
            for source in box.get("envFrom", ()):
                for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                    keys = offered.get((kind, pod.namespace, source.get(field, {}).get("name", "")))
                    known |= {source.get("prefix", "") + key for key in keys or ()}
            said = [*box.get("command", ()), *box.get("args", ())]
            said += [str(each.get("value", "")) for each in box.get("env", ())]
            names = {name for text in said for name in _VARIABLE.findall(text)}
            found += [f"{pod.owner} names $({name}), which is no variable" for name in sorted(names - known)]
    return found


def hosts_of_nobody(manifests: Iterable[Manifest]) -> list[str]:
    """Hosts of the mesh's rules and routes for which there is no Service here."""
    everything = list(manifests)
    services = {
        f"{each['metadata']['name']}.{each['metadata']['namespace']}"
        for each in everything
        if each["kind"] == "Service"
    }
    found = []
    for each in everything:
        if each["kind"] not in ("DestinationRule", "VirtualService"):
            continue
        for path, host in texts(each["spec"]):
            routed = path.endswith("destination.host") or (each["kind"] == "DestinationRule" and path == ".host")
            name, _, rest = host.partition(".")
            space = rest.removesuffix(".svc.cluster.local").removesuffix(".svc") or each["metadata"]["namespace"]
            if routed and f"{name}.{space}" not in services:
                found.append(f"{named(each)}: {host} is no Service here")
    return found


def secrets_written_down(manifests: Iterable[Manifest]) -> list[str]:
    """Credentials that stand in an object."""
    found = []
    for each in manifests:
        if each["kind"] == "CustomResourceDefinition":
            continue
        if each["kind"] == "Secret":
            values = {**each.get("data", {}), **each.get("stringData", {})}
            found += [f"{named(each)} holds {key}" for key, value in values.items() if value]
        if DEFAULT_PASSWORDS.search(json.dumps(each)):
            found.append(
                f"{named(each)} holds {DEFAULT_PASSWORDS.findall(json.dumps(each))[0] or 'a default password'}"
            )
    for pod in pods(manifests):
        for box in pod.containers:
            found += [
                f"{pod.owner}: {box['name']} is told {each['name']}"
                for each in box.get("env", ())
                if CREDENTIAL.search(each["name"]) and each.get("value")
            ]
    return found


def moving_images(manifests: Iterable[Manifest]) -> list[str]:
    """Images without a version of their own."""
    every = {**images_in_texts(manifests), **dict.fromkeys(images(manifests), "a pod")}
    return [f"{image} ({where})" for image, where in every.items() if _moves(ImageReference.parse(image))]


def _moves(image: ImageReference) -> bool:
    return not image.digest and image.tag in (None, "latest", "main", "master", "nightly")


def contradictions(manifests: Iterable[Manifest]) -> list[str]:
    """What a merge can leave behind and the API server refuses: two sources of one thing."""
    found = []
    for pod in pods(manifests):
        for box in pod.containers:
            found += [
                f"{pod.owner}: {box['name']}: {each['name']} has a value and a source"
                for each in box.get("env", ())
                if each.get("value") and each.get("valueFrom")
            ]
            found += [
                f"{pod.owner}: {box['name']}: {each['name']} has {len(each['valueFrom'])} sources"
                for each in box.get("env", ())
                if len(each.get("valueFrom") or {}) > 1
            ]
            mounted = {each["name"] for each in box.get("volumeMounts", ())}
            volumes = {each["name"] for each in pod.spec.get("volumes", ())}
            found += [f"{pod.owner}: {box['name']} mounts {name}, no volume" for name in sorted(mounted - volumes)]
        found += [
            f"{pod.owner}: volume {each['name']} has {len(each) - 1} sources"
            for each in pod.spec.get("volumes", ())
            if len(each) != 2
        ]
    return found


def without_requests(manifests: Iterable[Manifest]) -> list[str]:
    """Containers that ask for no CPU or no memory: the scheduler packs them as if they took nothing."""
    return [
        f"{pod.owner}: {box['name']} asks for no {kind}"
        for pod in pods(manifests)
        for box in pod.spec.get("containers", ())
        for kind in ("cpu", "memory")
        if kind not in _asked(box)
    ]


def _asked(box: Mapping[str, Any]) -> set[str]:
    resources = box.get("resources") or {}
    # A limit alone counts as a request.
    return {*(resources.get("requests") or {}), *(resources.get("limits") or {})}


def insecure(manifests: Iterable[Manifest], standard: str) -> list[str]:
    """Pods that a namespace with this Pod Security Standard refuses.

    Source: Kubernetes, "Pod Security Standards", the rules on what these objects use.
    """
    found: list[str] = []
    if standard == "privileged":
        return found
    for pod in pods(manifests):
        spec = pod.spec
        found += [f"{pod.owner}: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
        found += [
            f"{pod.owner}: volume {each['name']} is a path of the node"
            for each in spec.get("volumes", ())
            if "hostPath" in each
        ]
        for box in pod.containers:
            title = f"{pod.owner}: {box['name']}"
            context = box.get("securityContext") or {}
            found += [f"{title} is privileged"] if context.get("privileged") else []
            found += [f"{title} takes a port of the node" for port in box.get("ports", ()) if port.get("hostPort")]
            if standard == "restricted":
                found += [f"{title}: {fault}" for fault in _not_restricted(spec.get("securityContext") or {}, context)]
    return found


def _not_restricted(pod: Mapping[str, Any], box: Mapping[str, Any]) -> Iterator[str]:
    if box.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if "ALL" not in (box.get("capabilities") or {}).get("drop", ()):
        yield "keeps capabilities"
    if not box.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield "may run as root"
    profile = box.get("seccompProfile") or pod.get("seccompProfile") or {}
    if profile.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"


def in_no_namespace(manifests: Iterable[Manifest], version: str) -> list[str]:
    """Objects that would land in `default`, and cluster-wide ones that name a namespace."""
    found = []
    for each in manifests:
        wide = each["kind"] in CLUSTER_WIDE if not objects.is_custom(each, version) else _is_wide(each)
        if wide is not None and wide == ("namespace" in each["metadata"]):
            found.append(f"{named(each)} is {'cluster-wide' if wide else 'in no namespace'}")
    return found


def _is_wide(manifest: Manifest) -> bool | None:
    scope = objects.scope_of(manifest)
    return None if scope is None else scope == "Cluster"


def parsed(text: str) -> Any:
    """A text of a ConfigMap, where it is YAML or JSON."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
