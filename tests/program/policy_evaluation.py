"""What NetworkPolicies let through: a connection must be let out where it begins and let in where it ends.

A pod that no policy of a direction selects is open in that direction; else some rule of some policy must fit.
Source: Kubernetes, "Network Policies". Pods have addresses of the VPC, so that blocks of addresses mean pods, too.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_NAME: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a connection: a pod, or an address outside of the cluster.

    Attributes:
        address: Its IP address.
        namespace: Of a pod; None for what is none.
        labels: Of a pod.
    """

    address: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def pod(namespace: str, **labels: str) -> End:
    """Any pod of a namespace; `_` in names of labels is `-`."""
    named = {name.replace("_", "-"): value for name, value in labels.items()}
    return End(address="10.0.100.100", namespace=namespace, labels=named)


def outside(address: str) -> End:
    """What is no pod."""
    return End(address=address)


@dataclass(frozen=True)
class Policies:
    """The policies of a cluster, by namespace.

    Attributes:
        by_space: Namespace to its policies.
        spaces: Namespace to its labels.
    """

    by_space: Mapping[str, tuple[Mapping[str, Any], ...]]
    spaces: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]]) -> "Policies":
        """Those among Kubernetes objects."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        spaces: dict[str, Mapping[str, str]] = {}
        for each in objects:
            metadata = each["metadata"]
            if each["kind"] == "NetworkPolicy":
                found.setdefault(metadata["namespace"], []).append(each["spec"])
            elif each["kind"] == "Namespace":
                spaces[metadata["name"]] = metadata.get("labels", {})
        return cls(by_space={name: tuple(each) for name, each in found.items()}, spaces=spaces)

    def refuses(self, source: End, target: End, port: int, protocol: str = "TCP") -> str | None:
        """Which end refuses a connection, in words; None where both let it through."""
        for side, own, other, what in (("Egress", source, target, "out of"), ("Ingress", target, source, "into")):
            mine = [
                spec
                for spec in self.by_space.get(own.namespace or "", ())
                if side in spec["policyTypes"] and _selects(spec["podSelector"], own.labels)
            ]
            if mine and not any(self._fits(spec, side, own, other, port, protocol) for spec in mine):
                return f"nothing lets it {what} {own.namespace}"
        return None

    def _fits(  # noqa: PLR0917  # a connection, seen from one side
        self, spec: Mapping[str, Any], side: str, own: End, other: End, port: int, protocol: str
    ) -> bool:
        peers = {"Egress": "to", "Ingress": "from"}[side]
        return any(
            (peers not in rule or any(self._is(peer, own, other) for peer in rule[peers]))
            and ("ports" not in rule or any(_at(each, port, protocol) for each in rule["ports"]))
            for rule in spec.get(side.lower(), ())
        )

    def _is(self, peer: Mapping[str, Any], own: End, other: End) -> bool:
        if "ipBlock" in peer:
            assert peer["ipBlock"].keys() == {"cidr"}
            return ipaddress.ip_address(other.address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        if other.namespace is None:
            return False
        if "namespaceSelector" in peer:
            labels = {**self.spaces.get(other.namespace, {}), _NAME: other.namespace}
            there = _selects(peer["namespaceSelector"], labels)
        else:
            there = other.namespace == own.namespace
        return bool(there and _selects(peer.get("podSelector", {}), other.labels))


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if "matchExpressions" in selector:
        raise NotImplementedError("matchExpressions")
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def _at(each: Mapping[str, Any], port: int, protocol: str) -> bool:
    if not isinstance(each["port"], int) or "endPort" in each:
        raise NotImplementedError("named ports and ranges")
    return bool(each["port"] == port and each.get("protocol", "TCP") == protocol)
