"""Pulumi's provider SDKs, loaded one class at a time.

`import pulumi_aws.ec2` runs two hundred modules and decorates 1,200 input and output classes, of which a program uses
a few dozen. Loading them takes longer than planning. `install` puts a finder in front of Python's own that loads the
same source files with the same results, in the order in which their names are asked for:

- a *package* whose `__init__` is a list of `from .module import *` imports the module that has the name asked for;
- `_inputs` and `outputs`, which hold every nested type of a package, define a class when somebody needs it;
- a *resource module* finds in its namespace the input classes that its annotations mention, and those they mention.

This leans on what Pulumi's Python generator writes (`pkg/codegen/python` in pulumi/pulumi). A file of another shape is
imported in the ordinary way, and a name that cannot be traced to a module makes its package load in full, so that a
new SDK is slower at worst. Nothing here runs under `pulumi up`.
"""

import importlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from slipway.rehearsal.sdk_types import Types, TypesLoader, loader_of, text_of

SDKS: Final = frozenset({"pulumi_aws", "pulumi_eks", "pulumi_kubernetes"})
UNUSED: Final = frozenset({"dill", "pulumi.automation"})
"""What `import pulumi` brings and a program that makes no dynamic provider never touches."""

_STAR = re.compile(r"^from \.(\w+) import \*\n", re.MULTILINE)
_OUTPUTS = re.compile(r"^from \. import outputs\n", re.MULTILINE)
_SUBPACKAGES = re.compile(r"^if typing\.TYPE_CHECKING:\n(?: .*\n)+else:\n((?: .*\n)+)", re.MULTILINE)
_SUBPACKAGE = re.compile(r"^    (\w+) = _utilities\.lazy_import\('([\w.]+)'\)$", re.MULTILINE)
_ARGS = re.compile(r"'(\w+Args)'")
_AFFIXES = re.compile(r"^Awaitable|(?:InitArgs|Args|ArgsDict|Result|_output)$")


def install() -> None:
    """Load the SDKs' classes on demand from now on; packages imported before stay as they are."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds what Python's own finder finds, and chooses the loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        if root not in SDKS and fullname not in UNUSED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return spec
        loader: type[SourceFileLoader] = _ResourceLoader
        if root not in SDKS:
            loader = _UnusedLoader
        elif spec.submodule_search_locations is not None:
            loader = _PackageLoader
        elif fullname.endswith((".outputs", "._inputs")):
            loader = TypesLoader
        spec.loader = loader(fullname, spec.loader.path)
        return spec


# Packages


class _Package(ModuleType):
    """A package whose modules are imported when one of their names is asked for."""

    def __getattr__(self, name: str) -> object:
        return loader_of(self, _PackageLoader).find(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds a submodule to its package: the moment to do what `from .module import *` does. A
        # function and its module share a name (`get_ami`), and the function wins, as it does in the real package.
        super().__setattr__(name, value)
        if isinstance(value, ModuleType) and name in loader_of(self, _PackageLoader).modules:
            space = vars(value)
            public = space.get("__all__", [key for key in space if not key.startswith("_")])
            vars(self).update({key: space[key] for key in public})


class _PackageLoader(SourceFileLoader):
    modules: Sequence[str] = ()
    _by_name: Mapping[str, str]
    _packages: Mapping[str, str]

    def exec_module(self, module: ModuleType) -> None:
        source = text_of(self)
        modules, lazy = _STAR.findall(source), _SUBPACKAGES.search(source)
        if not modules and not lazy:
            super().exec_module(module)
            return
        self.modules = modules
        self._by_name = {_plain(stem): stem for stem in modules}
        self._packages = dict(_SUBPACKAGE.findall(lazy[1])) if lazy else {}
        module.__class__ = _Package
        rest = _SUBPACKAGES.sub("", _OUTPUTS.sub("", _STAR.sub("", source)))
        exec(compile(rest, self.path, "exec", dont_inherit=True), vars(module))  # noqa: S102 the package's own text

    def find(self, module: ModuleType, name: str) -> object:
        """The value of a name that the package does not have yet."""
        space = vars(module)
        if name in self._packages:
            return importlib.import_module(self._packages[name])
        for stem in self._candidates(name):
            child = importlib.import_module(f"{self.name}.{stem}")
            if name in space:
                return space[name]
            if name == stem:
                return child
            if isinstance(child, Types) and name in loader_of(child, TypesLoader).classes:
                return getattr(child, name)
        if not name.startswith("__") or name == "__all__":  # `__all__`: somebody wants every name
            self._load_all(space)
        if name in space:
            return space[name]
        raise AttributeError(f"module {self.name!r} has no attribute {name!r}")

    def _candidates(self, name: str) -> Iterable[str]:
        """The modules that may define a name, best guess first."""
        if Path(self.path).with_name(f"{name}.py").exists():
            yield name
        if name.endswith(("Args", "ArgsDict")) and "_inputs" in self.modules:
            yield "_inputs"
        stem = self._by_name.get(_plain(_AFFIXES.sub("", name)))
        if stem is not None:
            yield stem
        if "_enums" in self.modules:
            yield "_enums"

    def _load_all(self, space: dict[str, Any]) -> None:
        """What the `__init__` does as it is written."""
        for stem in self.modules:
            child = importlib.import_module(f"{self.name}.{stem}")
            if isinstance(child, Types):
                space.update(loader_of(child, TypesLoader).complete(child))
        for name, target in self._packages.items():
            space.setdefault(name, space["_utilities"].lazy_import(target))


def _plain(name: str) -> str:
    """The same for `LaunchTemplate`, `launch_template` and `_launchTemplate`."""
    return name.replace("_", "").lower()


# Resource modules


class _ResourceLoader(SourceFileLoader):
    """Loads a module as Python does, after giving it the input classes it would have got from a star import."""

    def exec_module(self, module: ModuleType) -> None:
        source = text_of(self)
        if "\nfrom ._inputs import *\n" in source:
            inputs = importlib.import_module(f"{module.__package__}._inputs")
            if isinstance(inputs, Types):
                vars(module).update(loader_of(inputs, TypesLoader).define(inputs, _ARGS.findall(source)))
        super().exec_module(module)


# Modules that Pulumi imports and a program does not use


class _Unused(ModuleType):
    """A module that runs when it is asked for something. `importlib.util.LazyLoader` would run it for a `__file__`."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        object.__setattr__(self, "__class__", ModuleType)
        SourceFileLoader.exec_module(loader_of(self, _UnusedLoader), self)
        return getattr(self, name)


class _UnusedLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Unused
