"""What changes in others' objects on their way to the cluster."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from addons.spec import AddOn, AddOnSettings, Identity, Image, Kustomization, Ready
from addons.transforms import changed, transform
from infra.images import ImageReference

OLD = "quay.io/example/server:1.2.3"
NEW = "123456789012.dkr.ecr.us-west-2.amazonaws.com/quay/example/server:1.2.3"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "image": OLD,
                        "args": ["--worker-image", OLD, "--other=example"],
                        "env": [{"name": "WORKER", "value": OLD}, {"name": "N", "value": 3}],
                    },
                    {"image": "quay.io/example/server:1.2.4"},
                ]
            }
        }
    },
}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "server", "namespace": "space"}}
ROLES = {("space", "server"): "arn:aws:iam::123456789012:role/server"}


def addon(**more: Any) -> AddOn[Any]:
    return AddOn(
        name="thing",
        group="test",
        summary="s",
        docs="https://example.com",
        source=Kustomization(version="1"),
        settings=AddOnSettings,
        images=(Image(reference=OLD),),
        identities=(Identity(service_account="server", managed_policies=("P",)),),
        ready=(Ready(kind="Deployment", name="server"),),
        **more,
    )


def test_images_are_moved_wherever_they_are_named():
    containers = changed("kubernetes:apps/v1:Deployment", DEPLOYMENT, {OLD: NEW}, {})["spec"]["template"]["spec"][
        "containers"
    ]
    assert containers[0] == {
        "image": NEW,
        "args": ["--worker-image", NEW, "--other=example"],
        "env": [{"name": "WORKER", "value": NEW}, {"name": "N", "value": 3}],
    }
    assert containers[1] == {"image": "quay.io/example/server:1.2.4"}


@pytest.mark.parametrize("annotations", [None, {"a": "b"}])
def test_a_service_account_is_told_its_role(annotations: dict[str, str] | None):
    manifest = {**ACCOUNT, "metadata": {**ACCOUNT["metadata"], "annotations": annotations}}  # type: ignore[dict-item]  # a dict
    new = changed("kubernetes:core/v1:ServiceAccount", manifest, {}, ROLES)
    assert new["metadata"]["annotations"] == {
        **(annotations or {}),
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/server",
    }


@pytest.mark.parametrize(
    ("type_", "place"),
    [
        ("kubernetes:core/v1:ServiceAccount", ("other", "server")),
        ("kubernetes:core/v1:ServiceAccount", ("space", "other")),
        ("kubernetes:core/v1:ConfigMap", ("space", "server")),
    ],
)
def test_nothing_else_is_told_a_role(type_: str, place: tuple[str, str]):
    manifest = {**ACCOUNT, "metadata": {"namespace": place[0], "name": place[1]}}
    assert changed(type_, manifest, {}, ROLES) == manifest


class Mirror:
    """A registry that mirrors one host."""

    def __init__(self, host: str) -> None:
        self._host = host

    def repository(self, image: ImageReference) -> str | None:
        return f"mirror/{image.path}" if image.host == self._host else None


@pytest.mark.parametrize(
    ("host", "roles", "expected"),
    [(None, {}, False), ("ghcr.io", {}, False), ("quay.io", {}, True), (None, ROLES, True), ("ghcr.io", ROLES, True)],
)
def test_what_needs_no_change_has_no_transform(monkeypatch, host, roles, expected):
    monkeypatch.setattr(pulumi.Output, "concat", lambda *parts: "".join(parts))
    handle: Any = SimpleNamespace(registry=Mirror(host) if host else None)
    assert (transform(addon(), handle, roles) is not None) is expected
