"""What the catalogue says of an add-on, as data, as a page for a terminal and as Markdown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from addons import registry
from addons.presets import PRESETS, brings
from addons.spec import AddOn, Chart, EksAddon, Kustomization, Manifest
from infra.catalog import eks
from infra.problems import nearest, one_of
from slipway.errors import CannotRunError
from slipway.fields import Schema, cell, default_of, references, type_of
from slipway.plan import text

BY_NAME: Final = "by name"
_INDENT: Final = 2


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table about an add-on: a title, the columns, the rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """An add-on for people and machines.

    Attributes:
        addon: The declaration.
        version: Of the chart, or the catalogue's pin of the EKS add-on for the default Kubernetes version; None for
            objects of our own, and where AWS's default at the time of `up` is used.
        needed_by: The add-ons that need it.
    """

    addon: AddOn[Any]
    version: str | None
    needed_by: tuple[str, ...]

    @property
    def enabled_by(self) -> tuple[str, ...]:
        """The presets that bring it, those that include one included; else that it is enabled by name."""
        bringing = frozenset(self.addon.presets)
        found = tuple(name for name in PRESETS if brings(name) & bringing)
        return found or (BY_NAME,)

    @property
    def installed_as(self) -> str:
        """What is installed, in words."""
        addon = self.addon
        match addon.source:
            case Chart() as chart:
                return f"chart {chart.name} {chart.version}"
            case EksAddon():
                return f"EKS add-on {self.version or 'at AWS default'} (Kubernetes {eks.DEFAULT_VERSION})"
            case Manifest() as manifest:
                return f"YAML {manifest.version}: {manifest.url}"
            case Kustomization() as kustomization:
                return f"kustomization {kustomization.version}: {addon.directory}"
            case _:
                return "objects"

    def brief(self) -> dict[str, Any]:
        """One entry of the list."""
        addon = self.addon
        return {
            "name": addon.name,
            "group": addon.group,
            "version": self.version,
            "presets": list(addon.presets),
            "enabledBy": list(self.enabled_by),
            "needs": list(addon.needs),
            "conflicts": list(addon.conflicts),
            "ownsCrds": list(addon.owns_crds),
            "docs": addon.docs,
            "summary": addon.summary,
        }

    def data(self) -> dict[str, Any]:
        """Everything."""
        addon = self.addon
        chart = addon.source if isinstance(addon.source, Chart) else None
        return {
            **self.brief(),
            "neededBy": list(self.needed_by),
            "standsOn": list(addon.stands_on),
            "installedAs": self.installed_as,
            "repository": chart.repo if chart else None,
            "namespace": addon.namespace,
            "createsNamespace": addon.create_namespace,
            "podSecurity": addon.pod_security if addon.create_namespace else None,
            "beforeNodes": addon.before_nodes,
            "settings": addon.settings.model_json_schema(),
            "identities": [
                {
                    "serviceAccount": identity.service_account,
                    "namespace": identity.namespace or addon.namespace,
                    "ownPolicy": identity.policy is not None,
                    "managedPolicies": list(identity.managed_policies),
                }
                for identity in addon.identities
            ],
            "webhooks": [
                {
                    "intercepts": sorted(hook.intercepts),
                    "failurePolicy": hook.failure_policy,
                    "exceptNamespaces": sorted(hook.except_namespaces),
                    "optIn": hook.opt_in,
                }
                for hook in addon.webhooks
            ],
            "images": self._images(),
        }

    def parts(self) -> Iterator[Part]:
        """The tables of its page, without those that would be empty."""
        addon = self.addon
        yield Part(title="", columns=("", ""), rows=tuple(self._facts()))
        schema = addon.settings.model_json_schema()
        yield from _settings(f"addons.settings.{addon.name}", schema)
        if addon.identities:
            rows = tuple(
                (
                    identity.service_account,
                    identity.namespace or addon.namespace,
                    ", ".join([*(["its own policy"] if identity.policy else []), *identity.managed_policies]),
                )
                for identity in addon.identities
            )
            yield Part(title="AWS permissions", columns=("service account", "namespace", "by"), rows=rows)
        if addon.webhooks:
            hooks = tuple(
                (
                    ", ".join(sorted(hook.intercepts)),
                    hook.failure_policy + (", only what asks for it" if hook.opt_in else ""),
                    ", ".join(sorted(hook.except_namespaces)),
                )
                for hook in addon.webhooks
            )
            columns = ("sees", "when it is down", "except in")
            yield Part(title="Webhooks", columns=columns, rows=tuple(dict.fromkeys(hooks)))
        for title, items in (
            ("Custom resource definitions", addon.owns_crds),
            ("Images", self._images()),
        ):
            if items:
                yield Part(title=title, columns=("",), rows=tuple((item,) for item in items))

    def _images(self) -> list[str]:
        return list(dict.fromkeys(image.reference for image in self.addon.images))

    def _facts(self) -> Iterator[tuple[str, str]]:
        addon = self.addon
        yield "group", addon.group
        yield "installed as", self.installed_as
        if isinstance(addon.source, Chart):
            yield "from", addon.source.repo
        made = f" (made by it, {addon.pod_security})" if addon.create_namespace else ""
        yield "namespace", f"{addon.namespace}{made}"
        yield "enabled by", f"preset {', '.join(self.enabled_by)}" if addon.presets else "its name in addons.enable"
        for title, names in (
            ("needs", addon.needs),
            ("needed by", self.needed_by),
            ("conflicts with", addon.conflicts),
            ("stands on", addon.stands_on),
        ):
            if names:
                yield title, ", ".join(names)
        if addon.before_nodes:
            yield "comes", "before the first node"


def _settings(title: str, schema: Schema) -> Iterator[Part]:
    """The settings' table, then those of the models that they refer to."""
    if not schema.get("properties"):
        return
    yield _fields(title, schema)
    definitions, seen = schema.get("$defs", {}), set[str]()
    waiting = _referred(schema)
    while waiting:
        name = waiting.pop(0)
        if name not in seen and definitions[name].get("properties"):
            seen.add(name)
            yield _fields(name, definitions[name])
            waiting += _referred(definitions[name])


