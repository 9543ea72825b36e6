"""Plan: a recorded program as frozen data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from slipway import urns


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, as the engine's state has it.

    Property names inside `inputs` and `outputs` are the provider's (camelCase). Secrets are wrapped and hold no plain
    text; what is known only after `up` is `slipway.wire.UNKNOWN`.
    """

    urn: str
    custom: bool
    id: str = ""
    """Empty for components, and in a preview."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    """`<urn>::<id>` of the provider, empty where there is none or the default one."""
    protect: bool = False
    retain_on_delete: bool = False
    external: bool = False
    """Whether it was read, not made."""
    import_id: str = ""
    aliases: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    """Seconds by operation (`create`, `update`, `delete`)."""
    deleted_with: str = ""
    delete_before_replace: bool | None = field(default=False, compare=False)
    """The state format does not carry it: None where a state was read. Plans that differ in it alone are equal."""

    @property
    def name(self) -> str:
        """The logical name."""
        return urns.name(self.urn)

    @property
    def type(self) -> str:
        """The type token, without the parents'."""
        return urns.type_of(self.urn)

    @property
    def package(self) -> str:
        """The package of the type: `aws`, `kubernetes`, `slipway`, ..."""
        return self.type.partition(":")[0]

    @property
    def provider_urn(self) -> str:
        """The URN of the provider, empty where there is none."""
        return self.provider.rpartition("::")[0]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A data source that the program asked. Arguments are left out: they may hold secrets in plain text."""

    token: str
    provider: str
    result: Mapping[str, Any] = field(repr=False)
    """What it answered; some answers repeat an argument, so it is not shown."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What the program logged: a severity of `pulumi.log` (`info`, `warning`, `error`) and the text."""

    severity: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole recorded program. `resources` come after what they depend on, the stack itself first."""

    project: str
    stack: str
    resources: tuple[Resource, ...]
    preview: bool = field(default=False, compare=False)
    invocations: tuple[Invocation, ...] = field(default=(), compare=False)
    messages: tuple[Message, ...] = field(default=(), compare=False)

    @cached_property
    def _by_urn(self) -> dict[str, Resource]:
        return {resource.urn: resource for resource in self.resources}

    @cached_property
    def _by_type(self) -> dict[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return {type_: tuple(resources) for type_, resources in found.items()}

    @cached_property
    def _by_parent(self) -> dict[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.parent, []).append(resource)
        return {parent: tuple(resources) for parent, resources in found.items()}

    def __iter__(self) -> Iterator[Resource]:
        """Every resource, in order."""
        return iter(self.resources)

    def __contains__(self, urn: object) -> bool:
        """Whether a resource has this URN."""
        return urn in self._by_urn

    def get(self, urn: str) -> Resource | None:
        """The resource with this URN, or None."""
        return self._by_urn.get(urn)

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """The resources of these types, type by type."""
        return tuple(resource for type_ in types for resource in self._by_type.get(type_, ()))

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The only resource of a type, or of a type and logical name.

        Raises:
            LookupError: There is none, or more than one; the message lists the names of that type.
        """
        of_type = self.of_type(type_)
        found = [resource for resource in of_type if name in (None, resource.name)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(resource.name for resource in of_type) or "none of that type"
        what = type_ if name is None else f"{type_} {name}"
        raise LookupError(f"{len(found)} resources {what}; there are: {names}")

    def children(self, resource: Resource | str) -> tuple[Resource, ...]:
        """What has this resource (or URN) as its parent."""
        return self._by_parent.get(resource if isinstance(resource, str) else resource.urn, ())

    def descendants(self, resource: Resource) -> tuple[Resource, ...]:
        """Everything below a resource, parents before children."""
        found: list[Resource] = []
        waiting = list(self.children(resource))
        while waiting:
            found.append(waiting.pop(0))
            waiting.extend(self.children(found[-1]))
        return tuple(found)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the program exports."""
        stacks = self.of_type(urns.STACK_TYPE)
        return stacks[0].outputs if stacks else {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings that the program exports, then those it logged."""
        exported = self.outputs.get("warnings")
        texts = [str(text) for text in exported] if isinstance(exported, list | tuple) else []
        texts += [message.text for message in self.messages if message.severity == "warning"]
        return tuple(dict.fromkeys(texts))


def counts(resources: Iterable[Resource]) -> dict[str, int]:
    """How many resources there are of each type, by type."""
    found: dict[str, int] = {}
    for resource in resources:
        found[resource.type] = found.get(resource.type, 0) + 1
    return dict(sorted(found.items()))
