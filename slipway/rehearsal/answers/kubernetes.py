"""What the Kubernetes API and Helm return, for any kind of object."""

from typing import Any, Final

from slipway.rehearsal.answers.eks import CREATED
from slipway.rehearsal.answers.request import Answer, Request, Table

PREFIX: Final = "kubernetes:"


def _release(request: Request) -> Answer:
    name = request.text("name") or request.ids.name(request.name)
    namespace = request.text("namespace", "default")
    outputs = {
        "name": name,
        "namespace": namespace,
        "status": {
            "chart": request.text("chart"),
            "name": name,
            "namespace": namespace,
            "revision": 1,
            "status": "deployed",
            "version": request.text("version"),
        },
        "resourceNames": {},
    }
    return Answer(id=f"{namespace}/{name}", outputs=outputs)


def object_(request: Request) -> Answer:
    """Any object: the API server adds uid, resource version, creation time and, where unset, name and namespace."""
    metadata = request.inputs.get("metadata")
    given: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    name = str(given.get("name") or request.ids.name(request.name))
    namespace = str(given.get("namespace") or "")
    computed = {
        "name": name,
        "uid": request.ids.uuid("object", f"{request.type}/{request.name}"),
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": CREATED,
    }
    return Answer(id=f"{namespace}/{name}" if namespace else name, outputs={"metadata": computed})


RESOURCES: Final[Table] = {"kubernetes:helm.sh/v3:Release": _release}
