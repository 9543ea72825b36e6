"""Our kustomize directories, built from the makers' manifests in ../shared/reference, and what their patches do.

A directory names remote directories at a commit; the same directories, as kustomize renders them, lie in the reference.
Kustomize puts the hash at the end of a generated ConfigMap's name after our patches were applied, so it is taken off
here: a patch, and what we make in its place, goes by the name without it.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "addons" / "kustomize"
REFERENCE: Final = ROOT.parent / "shared" / "reference"
BUILT: Final = REFERENCE / "kubeflow-manifests" / "built"
KUBECTL: Final = shutil.which("kubectl")

DISTRIBUTION: Final = "kubeflow/community-distribution"
RELEASES: Final = {"26.03.1": "f09f3eeaa25cc852665f460497a42b7fc68639ac"}
"""Releases of the distribution, by the commit that its INDEX gives."""
CRDS: Final = {
    # The reference keeps the four of the minimal ones that differ from the full ones.
    ("argoproj/argo-workflows", "manifests/base/crds/minimal"): (
        "argo-workflows",
        ("crds-minimal/*", "crds-full/argoproj.io_workfloweventbindings.yaml", "crds-full/argoproj.io_workflow*task*"),
    ),
    ("aws-controllers-k8s/sagemaker-controller", "config/crd/common"): (
        "ack-sagemaker",
        ("crds/services.k8s.aws_*",),
    ),
}
"""Directories that hold CRDs alone, and where the reference has these as files of their own."""
FIELDS: Final = frozenset({"apiVersion", "kind", "namespace", "resources", "patches"})
"""What our directories may use of kustomize: remote resources, and patches that say what changes."""
MERGE_KEYS: Final = {
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
    "webhooks": "name",
}
"""Lists that a strategic merge merges by a key (`patchMergeKey` in Kubernetes' API); others it replaces."""
_DIRECTIVE: Final = "$patch"
_NOWHERE: Final = "default"
"""What kustomize takes for the namespace of an object without one, cluster-wide ones too."""
_REMOTE = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)//([\w./-]+)\?ref=([0-9a-f]+)(?:&timeout=\d+s)?")
_HASHED = re.compile(r"^  name: ([\w-]+)-[bcdfghkmt2456789]{10}$", re.MULTILINE)


class KustomizationError(AssertionError):
    """A directory of ours cannot be built from the reference; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A remote directory that the reference has: its release, its commit, and the files with what it renders to."""

    release: str
    commit: str
    files: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One patch.

    Attributes:
        where: The file, or its place in kustomization.yaml.
        target: What `target` says; None where the patch names its object itself.
        merges: Strategic merge patches.
        operations: Operations of a JSON patch.
    """

    where: str
    target: Mapping[str, str] | None
    merges: tuple[Mapping[str, Any], ...] = ()
    operations: tuple[Mapping[str, Any], ...] = ()

    @property
    def deletes(self) -> bool:
        """Whether it takes whole objects away."""
        return bool(self.merges) and all(merge.get(_DIRECTIVE) == "delete" for merge in self.merges)

    def selectors(self) -> list[Mapping[str, str]]:
        """What it is applied to: one selector, or one for each object that it names."""
        return [self.target] if self.target is not None else [_own(merge) for merge in self.merges]

    def targets(self, objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The objects that it changes."""
        selectors = self.selectors()
        return [each for each in objects if any(selects(selector, each) for selector in selectors)]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One of our directories, as data."""

    name: str
    document: Mapping[str, Any]
    patches: tuple[Patch, ...]

    @property
    def resources(self) -> tuple[str, ...]:
        """The makers' directories."""
        return tuple(self.document.get("resources", ()))


# Reading.


def recipe(folder: Path) -> Recipe:
    """Read a directory of ours.

    Raises:
        KustomizationError: It uses what these tests do not understand.
    """
    document = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = sorted(set(document) - FIELDS)
    if unknown:
        raise KustomizationError(
            f"{folder.name}: {', '.join(unknown)} in kustomization.yaml; allowed: {sorted(FIELDS)}"
        )
    patches = tuple(_patch(folder, index, entry) for index, entry in enumerate(document.get("patches", ())))
    return Recipe(name=folder.name, document=document, patches=patches)


