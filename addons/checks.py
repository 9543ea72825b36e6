"""What must hold for the catalogue as a whole, whatever is selected from it. Pure."""

import itertools
from collections.abc import Mapping
from typing import Any

from addons.graph import cycle
from addons.presets import PRESETS
from addons.spec import AddOn
from infra.kubernetes import BUILT_IN_NAMESPACES
from infra.problems import nearest

Catalogue = Mapping[str, AddOn[Any]]
"""Add-ons by name."""


def check(catalogue: Catalogue) -> list[str]:
    """Everything in which the add-ons contradict each other; each message names both sides."""
    return [
        *_unknown_names(catalogue),
        *_one_sided_conflicts(catalogue),
        *_shared_ownership(catalogue),
        *_namespaces_without_owner(catalogue),
        *_late_needs(catalogue),
        *_loops(catalogue),
    ]


def _unknown_names(catalogue: Catalogue) -> list[str]:
    return [
        f"{name}: {what} names {other!r}, which is unknown{nearest(other, known)}"
        for name, addon in catalogue.items()
        for what, others, known in (
            ("needs", addon.needs, catalogue),
            ("needs_one_of", addon.needs_one_of, catalogue),
            ("follows", addon.follows, catalogue),
            ("conflicts", addon.conflicts, catalogue),
            ("presets", addon.presets, PRESETS),
        )
        for other in others
        if other not in known
    ]


def _one_sided_conflicts(catalogue: Catalogue) -> list[str]:
    return [
        f"{name} conflicts with {other}, but {other} does not say so"
        for name, addon in catalogue.items()
        for other in addon.conflicts
        if other in catalogue and name not in catalogue[other].conflicts
    ]


def _shared_ownership(catalogue: Catalogue) -> list[str]:
    return [
        f"{a.name} and {b.name} both own {thing}, and do not declare a conflict"
        for a, b in itertools.combinations(catalogue.values(), 2)
        if b.name not in a.conflicts
        for thing in sorted(_owned(a) & _owned(b))
    ]


def _owned(addon: AddOn[Any]) -> set[str]:
    namespaces = {f"namespace {addon.namespace}"} if addon.create_namespace else set()
    return namespaces | {f"CRD {name}" for name in addon.owns_crds}


def _namespaces_without_owner(catalogue: Catalogue) -> list[str]:
    return [
        f"{name}: nobody it needs creates the namespace {addon.namespace}"
        for name, addon in catalogue.items()
        if not addon.create_namespace
        and addon.namespace not in BUILT_IN_NAMESPACES
        and not any(
            catalogue[need].create_namespace and catalogue[need].namespace == addon.namespace
            for need in addon.needs
            if need in catalogue
        )
    ]


def _late_needs(catalogue: Catalogue) -> list[str]:
    return [
        f"{name} comes before nodes but needs {need}, which does not"
        for name, addon in catalogue.items()
        if addon.before_nodes
        for need in addon.needs
        if need in catalogue and not catalogue[need].before_nodes
    ]


def _loops(catalogue: Catalogue) -> list[str]:
    loop = cycle(
        {
            name: {*addon.needs, *addon.needs_one_of, *addon.follows} & set(catalogue)
            for name, addon in catalogue.items()
        }
    )
    return [loop] if loop else []
