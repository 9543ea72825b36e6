"""What an add-on's declaration refuses."""

from typing import Any

import pytest

from addons.spec import (
    AddOn,
    AddOnSettings,
    Chart,
    EksAddon,
    Identity,
    Image,
    Kustomization,
    ManagedSettings,
    Manifest,
    Objects,
    Placement,
    Ready,
)

READY = (Ready(kind="Deployment", name="x"),)
CHART = Chart(repo="https://charts.example.com", name="x", version="1.2.3")
KUSTOMIZATION = Kustomization(version="1.2.3")
MANIFEST = Manifest(url="https://example.com/download/v1.2.3/install.yaml", version="v1.2.3")


def addon(**changes) -> AddOn[Any]:
    given = {
        "name": "x",
        "group": "test",
        "summary": "s",
        "docs": "https://example.com",
        "source": CHART,
        "settings": AddOnSettings,
        "ready": READY,
    }
    return AddOn(**{**given, **changes})


@pytest.mark.parametrize("version", ["1.2", "1.x.x", "^1.2.3", ">=1.2.3", "latest", "", "1.2.3 "])
def test_a_chart_has_an_exact_version(version):
    with pytest.raises(ValueError, match="not an exact version"):
        Chart(repo="https://charts.example.com", name="x", version=version)


@pytest.mark.parametrize(
    ("url", "version", "says"),
    [
        ("https://example.com/download/v1.2.3/install.yaml", "v1.2.x", "not an exact version"),
        ("https://example.com/download/v1.2.3/install.yaml", "v1.2.4", "must start with https:// and have /v1.2.4/"),
        ("https://example.com/main/install.yaml", "v1.2.3", "must start with https:// and have /v1.2.3/"),
        ("http://example.com/download/v1.2.3/install.yaml", "v1.2.3", "must start with https://"),
    ],
)
def test_a_manifest_is_of_an_exact_version(url, version, says):
    with pytest.raises(ValueError, match=says):
        Manifest(url=url, version=version)


@pytest.mark.parametrize("repo", ["http://charts.example.com", "charts.example.com", ""])
def test_a_chart_comes_from_a_repository_that_helm_reads(repo):
    with pytest.raises(ValueError, match="must start with https:// or oci://"):
        Chart(repo=repo, name="x", version="1.2.3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My_Addon"}, "name 'My_Addon' is not a DNS label"),
        ({"namespace": "Kube"}, "namespace 'Kube' is not a DNS label"),
        ({"docs": "ask someone"}, "docs 'ask someone' is not a link"),
        (
            {"source": MANIFEST, "values": lambda _handle, _settings: {"a": 1}},
            "objects take no values",
        ),
        (
            {"source": MANIFEST, "images": (Image(reference="example.com/a:1", repository="image"),)},
            "image example.com/a:1: objects take no values",
        ),
        ({"source": KUSTOMIZATION, "values": lambda _handle, _settings: {"a": 1}}, "objects take no values"),
        ({"source": KUSTOMIZATION, "ready": ()}, "names nothing that shows that it is there"),
        ({"needs_one_of": ("y",)}, "needs_one_of names one add-on; say so in needs"),
        ({"secrets": True}, "labels a namespace that it does not make"),
        ({"namespace_labels": {"a": "b"}}, "labels a namespace that it does not make"),
        ({"source": MANIFEST, "ready": ()}, "names nothing that shows that it is there"),
        ({"ready": ()}, "names nothing that shows that it is there"),
        ({"owns_crds": ("Foo",)}, "'Foo' is not a full CRD name"),
        ({"creates": frozenset({"services"})}, "'services' is not a kind"),
        ({"needs": ("x",)}, "names itself in needs or conflicts"),
        ({"needs": ("y",), "conflicts": ("y",)}, "both needs and conflicts with y"),
        ({"create_namespace": True}, "cannot create the namespace kube-system"),
        ({"timeout_minutes": 0}, "timeout_minutes must be positive"),
        ({"source": EksAddon(name="x")}, "settings must extend ManagedSettings"),
        (
            {
                "source": EksAddon(name="x"),
                "settings": ManagedSettings,
                "identities": tuple(Identity(service_account=s, managed_policies=("P",)) for s in "ab"),
            },
            "one role under IRSA",
        ),
        ({"identities": (Identity(service_account="a", managed_policies=("P",)),)}, "no value path for IRSA"),
        ({"source": Objects(build=lambda _h, _s: []), "values": lambda _h, _s: {}}, "objects take no values"),
        (
            {"source": Objects(build=lambda _h, _s: []), "placement": Placement(accelerated=("tolerations",))},
            "objects have no value path for tolerations",
        ),
    ],
)
def test_a_contradiction_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match="add-on ") as raised:
        addon(**changes)
    assert message in str(raised.value)


def test_every_contradiction_is_told_at_once():
    with pytest.raises(ValueError, match=r"not a DNS label.*nothing that shows that it is there.*must be positive"):
        addon(name="My_Addon", ready=(), timeout_minutes=0)


def test_an_identity_may_do_something():
    with pytest.raises(ValueError, match="identity a: no policy"):
        Identity(service_account="a")


@pytest.mark.parametrize("version", ["1.20.0-eksbuild.1", "v1.20-eksbuild.1", "latest", "v1.20.0"])
def test_an_eks_version_is_exact(version):
    with pytest.raises(ValueError, match="version"):
        ManagedSettings(version=version)
