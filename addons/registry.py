"""The catalogue as a whole: find the add-ons, check them together, select and order them. Pure.

There is no list of add-ons: each file under `addons/catalog/<group>/` exports ADDON, and its name
is the file's.
"""

import functools
import importlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from addons.checks import Catalogue, check
from addons.graph import cycle, ordered, reachable
from addons.presets import PRESETS, brings
from addons.settings import AddonsSettings
from addons.spec import AddOn, AddOnSettings
from infra.model import validate
from infra.problems import Problem, SettingsError, nearest, one_of

POD_IDENTITY_AGENT: Final = "eks-pod-identity-agent"
"""Whoever has an identity needs it on the node, unless the identities come by IRSA."""
BINDER: Final = "aws-load-balancer-controller"
"""Keeps the members of an entry's target group in step with its pods."""


class CatalogueError(Exception):
    """The catalogue contradicts itself: a mistake in an add-on's file, never in a stack file."""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """An add-on that a stack file asks for.

    Attributes:
        addon: What the catalogue says.
        settings: Its settings, validated.
        by_name: Whether the stack file enables it by name, rather than through the preset.
        after: Names of the selected add-ons that must be there first: its needs, what it follows, the
            Pod Identity agent where it has an identity, the load balancer controller where it has an entry, and the
            providers of webhooks that see what it creates.
    """

    addon: AddOn[Any]
    settings: AddOnSettings
    by_name: bool
    after: tuple[str, ...]


@functools.cache
def discover(package: str = "addons.catalog") -> Catalogue:
    """Every add-on of a package, by name, checked together.

    Args:
        package: An importable package whose folders are groups and whose files are add-ons.

    Raises:
        CatalogueError: A file exports no ADDON, or the add-ons contradict each other. All
            problems at once.
    """
    root = importlib.import_module(package)
    files = sorted(
        (path.relative_to(base), path)
        for base in root.__path__
        for path in Path(base).rglob("*.py")
        if not path.name.startswith("_")
    )
    found: dict[str, AddOn[Any]] = {}
    problems: list[str] = []
    for relative, path in files:
        module = importlib.import_module(".".join((package, *relative.with_suffix("").parts)))
        addon = getattr(module, "ADDON", None)
        if not isinstance(addon, AddOn):
            problems.append(f"{relative}: exports no ADDON")
            continue
        expected = (relative.parts[0], path.stem.replace("_", "-"))
        if (addon.group, addon.name) != expected:
            problems.append(f"{relative}: declares {addon.group}/{addon.name}, not {'/'.join(expected)}")
        if addon.name in found:
            problems.append(f"{relative}: there is another {addon.name}")
        found[addon.name] = addon
    catalogue = dict(sorted(found.items()))
    problems += check(catalogue)
    if problems:
        raise CatalogueError("\n".join(problems))
    return catalogue


def select(settings: AddonsSettings, catalogue: Catalogue | None = None) -> tuple[Selected, ...]:
    """The add-ons that a stack file asks for, in an order in which they can be installed.

    The order is a function of the names alone: add-ons that come before nodes first, then by name.

    Raises:
        SettingsError: The selection is impossible; holds every problem.
    """
    catalogue = discover() if catalogue is None else catalogue
    found = problems(settings, catalogue)
    if found:
        raise SettingsError(found)
    chosen = {name: catalogue[name] for name in _wanted(settings, catalogue)}
    after = _edges(chosen, settings)
    return tuple(
        Selected(
            addon=chosen[name],
            settings=chosen[name].settings.model_validate(settings.settings.get(name, {})),
            by_name=name in settings.enable,
            after=tuple(sorted(after[name])),
        )
        for name in ordered(after, first=lambda name: chosen[name].before_nodes)
    )


def endpoints(selected: Iterable[Selected]) -> tuple[str, ...]:
    """The interface endpoints that a private cluster needs for its add-ons, besides those that each one has.

    What a preset brings only where it applies is there for another part of the stack, whose endpoints are that part's.
    """
    sure = [each.addon for each in selected if each.by_name or each.addon.always_applies]
    return tuple(sorted({name for addon in sure for name in addon.endpoints}))


