"""Mistakes in the way in: names, certificate, load balancer, login."""

from collections.abc import Mapping
from typing import Any, Final

from tests.unit.settings_stack import ABSENT, EXISTING, Table, patched

OFFICE: Final = "203.0.113.0/24"
EDGE: Final[Mapping[str, Any]] = {
    "domain": "ml.example.com",
    "zone": "Z0123456789ABCDEFGHIJ",
    "entries": ["kubeflow", "grafana"],
    "loadBalancer": {"clients": [OFFICE]},
    "login": {"groups": ["research"]},
}
"""Nothing is wrong with it, and nothing worth a warning."""
_ONE_PUBLIC: Final = {**EXISTING, "publicSubnets": {"usw2-az1": "subnet-0123456789abcdef3"}}


def edge(table: Table) -> None:
    def add(name: str, patch: Mapping[str, Any], path: str, *words: str, more: Mapping[str, Any] | None = None) -> None:
        table.add(f"edge-{name}", {"edge": patched(patch, EDGE), **(more or {})}, f"edge.{path}", *words)

    def seen(name: str, patch: Mapping[str, Any], path: str, *words: str) -> None:
        table.add(f"edge-{name}", {"edge": patched(patch, EDGE)}, f"edge.{path}", *words, schema=True)

    seen("login-without-a-domain", {"domain": ABSENT}, "domain", "is required")
    for name, domain in {"of-one-label": "example", "in-capitals": "ML.example.com", "with-a-star": "*.a.com"}.items():
        seen(f"domain-{name}", {"domain": domain}, "domain", repr(domain), "does not match")
    seen("domain-too-long", {"domain": f"{'a' * 57}.example"}, "domain", "at most 64 characters")
    seen("zone-by-name", {"zone": "ml.example.com"}, "zone", "does not match", "new|Z")
    grafana = {"preset": "minimal", "enable": ["cert-manager", "kube-prometheus-stack", "storage-classes"]}
    add("entry-without-binder", {}, "entries[1]", "needs aws-load-balancer-controller", more={"addons": grafana})
    bound = {**grafana, "enable": [*grafana["enable"], "aws-load-balancer-controller"]}
    add(
        "entry-without-login",
        {"login": None},
        "entries[1]",
        "kube-prometheus-stack",
        "no login",
        more={"addons": bound},
    )
    table.add(
        "volumes-without-their-driver",
        {
            "storage": {"efs": [{"name": "home"}]},
            "addons": {"preset": "minimal", "disable": ["aws-efs-csi-driver", "storage-classes"]},
        },
        "addons.settings.static-volumes",
        "mounted by aws-efs-csi-driver",
    )
    seen("entry-is-no-label", {"entries": ["a.b"]}, "entries[0]", "'a.b' does not match")
    seen("without-load-balancer", {"loadBalancer": ABSENT}, "loadBalancer", "is required")
    many = [f"10.{number}.0.0/16" for number in range(31)]
    seen("clients-many", {"loadBalancer.clients": many}, "loadBalancer.clients", "at most 30 items")
    add("without-clients", {"loadBalancer.clients": []}, "loadBalancer.clients", "nobody could come in", "0.0.0.0/0")
    seen("session-too-long", {"login.sessionHours": 169}, "login.sessionHours", "169", "less than or equal to 168")
    seen("mfa-misspelt", {"login.mfa": "require"}, "login.mfa", "did you mean 'required'?")
    add(
        "client-is-no-cidr",
        {"loadBalancer.clients": ["203.0.113.7"]},
        "loadBalancer.clients[0]",
        "'203.0.113.7'",
        "write 203.0.113.7/32",
    )
    add("certificate-without-a-zone", {"zone": ABSENT}, "zone", "ml.example.com", "new", "certificateArn")
    add(
        "certificate-of-another-region",
        {"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"},
        "certificateArn",
        "is of us-east-1",
        "us-west-2",
    )
    add("entry-twice", {"entries": ["grafana", "mlflow", "grafana"]}, "entries[2]", "'grafana' stands here twice")
    add("client-twice", {"loadBalancer.clients": [OFFICE, OFFICE]}, "loadBalancer.clients[1]", "stands here twice")
    add("group-twice", {"login.groups": ["a", "b", "a"]}, "login.groups[2]", "'a' stands here twice")
    add("group-of-admins", {"login.groups": ["platform-admins"]}, "login.groups[0]", "is always there; leave it out")
    add("prefix-reserved", {"login.prefix": "my-aws-login"}, "login.prefix", "'aws'", "amazon, aws, cognito")
    add(
        "login-without-internet",
        {"loadBalancer.internal": True},
        "login",
        "network.internet is false",
        "Cognito",
        "login: null",
        more={"network.internet": False},
    )
    add(
        "public-without-internet",
        {"login": None},
        "loadBalancer.internal",
        "network.internet is false",
        "internal: true",
        more={"network.internet": False},
    )
    add(
        "public-in-one-zone",
        {},
        "loadBalancer.internal",
        "public subnets in 2 zones",
        "has: usw2-az1",
        more={"network": {"existing": _ONE_PUBLIC}},
    )
    add(
        "world-without-login",
        {"login": None, "loadBalancer.clients": [OFFICE, "0.0.0.0/0"]},
        "loadBalancer.clients[1]",
        "'0.0.0.0/0' without edge.login opens every entry to the world",
    )
