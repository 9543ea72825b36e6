"""OpenSearch Dashboards: search in the logs that OpenSearch holds."""

from typing import Final

import yaml

from addons.opensearch import DASHBOARDS, NAMESPACE, PORT, SERVICE
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_HOME: Final = "/usr/share/opensearch-dashboards"
_TLS: Final = f"{_HOME}/config/certificates"
_URL: Final = f"https://{SERVICE}:{PORT}"


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    """Source: OpenSearch documentation, "Configuring TLS for OpenSearch Dashboards", "Disabling security"."""
    configuration = {
        "server.host": "0.0.0.0",  # noqa: S104  # of a pod
        "opensearch.hosts": [_URL],
        "opensearch.ssl.verificationMode": "full",
        "opensearch.ssl.certificateAuthorities": [f"{_TLS}/ca.crt"],
        "opensearch.ssl.certificate": f"{_TLS}/tls.crt",
        "opensearch.ssl.key": f"{_TLS}/tls.key",
        # For what people ask, too: all of them are the one reader that the certificate names.
        "opensearch.ssl.alwaysPresentCertificate": True,
    }
    return {
        "opensearchHosts": _URL,
        "config": {"opensearch_dashboards.yml": yaml.safe_dump(configuration, sort_keys=False)},
        # Its login asks for users with passwords, and there are none.
        "extraEnvs": [{"name": "DISABLE_SECURITY_DASHBOARDS_PLUGIN", "value": "true"}],
        "secretMounts": [{"name": "certificates", "secretName": DASHBOARDS, "path": _TLS}],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }


ADDON = AddOn(
    name="opensearch-dashboards",
    group="observability",
    summary="search in the logs that OpenSearch holds",
    docs="https://docs.opensearch.org/latest/dashboards/",
    source=Chart(
        repo="https://opensearch-project.github.io/helm-charts",
        name="opensearch-dashboards",
        # renovate: datasource=helm depName=opensearch-dashboards registryUrl=https://opensearch-project.github.io/helm-charts
        version="3.6.0",
    ),
    settings=AddOnSettings,
    namespace=NAMESPACE,
    values=_values,
    images=(
        Image(
            reference="docker.io/opensearchproject/opensearch-dashboards:3.6.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("opensearch",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="opensearch-dashboards"),),
)
