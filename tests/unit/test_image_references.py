"""Names of container images, as distribution/reference reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.images import ImageReference, ecr_home, ecr_host

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "host", "path", "version"),
    [
        ("busybox", "docker.io", "library/busybox", ""),
        ("busybox:1.37", "docker.io", "library/busybox", ":1.37"),
        ("docker.io/busybox:1.37", "docker.io", "library/busybox", ":1.37"),
        ("index.docker.io/grafana/grafana:12.1.0", "docker.io", "grafana/grafana", ":12.1.0"),
        ("grafana/grafana:12.1.0", "docker.io", "grafana/grafana", ":12.1.0"),
        (
            "registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.0",
            "registry.k8s.io",
            "autoscaling/cluster-autoscaler",
            ":v1.35.0",
        ),
        (
            f"public.ecr.aws/karpenter/controller:1.14.1@{DIGEST}",
            "public.ecr.aws",
            "karpenter/controller",
            f":1.14.1@{DIGEST}",
        ),
        (f"quay.io/a/b@{DIGEST}", "quay.io", "a/b", f"@{DIGEST}"),
        ("nvcr.io/nvidia/k8s/dcgm-exporter:4.4.1_x", "nvcr.io", "nvidia/k8s/dcgm-exporter", ":4.4.1_x"),
    ],
)
def test_a_name_is_read_whole(text, host, path, version):
    image = ImageReference.parse(text)
    assert (image.host, image.path, image.version) == (host, path, version)
    assert str(image) == f"{host}/{path}{version}"


@pytest.mark.parametrize(
    "text", ["", "Busybox", "a b", "host.example:5000/a:1", "quay.io/a:", "quay.io//a", "quay.io/a@sha256:12", "a/b:-x"]
)
def test_what_is_no_image_says_so(text):
    with pytest.raises(ValueError, match="is not an image"):
        ImageReference.parse(text)


PARTS = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?", fullmatch=True)
HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,8}\.(io|dev|example)", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(HOSTS, st.lists(PARTS, min_size=1, max_size=4), TAGS)
def test_what_is_written_out_is_read_back(host, parts, tag):
    image = ImageReference(host=host, path="/".join(parts), tag=tag)
    assert ImageReference.parse(str(image)) == image


def test_private_registries_are_known_by_their_hosts():
    assert ecr_host("123456789012", "us-west-2") == "123456789012.dkr.ecr.us-west-2.amazonaws.com"
    assert ecr_host("123456789012", "cn-north-1") == "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"
    for region in ("us-west-2", "cn-north-1", "us-gov-west-1"):
        assert ecr_home(ecr_host("123456789012", region)) == ("123456789012", region)
    assert ecr_home("public.ecr.aws") is None
    assert ecr_home("registry.k8s.io") is None
