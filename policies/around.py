"""What a rule may look at beside the resource that it judges."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from infra.platform import PlatformSettings
from policies.settings import PolicySettings
from slipway.plan.model import Plan, Resource

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What the stack file says that rules hold a plan to.

    `platform` is None where its section cannot be used: the program itself says why.
    """

    policies: PolicySettings = field(default_factory=PolicySettings)
    platform: PlatformSettings | None = None
    today: datetime.date
    loose: frozenset[tuple[str, str]] = frozenset()
    """Section and name of each item that the stack file itself calls disposable (a tenant: `keepData: false`)."""

    @property
    def disposable(self) -> bool:
        """Whether the data may go when the stack goes."""
        return self.platform is not None and self.platform.disposable

    def keeps(self, resource: Resource) -> bool:
        """Whether the data of a resource must outlive the stack: neither the stack nor its item is disposable."""
        return not self.disposable and not any(
            resource.name in ((f"{section}-{item}", f"{section}-own-{item}") if item else (section,))
            for section, item in self.loose
        )


@dataclass(frozen=True, kw_only=True)
class Around:
    """The environment, and the plan: of the one resource alone where a rule's scope is `resource`."""

    plan: Plan
    environment: Environment

    def behind(self, resource: Resource, property_: str, *types: str) -> tuple[Resource, ...]:
        """The resources of these types (any, without) that an input of a resource was made from.

        Ids are unknown until up; what a property depends on is not.
        """
        found = (self.plan.get(urn) for urn in resource.property_dependencies.get(property_, ()))
        return tuple(each for each in found if each is not None and (not types or each.type in types))

    def leading_to(self, type_: str, property_: str, resource: Resource) -> tuple[Resource, ...]:
        """The resources of a type whose input was made from this resource: the rules of a security group, say."""
        return self._leading(type_, property_).get(resource.urn, ())

    def _leading(self, type_: str, property_: str) -> dict[str, tuple[Resource, ...]]:
        def build() -> dict[str, tuple[Resource, ...]]:
            found: dict[str, list[Resource]] = {}
            for each in self.plan.of_type(type_):
                for urn in each.property_dependencies.get(property_, ()):
                    found.setdefault(urn, []).append(each)
            return {urn: tuple(resources) for urn, resources in found.items()}

        return self.once(("leading", type_, property_), build)

    def once(self, key: Any, build: Callable[[], _T]) -> _T:  # noqa: ANN401  # anything hashable
        """What `build` gives, built once for all rules of one evaluation.

        Args:
            key: Names it among all that rules share.
            build: Makes it; must not depend on the resource that is judged.
        """
        if key not in self._shared:
            self._shared[key] = build()
        found: _T = self._shared[key]
        return found

    @cached_property
    def _shared(self) -> dict[Any, Any]:
        return {}
