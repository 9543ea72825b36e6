"""Stack files: found, read, and turned into the configuration that the engine would hand to the program.

Source: pulumi `sdk/go/common/workspace/project.go` (ProjectStack) and `sdk/go/common/resource/config` (Map, Value): a
key without a namespace belongs to the project, scalars become text, objects and lists become JSON.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from slipway.errors import CannotRunError

_PREFIX, _SUFFIX = "Pulumi.", ".yaml"
_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_SECTIONS: Final = frozenset({"config", "encryptedkey", "encryptionsalt", "environment", "secretsprovider"})
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StackFileError(CannotRunError):
    """A stack file cannot be found or read; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """One environment as the engine sees it: `config` maps `namespace:key` to text."""

    project: str
    stack: str
    path: Path
    config: Mapping[str, str]


def project_folder() -> Path:
    """The folder with Pulumi.yaml: the one this package lies in, else the nearest above the working folder.

    Raises:
        StackFileError: There is none.
    """
    here = Path(__file__).resolve().parents[1]
    for folder in (here, Path.cwd(), *Path.cwd().parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise StackFileError("Pulumi.yaml: not found; run this inside a checkout of the project")


def environments() -> tuple[str, ...]:
    """The names of the environments in the project's stack folder, sorted."""
    found = _config_folder().glob(f"{_PREFIX}*{_SUFFIX}")
    return tuple(sorted(_stack_name(path) for path in found))


def chosen(selections: Sequence[str] | None) -> list[StackFile]:
    """The stack files that were named, or those of all environments.

    Raises:
        StackFileError: There is none, one cannot be read, or two have one name, so what is written of one would replace
            what is written of the other.
    """
    files = [load(each) for each in selections or environments()]
    if not files:
        raise StackFileError("there is no environment in the stack folder, and none was named with -s")
    seen: dict[str, StackFile] = {}
    for file in files:
        other = seen.setdefault(file.stack, file)
        if other is not file:
            raise StackFileError(f"-s: two stack files are called {file.stack}: {other.path} and {file.path}")
    return files


def in_repository(path: Path) -> str:
    """A file's path from the root of the repository that it lies in, with `/`; all of it where there is none.

    A link is followed, as code hosts do not.
    """
    target = path.resolve()
    root = next((folder for folder in target.parents if (folder / ".git").exists()), project_folder().resolve())
    return (target.relative_to(root) if target.is_relative_to(root) else target).as_posix()


def load(selection: str) -> StackFile:
    """Read the stack file that `-s` names.

    Args:
        selection: An environment's name, or the path of a stack file (anything with a slash or ending in `.yaml`).

    Raises:
        StackFileError: There is no such file, it is no YAML mapping, has a key twice, or holds an encrypted value.
    """
    path = _find(selection)
    project = _mapping(project_folder() / "Pulumi.yaml").get("name")
    if not isinstance(project, str):
        raise StackFileError("Pulumi.yaml: name is missing")
    content = _mapping(path)
    unknown = sorted(str(key) for key in content if key not in _SECTIONS)
    if unknown:
        raise StackFileError(f"{path}: unknown key {unknown[0]!r}; a stack file has {', '.join(sorted(_SECTIONS))}")
    if content.get("environment"):
        raise StackFileError(f"{path}: environment: imports of Pulumi ESC cannot be read without its service")
    config = content.get("config")
    if config is None:
        config = {}
    if not isinstance(config, dict):
        raise StackFileError(f"{path}: config is not a mapping but {_kind(config)}")
    try:
        flat = _flat(path, project, config)
    except RecursionError as error:
        raise StackFileError(f"{path}: config: nested too deeply") from error
    return StackFile(project=project, stack=_stack_name(path), path=path, config=flat)


def _find(selection: str) -> Path:
    path = Path(selection)
    if "/" in selection or path.suffix in _SUFFIXES:
        if not _is_file(path):
            raise StackFileError(f"{selection}: there is no such stack file")
        return path
    found = _config_folder() / f"{_PREFIX}{selection}{_SUFFIX}"
    if not selection or not _is_file(found):
        known = ", ".join(environments()) or "none"
        raise StackFileError(
            f"-s {selection}: unknown environment; there are: {known} (or give the path of a stack file)"
        )
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        # A folder that may not be searched, or a name longer than the file system takes.
        raise StackFileError(f"{path}: cannot be read ({error.strerror})") from error


def _config_folder() -> Path:
    root = project_folder()
    folder = _mapping(root / "Pulumi.yaml").get("stackConfigDir") or "."
    return root / str(folder)


def _stack_name(path: Path) -> str:
    return path.name.removesuffix(path.suffix).removeprefix(_PREFIX)


def _flat(path: Path, project: str, config: Mapping[Any, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in config.items():
        if not isinstance(key, str) or not key:
            raise StackFileError(f"{path}: config: {key!r} is not a name")
        name = key if ":" in key else f"{project}:{key}"
        if name in flat:
            raise StackFileError(f"{path}: config.{key}: given twice (it is {name})")
        for hidden in _encrypted(value, key):
            raise StackFileError(
                f"{path}: config.{hidden}: an encrypted value (secure:) can be read by the Pulumi engine "
                "only; give a plan a copy of the file with a plain value in its place"
            )
        flat[name] = _text(value)
    return flat


def _encrypted(value: object, path: str) -> Iterator[str]:
    """The paths of encrypted values inside a value."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            yield path
            return
        for key, item in value.items():
            yield from _encrypted(item, f"{path}.{key}")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _encrypted(item, f"{path}[{position}]")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _mapping(path: Path) -> dict[Any, Any]:
    """The YAML mapping in a file.

    Raises:
        StackFileError: It cannot be read, is no YAML, or is no mapping.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=GoLoader)  # noqa: S506 - built on the safe loader
    except OSError as error:
        raise StackFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise StackFileError(f"{path}{_where(error)}: {_what(error)}") from error
    except RecursionError as error:
        raise StackFileError(f"{path}: nested too deeply") from error
    if not isinstance(content, dict):
        raise StackFileError(f"{path}: not a mapping but {_kind(content)}")
    return content


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _what(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    return str(problem) if problem else " ".join(str(error).split())


def _kind(value: object) -> str:
    names = {type(None): "empty", str: "text", list: "a list", bool: "a truth value", dict: "a mapping"}
    return names.get(type(value), "a number")


class GoLoader(_Loader):  # type: ignore[misc, valid-type]  # whichever of PyYAML's safe loaders there is
    """YAML as the engine's Go library reads it: `yes` and dates are text, a key twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that is given twice, of which PyYAML would take the last."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


_NOT_ON_THE_ENGINE: Final = frozenset({"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"})
GoLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in _NOT_ON_THE_ENGINE or (tag.endswith("bool") and first in "tTfF")
    ]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
