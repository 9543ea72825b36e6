"""The children of a remote component, registered one after the other as the component would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slipway import urns
from slipway.rehearsal.answers import answer
from slipway.rehearsal.answers.ids import Ids
from slipway.wire import UNKNOWN, Wire, flattened, previewed, reference

Dependencies = Mapping[str, tuple[str, ...]]
Change = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""What transforms of the component make of a child: its type, its name and its inputs to its inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """One resource below a remote component. `id` is empty for components and while it is unknown."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: tuple[str, ...]
    property_dependencies: Dependencies
    provider: str
    ignore_changes: tuple[str, ...] = ()
    version: str = ""

    def output(self, key: str) -> Wire:
        """One output; unknown where the provider has not said it yet."""
        return self.outputs.get(key, UNKNOWN)

    @property
    def reference(self) -> dict[str, Any]:
        """A reference to it, as outputs of components carry it."""
        return reference(self.urn, self.id if self.custom else None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """What a remote component registers, in order, and its outputs on the wire."""

    children: tuple[Child, ...]
    outputs: Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class Registry:
    """Collects the children of one component."""

    urn: str
    inputs: Mapping[str, Any]
    provider: str
    ids: Ids
    preview: bool
    change: Change | None = None
    children: list[Child] = field(default_factory=list)
    _plain: dict[str, tuple[Any, frozenset[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the output values out of the inputs once."""
        self._plain = {key: flattened(value) for key, value in self.inputs.items()}

    @property
    def name(self) -> str:
        """The component's logical name."""
        return urns.name(self.urn)

    @property
    def label(self) -> str:
        """The component as messages name it."""
        return f"{urns.type_of(self.urn)} {self.name}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments that were given."""
        return tuple(key for key, (value, _) in self._plain.items() if value is not None)

    def value(self, argument: str) -> Wire:
        """An argument on the wire, or None."""
        return self._plain.get(argument, (None, frozenset()))[0]

    def needs(self, *arguments: str) -> tuple[str, ...]:
        """The URNs that these arguments depend on."""
        return tuple(sorted({urn for key in arguments for urn in self._plain.get(key, (None, ()))[1]}))

    def needs_at(self, *path: str) -> tuple[str, ...]:
        """The URNs that a member of an argument depends on.

        Where an output holds the whole argument or a part above the member, that output's dependencies count too.
        """
        found: set[str] = set()
        value: Wire = self.inputs
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return tuple(sorted(found))
            value = value[key]
            while isinstance(value, Mapping) and "dependencies" in value and "value" in value:
                found.update(value["dependencies"])
                value = value["value"]
        flattened(value, found)
        return tuple(sorted(found))

    def find(self, type_: str) -> Child:
        """The child of a type that was registered first."""
        return next(child for child in self.children if child.type == type_)

    def component(self, type_: str, name: str, *, depends_on: tuple[str, ...] = ()) -> Child:
        """Register a component below this one; `settle` gives it outputs."""
        made = Child(
            urn=urns.child(self.urn, type_, name),
            type=type_,
            name=name,
            parent=self.urn,
            custom=False,
            id="",
            inputs={},
            outputs={},
            dependencies=tuple(sorted(depends_on)),
            property_dependencies={},
            provider="",
        )
        self.children.append(made)
        return made

    def settle(self, component: Child, outputs: Mapping[str, Any]) -> None:
        """Give a registered component its outputs."""
        self.children[self.children.index(component)] = replace(component, outputs=outputs)

    def register(
        self,
        type_: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        parent: str | None = None,
        after: Dependencies | None = None,
        depends_on: tuple[str, ...] = (),
        ignore_changes: tuple[str, ...] = (),
        version: str = "",
    ) -> Child:
        """Register a custom resource; inputs that are None are left out, as the SDK does.

        Args:
            type_: Type token.
            name: Logical name.
            inputs: On the wire.
            parent: URN of the parent; this component where it is None.
            after: Per input, the URNs its value comes from.
            depends_on: URNs of explicit dependencies.
            ignore_changes: Paths that an update leaves alone.
            version: The provider's version that the component asks for.
        """
        given = {key: value for key, value in inputs.items() if value is not None}
        if self.change is not None:
            given = dict(self.change(type_, name, given))
        urn = urns.child(parent or self.urn, type_, name)
        reply = answer(type_, name, given, self.ids.of(urn))
        behind = {key: urns_ for key, urns_ in sorted((after or {}).items()) if urns_ and key in given}
        made = Child(
            urn=urn,
            type=type_,
            name=name,
            parent=parent or self.urn,
            custom=True,
            id="" if self.preview else reply.id,
            inputs=given,
            outputs=previewed(given, reply.outputs) if self.preview else reply.outputs,
            dependencies=tuple(sorted({*depends_on, *(urn for all_ in behind.values() for urn in all_)})),
            property_dependencies={key: tuple(sorted(set(all_))) for key, all_ in behind.items()},
            provider="" if type_.startswith("pulumi:providers:") else self.provider,
            ignore_changes=ignore_changes,
            version=version,
        )
        self.children.append(made)
        return made
