"""One object laid over another as Kubernetes' strategic merge does: mappings deeply, named lists by name. Pure.

Source: Kubernetes API conventions, "Strategic Merge Patch"; merge keys of k8s.io/api/core/v1 and of JobSet.
"""

from collections.abc import Mapping
from typing import Any, Final

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "replicatedJobs": ("name",),
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
}


def overlaid(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`more` laid over `base`. A null takes a key away; a list without a merge key takes the other's place."""
    found = dict(base)
    for name, value in more.items():
        have = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(have, Mapping):
            found[name] = overlaid(have, value)
        elif isinstance(value, list) and isinstance(have, list) and name in _KEYS:
            found[name] = _by_key(have, value, _KEYS[name][0])
        else:
            found[name] = value
    return found


def _by_key(base: list[Any], more: list[Any], merge_key: str) -> list[Any]:
    found = list(base)
    for item in more:
        if not isinstance(item, Mapping):
            found.append(item)
            continue
        for index, have in enumerate(found):
            if isinstance(have, Mapping) and have.get(merge_key) == item.get(merge_key):
                found[index] = overlaid(have, item)
                break
        else:
            found.append(item)
    return found