def problems(settings: AddonsSettings, catalogue: Catalogue | None = None) -> list[Problem]:
    """Everything that makes a selection impossible; empty where `select` works."""
    catalogue = discover() if catalogue is None else catalogue
    found = _unknown_choices(settings, catalogue)
    if settings.preset not in PRESETS:
        return found
    wanted = _wanted(settings, catalogue)
    chosen = {name: catalogue[name] for name in wanted}
    found += _unmet_needs(settings, chosen, catalogue)
    found += _unmet_choices(chosen, catalogue)
    found += _conflicts(settings, chosen)
    found += _bad_settings(settings, wanted, catalogue)
    loop = None if found else cycle(_edges(chosen, settings))
    if loop:
        found.append(Problem("addons", loop))
    return found


def settings_of(
    settings: AddonsSettings, catalogue: Catalogue | None = None
) -> Iterator[tuple[AddOn[Any], AddOnSettings, list[Problem]]]:
    """The add-ons that a stack file asks for, with their settings as far as they can be read, and what cannot."""
    catalogue = discover() if catalogue is None else catalogue
    if settings.preset not in PRESETS:
        return
    for name in _wanted(settings, catalogue):
        path = ("addons", "settings", name)
        model, mistakes = validate(catalogue[name].settings, settings.settings.get(name, {}), path)
        if model is not None:
            yield catalogue[name], model, mistakes


