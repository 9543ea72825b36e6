"""The nested types of a package of Pulumi's SDKs (`_inputs.py`, `outputs.py`), defined one at a time.

A generated file is its imports, `__all__`, and then classes of three kinds: input types, a TypedDict beside each, and
output types. `sdk.py` says what for.
"""

import builtins
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeVar

_L = TypeVar("_L", bound=SourceFileLoader)

_CLASS = re.compile(r"\nclass (\w+)(?:\((\w+)\))?:\n")
_SHAPES: Final = {("@pulumi.input_type", None), ("", "TypedDict"), ("@pulumi.output_type", "dict")}
_NESTED = re.compile(r"'(\w+Args(?:Dict)?)'")


@dataclass(frozen=True, kw_only=True)
class _Class:
    """A class statement: its text without the decorator, the line it begins on, and how it is made."""

    text: str
    line: int
    decorator: str
    base: str | None


class Types(ModuleType):
    """`_inputs` or `outputs`: a class is defined when it is asked for."""

    def __getattr__(self, name: str) -> object:
        """The class of this name, defined now if it was not before."""
        loader = loader_of(self, TypesLoader)
        if name not in loader.classes:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return loader.define(self, (name,))[name]


class TypesLoader(SourceFileLoader):
    """Runs the head of a generated file; its classes follow one by one. A file of another shape is run whole."""

    classes: Mapping[str, _Class] = {}
    _exported: Sequence[str] = ()
    _bodies: Mapping[str, CodeType] | None = None

    def exec_module(self, module: ModuleType) -> None:
        """Run the imports and `__all__`, and keep the classes for later."""
        source = text_of(self)
        classes = slices(source)
        header, end, _ = source.partition("\n]\n")  # the imports and `__all__`
        if classes is None or not end:
            super().exec_module(module)
            return
        module.__class__ = Types
        exec(compile(header + end, self.path, "exec", dont_inherit=True), vars(module))  # noqa: S102 its own text
        exported = vars(module).get("__all__")
        if exported is None or set(exported) != classes.keys():
            module.__class__ = ModuleType
            super().exec_module(module)
            return
        self.classes, self._exported = classes, exported
        # A star import of this module must not define every class: the finder's loaders hand out what is needed.
        vars(module)["__all__"] = ()

    def define(self, module: ModuleType, names: Iterable[str]) -> dict[str, type]:
        """Define the classes of these names, and those that their annotations name.

        Annotations in `_inputs` are bare names, resolved in the module's namespace, so all must be there. Those in
        `outputs` are attributes (`outputs.Name`), which come by themselves.
        """
        space = vars(module)
        wanted, found = [name for name in names if name in self.classes], {}
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            if name not in space:
                self._build(space, name)
            found[name] = space[name]
            nested = _NESTED.findall(self.classes[name].text)
            wanted += [other for other in nested if other in self.classes]
        return found

    def complete(self, module: ModuleType) -> dict[str, type]:
        """Define every class, and let a star import see them from now on."""
        vars(module)["__all__"] = self._exported
        return self.define(module, self.classes)

    def _build(self, space: dict[str, Any], name: str) -> None:
        """What the class statement does."""
        about = self.classes[name]
        body = FunctionType(self._body(name), space)
        bases = (space.get(about.base) or vars(builtins)[about.base],) if about.base else ()
        made = builtins.__build_class__(body, name, *bases)
        decorate = getattr(space["pulumi"], about.decorator.removeprefix("@pulumi."), _as_is)
        space[name] = decorate(made)

    def _body(self, name: str) -> CodeType:
        """The compiled body of a class: out of the file's byte code where Python keeps one, or else from its text."""
        if self._bodies is None:
            keeps = not sys.dont_write_bytecode or Path(cache_from_source(self.path)).exists()
            whole = self.get_code(self.name) if keeps else None
            self._bodies = _bodies(whole) if whole else {}
        if name not in self._bodies:
            about = self.classes[name]
            text = compile(about.text, self.path, "exec", dont_inherit=True)
            return _moved(_bodies(text)[name], about.line - 1)
        return self._bodies[name]


def _as_is(made: type) -> type:
    return made


def _bodies(module: CodeType) -> dict[str, CodeType]:
    return {code.co_name: code for code in module.co_consts if isinstance(code, CodeType)}


def _moved(code: CodeType, lines: int) -> CodeType:
    """The same code, said to stand further down in its file."""
    inner = (_moved(c, lines) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=tuple(inner), co_firstlineno=code.co_firstlineno + lines)


def slices(source: str) -> dict[str, _Class] | None:
    """The classes of a generated file by name; None where one is decorated or derived in a way that is not expected."""
    found: dict[str, _Class] = {}
    end, line = len(source), source.count("\n")
    for head in reversed(list(_CLASS.finditer(source))):
        name, base = head.groups()
        start = head.start() + 1
        line -= source.count("\n", start, end)
        above = source.rfind("\n", 0, head.start()) + 1
        decorator = source[above : head.start()] if source.startswith("@", above) else ""
        text = source[start:end]
        if (decorator, base) not in _SHAPES or "\n@" in text:
            return None
        found[name] = _Class(text=text, line=line + 1, decorator=decorator, base=base)
        end = above if decorator else start
        line -= source.count("\n", end, start)
    return found or None


def text_of(loader: SourceFileLoader) -> str:
    """The source of the file that the loader loads."""
    return Path(loader.path).read_text(encoding="utf-8")


def loader_of(module: ModuleType, kind: type[_L]) -> _L:
    """The loader that a module was loaded by.

    Raises:
        TypeError: It is not of this kind.
    """
    loader = module.__spec__.loader if module.__spec__ else None
    if not isinstance(loader, kind):
        raise TypeError(f"{module.__name__} was loaded by {loader!r}")
    return loader