def _patch(folder: Path, index: int, entry: Mapping[str, Any]) -> Patch:
    where = entry.get("path", f"patches[{index}]")
    text = (folder / entry["path"]).read_text() if "path" in entry else entry["patch"]
    documents = [document for document in yaml.safe_load_all(text) if document]
    if len(documents) == 1 and isinstance(documents[0], list):
        return Patch(where=where, target=entry.get("target"), operations=tuple(documents[0]))
    return Patch(where=where, target=entry.get("target"), merges=tuple(documents))


def source(url: str) -> Source:
    """What the reference has of a remote directory.

    Raises:
        KustomizationError: It has nothing, or the commit is another one.
    """
    found = _REMOTE.fullmatch(url)
    if not found or len(found[3]) != 40:
        raise KustomizationError(f"{url}: not https://github.com/<owner>/<name>//<path>?ref=<full commit>")
    repository, path, commit = found.groups()
    known = _sources().get((repository, path))
    if known is None:
        near = sorted(each for owner, each in _sources() if owner == repository)
        raise KustomizationError(f"{url}: the reference has no rendering of it; of {repository} it has {near}")
    if known.commit != commit:
        raise KustomizationError(f"{url}: the reference is of {known.release}, which is commit {known.commit}")
    return known


@cache
def _sources() -> dict[tuple[str, str], Source]:
    """Every remote directory that the reference has, by repository and path."""
    found = {}
    for release, commit in RELEASES.items():
        for line in (BUILT / release / "INDEX").read_text().splitlines():
            path, *columns = line.split(" | ")
            if columns and not line.startswith("#"):
                same = re.fullmatch(r"\(identical to built/([\w./-]+)\)", columns[0].strip())
                file = BUILT / same[1] if same else BUILT / release / columns[0].strip()
                found[DISTRIBUTION, path] = Source(release=release, commit=commit, files=(file,))
    # Others say it of one file each, in a line of their PROVENANCE.
    said = re.compile(r"# kubectl kustomize \S+ of (\S+) tag=(\S+) commit=(\S+) .*path=(\S+) -> (\S+\.yaml)")
    for page in sorted(REFERENCE.glob("*/PROVENANCE")):
        for repository, tag, commit, path, file in said.findall(page.read_text()):
            found[repository, path] = Source(release=tag, commit=commit, files=(page.parent / file,))
    for place, (folder, patterns) in CRDS.items():
        said_of = re.compile(rf"# repo={place[0]} ref=(\S+) commit=(\S+) ")
        ((tag, commit),) = said_of.findall((REFERENCE / folder / "PROVENANCE").read_text())
        files = [file for pattern in patterns for file in sorted((REFERENCE / folder).glob(pattern))]
        found[place] = Source(release=tag, commit=commit, files=tuple(files))
    return found