def settings_schema(catalogue: Catalogue | None = None, *, taken: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """JSON schema of each add-on's settings, by add-on name.

    Args:
        catalogue: By default the whole one.
        taken: Names of definitions that stand for something else where the schemas are put together. No two add-ons
            use one name either.
    """
    catalogue = discover() if catalogue is None else catalogue
    used = set(taken)
    found = {}
    for name, addon in catalogue.items():
        schema = addon.settings.model_json_schema()
        clashes = {each: f"{addon.settings.__name__}{each}" for each in schema.get("$defs", {}) if each in used}
        found[name] = _renamed(schema, clashes)
        used |= set(found[name].get("$defs", {}))
    return found


def _renamed(schema: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The schema with other names for some of its definitions."""
    if not names:
        return schema
    definitions = {names.get(name, name): each for name, each in schema.get("$defs", {}).items()}
    places = {f"#/$defs/{old}": f"#/$defs/{new}" for old, new in names.items()}

    def pointed(part: Any) -> Any:  # noqa: ANN401  # any part of a schema
        if isinstance(part, dict):
            return {
                key: places.get(value, value) if key == "$ref" and isinstance(value, str) else pointed(value)
                for key, value in part.items()
            }
        return [pointed(item) for item in part] if isinstance(part, list) else part

    return dict(pointed({**schema, "$defs": definitions}))


def _wanted(settings: AddonsSettings, catalogue: Catalogue) -> list[str]:
    presets = brings(settings.preset)
    names = {name for name, addon in catalogue.items() if presets & set(addon.presets)}
    names |= set(settings.enable) & set(catalogue)
    return sorted(names - set(settings.disable))


def _unknown_choices(settings: AddonsSettings, catalogue: Catalogue) -> list[Problem]:
    found = []
    if settings.preset not in PRESETS:
        near = nearest(settings.preset, PRESETS)
        message = f"{settings.preset!r} is not a preset{near}; use one of: {one_of(PRESETS)}"
        found.append(Problem("addons.preset", message))
    for what, names in (("enable", settings.enable), ("disable", settings.disable)):
        found += [
            Problem(f"addons.{what}[{i}]", _not_an_addon(name, catalogue))
            for i, name in enumerate(names)
            if name not in catalogue
        ]
    found += [
        Problem("addons.disable", f"{name} is in addons.enable too")
        for name in sorted(set(settings.enable) & set(settings.disable))
    ]
    return found


def _not_an_addon(name: str, catalogue: Catalogue) -> str:
    return f"{name!r} is not an add-on{nearest(name, catalogue)}; known: {one_of(catalogue)}"


def _unmet_needs(settings: AddonsSettings, chosen: Catalogue, catalogue: Catalogue) -> list[Problem]:
    missing: dict[str, list[str]] = {}
    for name, addon in chosen.items():
        for need in _needs(addon, settings, catalogue):
            if need not in chosen:
                missing.setdefault(need, []).append(name)
    found = []
    for need, names in sorted(missing.items()):
        who = " and ".join(names)
        if need in settings.disable:
            path = "addons.disable"
            message = f"{need} is needed by {who}; keep it, or disable {who} too"
        else:
            path = "addons.enable"
            verb = "needs" if len(names) == 1 else "need"
            message = f"{who} {verb} {need}, which preset {settings.preset} does not bring; add it"
        if not any(need in chosen[name].needs for name in names):
            message += "; or set addons.identity to irsa"
        found.append(Problem(path, message))
    return found


def _unmet_choices(chosen: Catalogue, catalogue: Catalogue) -> list[Problem]:
    missing: dict[tuple[str, ...], list[str]] = {}
    for name, addon in chosen.items():
        if addon.needs_one_of and not set(addon.needs_one_of) & set(chosen):
            missing.setdefault(addon.needs_one_of, []).append(name)
    return [
        Problem(
            "addons.enable",
            f"{' and '.join(names)} {'needs' if len(names) == 1 else 'need'} one of: "
            f"{one_of({other: catalogue[other] for other in choice})}; add one",
        )
        for choice, names in sorted(missing.items())
    ]


def _conflicts(settings: AddonsSettings, chosen: Catalogue) -> list[Problem]:
    return [
        Problem(
            "addons.enable" if {a, b} & set(settings.enable) else "addons.preset",
            f"{a} conflicts with {b}; {_way_out({a, b}, settings)}",
        )
        for a, b in itertools.combinations(sorted(chosen), 2)
        if b in chosen[a].conflicts
    ]


def _way_out(clash: set[str], settings: AddonsSettings) -> str:
    """What to change; whatever is enabled by name may not be disabled too."""
    brought = sorted(clash - set(settings.enable))
    match brought:
        case []:
            return "take one of them out of addons.enable"
        case [name]:
            return f"add {name} to addons.disable"
    return "add one of them to addons.disable"


def _bad_settings(settings: AddonsSettings, wanted: list[str], catalogue: Catalogue) -> list[Problem]:
    found: list[Problem] = []
    for name, raw in settings.settings.items():
        path = ("addons", "settings", name)
        if name not in catalogue:
            found.append(Problem(".".join(path), _not_an_addon(name, catalogue)))
            continue
        if name not in wanted:
            message = f"{name} is not enabled; add it to addons.enable or take its settings out"
            found.append(Problem(".".join(path), message))
        found += validate(catalogue[name].settings, raw, path)[1]
    return found


def _needs(addon: AddOn[Any], settings: AddonsSettings, catalogue: Catalogue) -> tuple[str, ...]:
    by_agent = (
        addon.has_identities
        and settings.identity == "pod-identity"
        and POD_IDENTITY_AGENT in catalogue
        and POD_IDENTITY_AGENT not in addon.needs
    )
    return (*addon.needs, *((POD_IDENTITY_AGENT,) if by_agent else ()))


def wanted(addon: AddOn[Any]) -> set[str]:
    """What an add-on comes after where it is selected too, besides its needs."""
    return {*addon.follows, *addon.needs_one_of, *((BINDER,) if addon.entries else ())}


def _edges(chosen: Catalogue, settings: AddonsSettings) -> dict[str, set[str]]:
    """Who waits for whom: for needs, for what one follows, and for the webhooks that see what one creates.

    What a webhook's own add-on needs is there before the webhook, so it does not wait for it;
    neither does what comes before nodes.
    """
    needs = {name: {*_needs(addon, settings, chosen), *(wanted(addon) & set(chosen))} for name, addon in chosen.items()}
    edges = {name: set(others) for name, others in needs.items()}
    for provider, addon in chosen.items():
        if not addon.webhooks:
            continue
        earlier = reachable(provider, needs)
        for name, other in chosen.items():
            if name == provider or name in earlier or other.before_nodes:
                continue
            if any(hook.blocks(other.makes, other.namespace) for hook in addon.webhooks):
                edges[name].add(provider)
    return edges
