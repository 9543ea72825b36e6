"""Fluent Bit: logs of containers and nodes to OpenSearch in the cluster."""

from typing import Annotated, Final

from pydantic import Field

from addons.fluent_bit import MOUNTS, NODE_NAME, SERVICE, VOLUMES, inputs, kubernetes, section
from addons.opensearch import INDEX, NAMESPACE, PORT, WRITER
from addons.opensearch import SERVICE as OPENSEARCH
from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "fluent-bit"
_TLS: Final = "/tls"
_PARSERS: Final = "Parsers_File              /fluent-bit/etc/parsers.conf"


class FluentBitSettings(AddOnSettings):
    """Settings of Fluent Bit."""

    exclude_namespaces: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")], ...] = ()
    """Namespaces whose containers' logs stay on the node. A single pod opts out by the annotation
    `fluentbit.io/exclude: "true"`."""

    memory_mib: Annotated[int, Field(ge=100, le=4096)] = 256
    """The most that it may take on a node. More than it can hold goes to the node's disk."""


def _values(_handle: ClusterHandle, settings: FluentBitSettings) -> Values:
    lines = [f"    {line}" for line in (*SERVICE.splitlines(), _PARSERS)]
    return {
        # The project's own host stands for the same images, and is none that ECR can cache.
        "image": {"repository": "docker.io/fluent/fluent-bit"},
        "testFramework": {"enabled": False},
        "config": {
            "service": "\n".join(["[SERVICE]", *lines, ""]),
            "inputs": "\n".join(inputs(settings.exclude_namespaces, _NAME)),
            "filters": "\n".join(
                [
                    *(kubernetes(tag) for tag in ("application", "dataplane.containers")),
                    section("FILTER", {"Name": "record_modifier", "Match": "*", "Record": "node ${NODE_NAME}"}),
                ]
            ),
            "outputs": _output(),
            "customParsers": "",
        },
        "env": [NODE_NAME],
        "daemonSetVolumes": [*VOLUMES, {"name": "tls", "secret": {"secretName": WRITER}}],
        "daemonSetVolumeMounts": [*MOUNTS, {"name": "tls", "mountPath": _TLS, "readOnly": True}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"memory": f"{settings.memory_mib}Mi"},
        },
    }


def _output() -> str:
    """Source: Fluent Bit documentation, "OpenSearch" and "TLS"."""
    return section(
        "OUTPUT",
        {
            "Name": "opensearch",
            "Match": "*",
            "Host": OPENSEARCH,
            "Port": PORT,
            "Logstash_Format": "On",
            "Logstash_Prefix": INDEX,
            "Suppress_Type_Name": "On",
            # A label such as app.kubernetes.io/name would be an object beside a label `app`.
            "Replace_Dots": "On",
            "Include_Tag_Key": "On",
            "Tag_Key": "tag",
            "Trace_Error": "On",
            "Retry_Limit": 10,
            "storage.total_limit_size": "1G",
            "tls": "On",
            "tls.verify": "On",
            "tls.ca_file": f"{_TLS}/ca.crt",
            "tls.crt_file": f"{_TLS}/tls.crt",
            "tls.key_file": f"{_TLS}/tls.key",
        },
    )


ADDON = AddOn(
    name=_NAME,
    group="observability",
    summary="logs of containers and nodes to OpenSearch in the cluster",
    docs="https://docs.fluentbit.io/manual/",
    source=Chart(
        repo="https://fluent.github.io/helm-charts",
        name="fluent-bit",
        # renovate: datasource=helm depName=fluent-bit registryUrl=https://fluent.github.io/helm-charts
        version="0.58.1",
    ),
    settings=FluentBitSettings,
    namespace=NAMESPACE,
    values=_values,
    images=(
        Image(reference="cr.fluentbit.io/fluent/fluent-bit:5.1.1", repository="image.repository", tag="image.tag"),
    ),
    needs=("opensearch",),
    creates=frozenset({"Service"}),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name=_NAME),),
)