def _referred(schema: Schema) -> list[str]:
    return [name for field in schema.get("properties", {}).values() for name in references(field)]


def _fields(title: str, schema: Schema) -> Part:
    required = schema.get("required", [])
    return Part(
        title=title,
        columns=("setting", "type", "default", ""),
        rows=tuple(
            (
                f"`{key}`",
                type_of(field, named=str),
                "required" if key in required else default_of(field),
                " ".join(field.get("description", "").split()),
            )
            for key, field in schema["properties"].items()
        ),
    )


def explained() -> tuple[Explained, ...]:
    """Every add-on, by group and name."""
    catalogue = registry.discover()
    return tuple(
        Explained(
            addon=addon,
            version=_version(addon),
            needed_by=tuple(name for name, other in catalogue.items() if addon.name in other.needs),
        )
        for addon in sorted(catalogue.values(), key=lambda addon: (addon.group, addon.name))
    )


def one(name: str) -> Explained:
    """One add-on.

    Raises:
        CannotRunError: There is none of that name; the message has the nearest.
    """
    known = {each.addon.name: each for each in explained()}
    if name not in known:
        names = sorted(known)
        raise CannotRunError(f"{name!r} is not an add-on{nearest(name, names)}; known: {one_of(names)}")
    return known[name]


def _version(addon: AddOn[Any]) -> str | None:
    match addon.source:
        case Chart() as chart:
            return chart.version
        case EksAddon() as managed:
            pin = eks.addon_version(managed.name, eks.DEFAULT_VERSION)
            return pin.version if pin else None
        case Manifest() | Kustomization() as published:
            return published.version
        case _:
            return None


def show_list(found: Iterable[Explained], stream: TextIO) -> None:
    """Write the list: a line of each add-on, below it what it needs and its makers' page."""
    text.write(Group(*_list(found)), stream)


def show(found: Explained, stream: TextIO) -> None:
    """Write one add-on's page."""
    text.write(Group(*_page(found)), stream)


def markdown(found: Explained) -> Iterator[str]:
    """One add-on's page as lines of Markdown, without its heading."""
    yield f"{found.addon.summary[:1].upper()}{found.addon.summary[1:]}. [Its makers' page]({found.addon.docs})."
    for part in found.parts():
        yield ""
        if part.title:
            yield f"## {part.title}\n"
        if len(part.columns) == 1:
            yield from (f"- `{item}`" for (item,) in part.rows)
            continue
        yield f"| {' | '.join(part.columns)} |"
        yield "|---" * len(part.columns) + "|"
        for row in part.rows:
            yield f"| {' | '.join(cell(item) for item in row)} |"


def _list(found: Iterable[Explained]) -> Iterator[RenderableType]:
    group = ""
    for each in found:
        addon = each.addon
        if addon.group != group:
            if group:
                yield Text()
            group = addon.group
            yield Text(group, "bold")
        version = each.version or ("AWS default" if isinstance(addon.source, EksAddon) else "objects")
        line = Text(f"  {addon.name:<37} {version:<21} {', '.join(each.enabled_by)}")
        yield line
        yield Text(f"      {addon.summary}", "dim")
        if addon.needs:
            yield Text(f"      needs {', '.join(addon.needs)}", "dim")
        yield _link(f"      {addon.docs}")


def _link(address: str) -> Text:
    """An address in one piece, however narrow the page is."""
    return Text(address, "dim", no_wrap=True, overflow="ignore")


def _page(found: Explained) -> Iterator[RenderableType]:
    yield Text.assemble((found.addon.name, "bold"), f": {found.addon.summary}")
    yield _link(found.addon.docs)
    for part in found.parts():
        yield Text()
        if part.title:
            yield Text(part.title, "bold")
        yield Padding(_grid(part), (0, 0, 0, _INDENT))


def _grid(part: Part) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=any(part.columns))
    last = len(part.columns) - 1
    for index, column in enumerate(part.columns):
        # Names and links must not be broken; lists of them, and what is said of them, may be.
        whole = index == 0 and not any(", " in row[0] for row in part.rows)
        grid.add_column(column, overflow="fold", no_wrap=whole, ratio=1 if index == last else None)
    for row in part.rows:
        grid.add_row(*(item.replace("`", "") for item in row))
    return grid
