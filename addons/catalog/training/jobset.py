"""JobSet: Jobs that start, fail and restart together. Kubeflow Trainer runs its nodes as one."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

_REPOSITORY: Final = "registry.k8s.io/jobset/jobset"
# renovate: datasource=docker depName=registry.k8s.io/jobset/jobset depType=follows
_TAG: Final = "v0.12.0"


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    return {
        # The chart's own default is a staging registry.
        "image": {"repository": _REPOSITORY, "tag": _TAG, "pullPolicy": "IfNotPresent"},
        "controller": {"resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "4Gi"}}},
    }


def _hook(kind: str, *, opt_in: bool = False) -> Webhook:
    return Webhook(intercepts=frozenset({kind}), failure_policy="Fail", opt_in=opt_in)


ADDON = AddOn(
    name="jobset",
    group="training",
    summary="Jobs that start, fail and restart together",
    docs="https://jobset.sigs.k8s.io/docs/",
    source=Chart(
        repo="oci://registry.k8s.io/jobset/charts",
        name="jobset",
        # renovate: datasource=docker depName=registry.k8s.io/jobset/charts/jobset
        version="0.12.0",
    ),
    settings=AddOnSettings,
    presets=("training",),
    namespace="jobset-system",
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(Image(reference=f"{_REPOSITORY}:{_TAG}", repository="image.repository", tag="image.tag"),),
    needs=("coredns",),
    owns_crds=("jobsets.jobset.x-k8s.io",),
    # Of pods it sees those with the label jobset.sigs.k8s.io/jobset-name, which it writes itself.
    webhooks=(_hook("JobSet"), _hook("JobSet"), _hook("Pod", opt_in=True), _hook("Pod", opt_in=True)),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="jobset-controller"),),
)
