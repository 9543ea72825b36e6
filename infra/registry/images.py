"""Our own notebook images: what each is built from, and a hash of it. Reads the folder images/, and no network."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pulumi

from infra.images import ImageReference

FOLDER: Final = Path(__file__).resolve().parents[2] / "images"
_FROM_PROGRAM: Final = "../images"
"""The same, from the program's working folder (`main: stacks` in Pulumi.yaml): a plan names no path of a machine."""
_INDEX: Final = "images.json"
_NOT_SOURCES: Final = ("__pycache__", ".DS_Store")
_TAG_LENGTH: Final = 16


@dataclass(frozen=True, kw_only=True)
class NotebookSource:
    """What one notebook image is built from.

    Attributes:
        name: Such as `notebook-gpu`.
        base: The image that it starts from.
        dockerfile: Path below the folder, like those of `files`.
        files: All that the build sees, sorted.
        tag: A hash of all this: another image has another tag.
    """

    name: str
    accelerator: Literal["nvidia", "neuron"] | None
    base: ImageReference
    dockerfile: str
    files: tuple[str, ...]
    tag: str

    @property
    def archive(self) -> pulumi.AssetArchive:
        """The files as one archive, under the same paths."""
        return pulumi.AssetArchive({path: pulumi.FileAsset(f"{_FROM_PROGRAM}/{path}") for path in self.files})


def sources(folder: Path = FOLDER) -> Mapping[str, NotebookSource]:
    """Every image of the folder, by name.

    Raises:
        FileNotFoundError: The folder, its `images.json` or a part that this names is not there.
        ValueError: `images.json` names no base image, or one without a tag.
    """
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return {name: _source(name, entry, folder) for name, entry in sorted(index.items())}


def _source(name: str, entry: Mapping[str, object], folder: Path) -> NotebookSource:
    base = ImageReference.parse(str(entry["base"]))
    if not base.version:
        raise ValueError(f"images/{_INDEX}: {name}: the base image {base} has no tag")
    parts = entry["context"]
    assert isinstance(parts, list)  # noqa: S101  # narrows the type
    files = tuple(sorted(path for part in parts for path in _files(folder, str(part))))
    dockerfile = str(entry["dockerfile"])
    if dockerfile not in files:
        raise FileNotFoundError(f"images/{_INDEX}: {name}: no file {dockerfile} in {parts}")
    accelerator = entry["accelerator"]
    assert accelerator in (None, "nvidia", "neuron")  # noqa: S101  # narrows the type
    return NotebookSource(
        name=name,
        accelerator=accelerator,
        base=base,
        dockerfile=dockerfile,
        files=files,
        tag=_digest(folder, files, str(base), dockerfile),
    )


def _files(folder: Path, part: str) -> Iterator[str]:
    if not (folder / part).is_dir():
        raise FileNotFoundError(f"images/{_INDEX}: no folder images/{part}")
    for path in (folder / part).rglob("*"):
        if path.is_file() and not set(path.parts) & set(_NOT_SOURCES):
            yield path.relative_to(folder).as_posix()


def _digest(folder: Path, files: tuple[str, ...], *more: str) -> str:
    """A hash of paths and contents, each with its length, so that nothing moves from one to the next unnoticed."""
    digest = hashlib.sha256()
    for text in (*more, *files):
        content = (folder / text).read_bytes() if text in files else b""
        digest.update(f"{text}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_TAG_LENGTH]
