"""OpenSearch: a log store in the cluster, to which only certificates open, and no password does."""

from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field

from addons.opensearch import ADMIN, DASHBOARDS, HOST, JANITOR, NAMESPACE, NODE, PORT, SERVICE, WRITER, security
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from addons.values import pulled_from
from infra.handle import ClusterHandle

_IMAGE: Final = "docker.io/opensearchproject/opensearch:3.6.0"
_CERTIFICATES: Final = "certificates"
_AUTHORITY: Final = "opensearch-authority"
_MIB: Final = 1024
_NAMES: Final = (SERVICE, HOST, f"{HOST}.cluster.local", f"{SERVICE}-headless", f"*.{SERVICE}-headless")
_CLEAN_UP: Final = """\
set -eu
ask() { curl -sS --fail --cacert /tls/ca.crt --cert /tls/tls.crt --key /tls/tls.key "$@"; }
oldest=$(date -u -d "-%(days)d days" +%%Y.%%m.%%d)
for index in $(ask "https://%(host)s:%(port)d/_cat/indices/logs-*?h=index"); do
  if [ "${index#logs-}" \\< "$oldest" ]; then ask -X DELETE "https://%(host)s:%(port)d/$index"; fi
done
"""


class OpensearchSettings(AddOnSettings):
    """Settings of OpenSearch."""

    replicas: Literal[1, 3] = 3
    """Nodes of OpenSearch. With three one may go; one is for trying it out."""

    storage_gib: Annotated[int, Field(ge=8, le=16_384)] = 100
    """The disk of each."""

    memory_gib: Annotated[int, Field(ge=2, le=64)] = 2
    """What each asks for; half of it is Java's heap."""

    retention_days: Annotated[int, Field(ge=1, le=3650)] = 14
    """Days that records are kept. An index holds a day, and older ones are deleted every night."""


def _values(handle: ClusterHandle, settings: OpensearchSettings) -> Values:
    heap = settings.memory_gib * _MIB // 2
    return {
        "replicas": settings.replicas,
        "singleNode": settings.replicas == 1,
        "opensearchJavaOpts": f"-Xms{heap}M -Xmx{heap}M",
        "resources": {
            "requests": {"cpu": "500m", "memory": f"{settings.memory_gib}Gi"},
            "limits": {"memory": f"{settings.memory_gib}Gi"},
        },
        "persistence": {
            # The volume's group is the pod's already; the chart's container would run as root.
            "enableInitChown": False,
            "size": f"{settings.storage_gib}Gi",
            "storageClass": "gp3",
        },
        "config": {"opensearch.yml": yaml.safe_dump(_configuration(), sort_keys=False)},
        # The demonstration's certificates are known to everybody, and its users have passwords.
        "extraEnvs": [{"name": "DISABLE_INSTALL_DEMO_CONFIG", "value": "true"}],
        "secretMounts": [
            {"name": _CERTIFICATES, "secretName": NODE, "path": f"/usr/share/opensearch/config/{_CERTIFICATES}"}
        ],
        "securityConfig": {"config": {"data": security()}},
        "extraObjects": [*_certificates(), _clean_up(handle, settings.retention_days)],
    }


def _configuration() -> dict[str, Any]:
    """Source: OpenSearch documentation, "Configuring TLS certificates", "Client certificate authentication"."""
    files = {
        "pemcert_filepath": f"{_CERTIFICATES}/tls.crt",
        "pemkey_filepath": f"{_CERTIFICATES}/tls.key",
        "pemtrustedcas_filepath": f"{_CERTIFICATES}/ca.crt",
    }
    return {
        "network.host": "0.0.0.0",  # noqa: S104  # of a pod
        # Maps in memory need a kernel setting that only a privileged container could change.
        "node.store.allow_mmap": False,
        "plugins.security": {
            "ssl": {
                "transport": {**files, "enforce_hostname_verification": False},
                "http": {**files, "enabled": True, "clientauth_mode": "REQUIRE"},
            },
            "ssl.certificates_hot_reload.enabled": True,
            "allow_default_init_securityindex": True,
            "nodes_dn": [f"CN={NODE}"],
            "authcz.admin_dn": [f"CN={ADMIN}"],
            "restapi.roles_enabled": ["all_access"],
        },
    }


def _certificates() -> list[dict[str, Any]]:
    """An authority of its own, and one certificate for the nodes and for each client."""
    issuer = {"name": _AUTHORITY, "kind": "Issuer"}
    return [
        _object("cert-manager.io/v1", "Issuer", f"{_AUTHORITY}-root", {"selfSigned": {}}),
        _certificate(
            _AUTHORITY,
            {"name": f"{_AUTHORITY}-root", "kind": "Issuer"},
            isCA=True,
            duration="87600h",
            usages=["cert sign", "crl sign"],
        ),
        _object("cert-manager.io/v1", "Issuer", _AUTHORITY, {"ca": {"secretName": _AUTHORITY}}),
        _certificate(NODE, issuer, dnsNames=list(_NAMES), usages=["server auth", "client auth"]),
        *(_certificate(name, issuer, usages=["client auth"]) for name in (ADMIN, DASHBOARDS, JANITOR, WRITER)),
    ]


def _certificate(name: str, issuer: dict[str, str], **spec: Any) -> dict[str, Any]:  # noqa: ANN401  # any part of it
    return _object(
        "cert-manager.io/v1",
        "Certificate",
        name,
        {
            "secretName": name,
            "commonName": name,
            "issuerRef": issuer,
            # OpenSearch reads no other form.
            "privateKey": {"algorithm": "RSA", "size": 2048, "encoding": "PKCS8", "rotationPolicy": "Always"},
            **spec,
        },
    )


def _clean_up(handle: ClusterHandle, days: int) -> dict[str, Any]:
    container = {
        "name": JANITOR,
        "image": pulled_from(_IMAGE, handle),
        "command": ["bash", "-c", _CLEAN_UP % {"days": days, "host": SERVICE, "port": PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 1000,
        },
        "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "tls", "secret": {"secretName": JANITOR}}],
    }
    return _object(
        "batch/v1",
        "CronJob",
        JANITOR,
        {
            "schedule": "17 2 * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 3, "template": {"spec": pod}}},
        },
    )


def _object(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


ADDON = AddOn(
    name="opensearch",
    group="observability",
    summary="a log store in the cluster, opened by certificates",
    docs="https://docs.opensearch.org/latest/security/",
    source=Chart(
        repo="https://opensearch-project.github.io/helm-charts",
        name="opensearch",
        # renovate: datasource=helm depName=opensearch registryUrl=https://opensearch-project.github.io/helm-charts
        version="3.6.0",
    ),
    settings=OpensearchSettings,
    namespace=NAMESPACE,
    create_namespace=True,
    # Of Fluent Bit, which reads the node's log files and runs here too.
    pod_security="privileged",
    privileged_with=("fluent-bit",),
    values=_values,
    images=(Image(reference=_IMAGE, repository="image.repository", tag="image.tag"),),
    needs=("cert-manager", "coredns", "storage-classes"),
    # Both bring the namespace, and one reader of the node's files is enough.
    conflicts=("aws-for-fluent-bit",),
    creates=frozenset({"Certificate", "Issuer", "Service"}),
    ready=(Ready(kind="StatefulSet", name=SERVICE),),
)