@cache
def upstream(url: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a remote directory before any patch, CRDs without their schemas."""
    return tuple(slim(each) for file in source(url).files for each in documents(file))


def documents(file: Path) -> list[dict[str, Any]]:
    """The objects of a rendered file, by the names that patches know them by."""
    text = file.read_text()
    for name in _HASHED.findall(text):
        text = re.sub(rf"\b{name}-[bcdfghkmt2456789]{{10}}\b", name, text)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parts = (part.strip() for part in re.split(r"^---$", text, flags=re.MULTILINE))
    # CRDs are one line of JSON each, which yaml takes seconds for.
    return [json.loads(part) if part.startswith("{") else yaml.load(part, Loader=loader) for part in parts if part]


def slim(manifest: dict[str, Any]) -> dict[str, Any]:
    """A CRD without its schemas, which are long and which nobody patches."""
    if manifest["kind"] != "CustomResourceDefinition":
        return manifest
    versions = [{**each, "schema": {}} for each in manifest["spec"]["versions"]]
    return {**manifest, "spec": {**manifest["spec"], "versions": versions}}


# Building.


def build(folder: Path, *, leaving_out: int | None = None) -> list[dict[str, Any]]:
    """What kustomize makes of a directory of ours.

    Args:
        folder: The directory.
        leaving_out: The index of a patch that is left out.

    Raises:
        KustomizationError: kustomize refuses it, or the reference lacks something.
    """
    made = recipe(folder)
    objects = {url: upstream(url) for url in made.resources}
    patches = [entry for index, entry in enumerate(made.document.get("patches", ())) if index != leaving_out]
    return _kustomized(folder, {**made.document, "patches": patches}, objects)


def without(folder: Path, index: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What becomes of the objects that a patch changes, with it and without it; all other patches are applied."""
    made = recipe(folder)
    targets = made.patches[index].targets(each for url in made.resources for each in upstream(url))
    # Whoever names no target of its own must find its object.
    related = [at for at, patch in enumerate(made.patches) if patch.targets(targets)]
    entries = made.document["patches"]
    both = []
    for chosen in (related, [at for at in related if at != index]):
        document = {**made.document, "patches": [entries[at] for at in chosen]}
        needed = [each for at in related for each in _everything(made, made.patches[at])]
        unique = {identity(each): each for each in (*targets, *needed)}
        both.append(_kustomized(folder, document, {"": tuple(unique.values())}))
    return both[0], both[1]


def _everything(made: Recipe, patch: Patch) -> list[Mapping[str, Any]]:
    return patch.targets(each for url in made.resources for each in upstream(url))


def _kustomized(
    folder: Path, document: Mapping[str, Any], objects: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="slipway-kustomize-") as name:
        place = Path(name) / folder.name
        shutil.copytree(folder, place)
        files = []
        for index, each in enumerate(objects.values()):
            files.append(f"upstream-{index}.yaml")
            (place / files[-1]).write_text("---\n".join(json.dumps(manifest) + "\n" for manifest in each))
        (place / "kustomization.yaml").write_text(json.dumps({**document, "resources": files}))
        done = subprocess.run(
            [str(KUBECTL), "kustomize", str(place)], capture_output=True, text=True, timeout=120, check=False
        )
    if done.returncode != 0:
        # Kustomize's own panics, as after two deletions without a target, come with pages of Go.
        raise KustomizationError(f"{folder.name}: {done.stderr.strip().partition(chr(10) * 2)[0]}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [each for each in yaml.load_all(done.stdout, Loader=loader) if each]


def identity(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells an object from others."""
    metadata = manifest["metadata"]
    return (manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])


# What patches find and change.


def _own(merge: Mapping[str, Any]) -> dict[str, str]:
    """The selector of a patch that names its object itself."""
    group, slash, version = merge["apiVersion"].rpartition("/")
    metadata = merge["metadata"]
    exact = {
        "kind": merge["kind"],
        "name": metadata["name"],
        "namespace": metadata.get("namespace", _NOWHERE),
        "version": version,
        **({"group": group} if slash else {}),
    }
    return {key: re.escape(value) for key, value in exact.items()}


def selects(selector: Mapping[str, str], manifest: Mapping[str, Any]) -> bool:
    """Whether kustomize applies a patch with this `target` to an object: each field is an anchored pattern."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    facts = {
        "group": group,
        "version": version,
        "kind": manifest["kind"],
        "name": manifest["metadata"]["name"],
        "namespace": manifest["metadata"].get("namespace", _NOWHERE),
    }
    labels = {"labelSelector": "labels", "annotationSelector": "annotations"}
    for key, value in selector.items():
        if key in labels:
            there = manifest["metadata"].get(labels[key]) or {}
            if any(there.get(name) != wanted for name, _, wanted in (each.partition("=") for each in value.split(","))):
                return False
        elif not re.fullmatch(value, facts[key]):
            return False
    return True


def idle(made: Recipe) -> list[str]:
    """Every part of a directory's patches that finds nothing to change in the makers' objects, or changes nothing."""
    objects = [each for url in made.resources for each in upstream(url)]
    return [f"{made.name}/{fault}" for patch in made.patches for fault in faults(patch, objects)]


def faults(patch: Patch, objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What in one patch matches nothing."""
    for selector in patch.selectors():
        if not any(selects(selector, each) for each in objects):
            kinds = [each for each in objects if re.fullmatch(selector.get("kind", ".*"), each["kind"])]
            names = ", ".join(sorted(each["metadata"]["name"] for each in kinds)) or "none of that kind"
            yield f"{patch.where}: nothing is {dict(selector)}; there are: {names}"
    for merge in patch.merges:
        selector = patch.target if patch.target is not None else _own(merge)
        found = [each for each in objects if selects(selector, each)]
        # Of several targets, some may already be as they should be.
        said = [list(_idle_merge(merge, each)) for each in found]
        for fault in sorted(set(said[0]).intersection(*said[1:]) if said else ()):
            yield f"{patch.where}: {fault}"
    for operation in patch.operations:
        said = [list(_idle_operation(operation, each)) for each in patch.targets(objects)]
        for fault in sorted(set(said[0]).intersection(*said[1:]) if said else ()):
            yield f"{patch.where}: {fault}"


def _idle_merge(merge: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    if merge.get(_DIRECTIVE) == "delete":
        return
    own = {"apiVersion", "kind"}
    metadata = {key: value for key, value in merge.get("metadata", {}).items() if key not in ("name", "namespace")}
    body = {key: value for key, value in merge.items() if key not in own}
    body = {**body, "metadata": metadata} if metadata else {key: body[key] for key in body if key != "metadata"}
    if not body:
        yield "says nothing"
    # Lists of custom resources are replaced as a whole.
    custom = "." in manifest["apiVersion"].partition("/")[0] and not manifest["apiVersion"].partition("/")[0].endswith(
        ".k8s.io"
    )
    yield from _idle(body, manifest, "", keyed=not custom)


def _idle(patch: Mapping[str, Any], old: Mapping[str, Any], path: str, *, keyed: bool) -> Iterator[str]:
    for key, value in patch.items():
        here = f"{path}.{key}".removeprefix(".")
        if key == _DIRECTIVE:
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            there = old.get(key.partition("/")[2]) or []
            yield from (f"{here}: {item!r} is not there" for item in value if item not in there)
        elif value is None or (isinstance(value, Mapping) and value.get(_DIRECTIVE) == "delete"):
            if key not in old:
                yield f"{here} is not there to be removed"
        elif isinstance(value, Mapping) and isinstance(old.get(key), Mapping) and value.get(_DIRECTIVE) != "replace":
            yield from _idle(value, old[key], here, keyed=keyed)
        elif isinstance(value, list) and keyed and key in MERGE_KEYS:
            yield from _idle_list(value, old.get(key) or [], here, MERGE_KEYS[key])
        elif old.get(key) == value:
            yield f"{here} is {value!r} already"


def _idle_list(patch: Sequence[Any], old: Sequence[Any], path: str, by: str) -> Iterator[str]:
    if any(item == {_DIRECTIVE: "replace"} for item in patch):
        if [item for item in patch if item != {_DIRECTIVE: "replace"}] == list(old):
            yield f"{path} is the same already"
        return
    for item in patch:
        if by not in item:
            yield f"{path}: an item without {by}"
            continue
        here = f"{path}[{item[by]}]"
        found = [each for each in old if each.get(by) == item[by]]
        rest = {key: value for key, value in item.items() if key != by}
        if found and rest:
            yield from _idle(rest, found[0], here, keyed=True)
        elif found:
            yield f"{here} says nothing"
        elif rest.get(_DIRECTIVE) == "delete":
            yield f"{here} is not there to be removed"
        elif path.endswith("ontainers") and "image" not in rest:
            names = ", ".join(str(each[by]) for each in old) or "none"
            yield f"{here}: no such container; there are: {names}"


def _idle_operation(operation: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Of a JSON patch: RFC 6902 makes most of these errors, but not an equal value."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    place: Any = manifest
    for part in way:
        try:
            place = place[int(part)] if isinstance(place, list) else place[part]
        except (KeyError, IndexError, ValueError):
            yield f"{operation['op']} {operation['path']}: {part} is not there"
            return
    try:
        old = place[int(last)] if isinstance(place, list) else place[last]
    except (KeyError, IndexError, ValueError):
        if operation["op"] != "add":
            yield f"{operation['op']} {operation['path']}: {last} is not there"
        return
    if operation["op"] == "replace" and old == operation["value"]:
        yield f"{operation['path']} is {old!r} already"
