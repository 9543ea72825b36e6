"""Writes docs/reference from the code: `make reference`. A test holds the files against it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from addons import registry
from addons.presets import PRESETS
from addons.spec import AddOn, Chart, EksAddon
from infra.catalog import eks
from slipway import planning, stackfile
from slipway.plan.reach import tables
from slipway.plan.reach.reach import reach
from stacks.settings import schema

_NOTE = "<!-- Written by `make reference`; edit the code instead. -->\n"
Schema = Mapping[str, Any]


PAGES: Mapping[str, Callable[[], str]] = {
    "stack.schema.json": lambda: json.dumps(schema(), indent=2) + "\n",
    "settings.md": lambda: _text(_settings(schema())),
    "addons.md": lambda: _text(_addons()),
    "reachability.md": lambda: _text(_reachability("prod")),
}
"""Every generated file: its name under docs/reference, and what writes its text."""


def write(folder: Path) -> None:
    """Write the pages.

    Args:
        folder: The repository's docs/reference.
    """
    for name, text in PAGES.items():
        (folder / name).write_text(text())


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _settings(whole: Schema) -> Iterator[str]:
    config, definitions = whole["properties"]["config"], whole["$defs"]
    yield "# Settings\n"
    yield _NOTE
    yield "Every key of a stack file, `stacks/config/Pulumi.<env>.yaml`."
    yield "What they mean together: [stack files](../concepts/settings.md)."
    seen: set[str] = set()
    for key, part in config["properties"].items():
        yield f"\n## {key}\n"
        yield "Required." if key in config["required"] else "Optional."
        for name in _references(part):
            yield from _model(name, definitions, seen)


def _model(name: str, definitions: Schema, seen: set[str]) -> Iterator[str]:
    """One model's table, then those it refers to."""
    if name in seen:
        return
    seen.add(name)
    model = definitions[name]
    yield f"\n### {name}\n"
    yield model.get("description", "").strip() + "\n"
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    required = model.get("required", [])
    for key, field in model.get("properties", {}).items():
        default = "required" if key in required else _default(field)
        # pydantic leaves a description out where it is the same as that of the model referred to.
        described = [field, *(definitions[other] for other in _references(field))]
        text = next((part["description"] for part in described if "description" in part), "")
        yield f"| `{key}` | {_type(field)} | {default} | {_cell(text)} |"
    for field in model.get("properties", {}).values():
        for other in _references(field):
            yield from _model(other, definitions, seen)


def _references(field: Schema) -> Iterator[str]:
    """The models that a field's schema refers to, in order."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2]
    for branch in (*field.get("anyOf", []), *field.get("prefixItems", [])):
        yield from _references(branch)
    for key in ("items", "additionalProperties"):
        inner = field.get(key)
        if isinstance(inner, Mapping):
            yield from _references(inner)


def _type(field: Schema) -> str:  # noqa: PLR0911  # one return per kind of schema
    """A field's type in words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(_type(branch) for branch in field["anyOf"] if branch.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, Mapping) else "mapping"
    return " ".join([str(field.get("type", "any")), *_bounds(field)])


def _bounds(field: Schema) -> Iterator[str]:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None or high is not None:
        yield f"{'' if low is None else f'{low:,}'} to {'' if high is None else f'{high:,}'}".strip()


def _default(field: Schema) -> str:
    default = field.get("default")
    return "" if default in (None, {}, [], ()) else f"`{json.dumps(default)}`"


def _addons() -> Iterator[str]:
    yield "# Add-ons\n"
    yield _NOTE
    yield "What the catalogue has; how it works: [add-ons](../concepts/addons.md)."
    yield "Settings go under `slipway:addons`, `settings.<name>`.\n"
    yield "| preset | includes | |"
    yield "|---|---|---|"
    for name, preset in PRESETS.items():
        yield f"| {name} | {', '.join(preset.includes)} | {preset.summary} |"
    yield ""
    yield "| add-on | group | installed as | presets | needs | |"
    yield "|---|---|---|---|---|---|"
    catalogue = registry.discover()
    for name, addon in catalogue.items():
        presets, needs = ", ".join(addon.presets), ", ".join(addon.needs)
        yield f"| [{name}]({addon.docs}) | {addon.group} | {_source(addon)} | {presets} | {needs} | {addon.summary} |"
    for name, settings in registry.settings_schema().items():
        fields = settings.get("properties", {})
        if not fields:
            continue
        yield f"\n## {name}\n"
        yield "| setting | type | default | |"
        yield "|---|---|---|---|"
        for key, field in fields.items():
            yield f"| `{key}` | {_type(field)} | {_default(field)} | {_cell(field.get('description', ''))} |"


def _reachability(environment: str) -> Iterator[str]:
    yield "# Reachability\n"
    yield _NOTE
    yield f"Who can reach what in `{environment}`, and on which ports: what `slipway reach -s {environment}` prints."
    yield "How it is computed: [reachability](../concepts/reachability.md).\n"
    yield from tables.markdown(reach(planning.record(stackfile.load(environment))))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _source(addon: AddOn[Any]) -> str:
    match addon.source:
        case Chart() as chart:
            return f"chart {chart.name} {chart.version}"
        case EksAddon() as managed:
            pin = eks.addon_version(managed.name, eks.DEFAULT_VERSION)
            return f"EKS add-on {pin.version if pin else 'at AWS default'} (Kubernetes {eks.DEFAULT_VERSION})"
        case _:
            return "objects"


if __name__ == "__main__":
    write(stackfile.project_folder() / "docs" / "reference")
