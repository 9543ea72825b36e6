"""Writes docs/reference from the code: `make reference`. A test holds the files against it."""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from addons.presets import PRESETS
from infra.catalog import names, sizes
from infra.catalog.instances import accelerated_types, instance_type
from infra.problems import one_of
from policies import ids
from policies.model import Rule
from policies.registry import rules
from policies.settings import PolicySettings
from slipway import explain, planning, stackfile
from slipway.explain import Explained, explained
from slipway.fields import Schema, cell, default_of, references, type_of
from slipway.plan.reach import tables
from slipway.plan.reach.reach import reach
from stacks.settings import schema

_NOTE = "<!-- Written by `make reference`; edit the code instead. -->\n"


def _addon_page(found: Explained) -> str:
    return _text(_addon(found))


PAGES: Mapping[str, Callable[[], str]] = {
    "stack.schema.json": lambda: json.dumps(schema(), indent=2) + "\n",
    "settings.md": lambda: _text(_settings(schema())),
    "addons.md": lambda: _text(_addons(explained())),
    "policies.md": lambda: _text(_policies(rules())),
    "job-sizes.md": lambda: _text(_job_sizes()),
    "reachability.md": lambda: _text(_reachability("prod")),
    **{f"addons/{each.addon.name}.md": functools.partial(_addon_page, each) for each in explained()},
}
"""Every generated file: its name under docs/reference, and what writes its text."""


def write(folder: Path) -> None:
    """Write the pages, and take away those of add-ons that are gone.

    Args:
        folder: The repository's docs/reference.
    """
    for name, text in PAGES.items():
        page = folder / name
        page.parent.mkdir(exist_ok=True)
        page.write_text(text())
    for page in set((folder / "addons").iterdir()) - {folder / name for name in PAGES}:
        page.unlink()


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
        for name in references(part):
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
        default = "required" if key in required else default_of(field)
        # pydantic leaves a description out where it is the same as that of the model referred to.
        described = [field, *(definitions[other] for other in references(field))]
        text = next((part["description"] for part in described if "description" in part), "")
        yield f"| `{key}` | {type_of(field)} | {default} | {cell(text)} |"
    for field in model.get("properties", {}).values():
        for other in references(field):
            yield from _model(other, definitions, seen)


def _addons(found: Iterable[Explained]) -> Iterator[str]:
    yield "# Add-ons\n"
    yield _NOTE
    yield "What the catalogue has, as `slipway addons` lists it; how it works: [add-ons](../concepts/addons.md)."
    yield "Settings go under `slipway:addons`, `settings.<name>`.\n"
    yield "| preset | includes | |"
    yield "|---|---|---|"
    for name, preset in PRESETS.items():
        yield f"| {name} | {', '.join(preset.includes)} | {preset.summary} |"
    yield ""
    yield "| add-on | group | installed as | enabled by | needs | conflicts with | |"
    yield "|---|---|---|---|---|---|---|"
    for each in found:
        addon = each.addon
        lists = (each.enabled_by, addon.needs, addon.conflicts)
        enabled, needs, conflicts = (", ".join(names) for names in lists)
        page = f"[{addon.name}](addons/{addon.name}.md)"
        cells = (page, addon.group, each.installed_as, enabled, needs, conflicts, cell(addon.summary))
        yield f"| {' | '.join(cells)} |"


def _addon(found: Explained) -> Iterator[str]:
    yield f"# {found.addon.name}\n"
    yield _NOTE
    yield from explain.markdown(found)


def _policies(found: Sequence[Rule]) -> Iterator[str]:
    yield "# Policies\n"
    yield _NOTE
    yield "Every rule of the policy pack, as `slipway check` and `pulumi preview --policy-pack policies` ask it."
    yield "What it is: [policies](../concepts/policies.md). Levels, exceptions: [settings](settings.md#policysettings)."
    yield ""
    yield "Severity: `critical` opens the account or loses data; `high` stops jobs, or costs much; `medium` costs a"
    yield "night when something else goes wrong; `low` is order. Asked `before`: before a resource is made, of it"
    yield "alone; `at the end`: of the whole stack, when all of it is known.\n"
    yield "| topic | rules |"
    yield "|---|---|"
    for topic, names_ in ids.IDS.items():
        links = (f"[{each}](#{each})" for each in names_ if each in {rule.id for rule in found})
        yield f"| {topic} | {', '.join(links)} |"
    settings = policy_settings()
    for topic in ids.IDS:
        yield f"\n## {topic}"
        for rule in found:
            if rule.topic == topic:
                yield from _policy(rule, settings.get(rule.id, ()))


def _policy(rule: Rule, settings: Sequence[str]) -> Iterator[str]:
    asked = "before" if rule.scope == "resource" else "at the end"
    judges = ", ".join(f"`{each}`" for each in rule.types) or "everything"
    yield f"\n### {rule.id}\n"
    yield f"**{rule.title}** {rule.why}\n"
    yield f"- Fix: {rule.fix}"
    yield f"- Severity: {rule.severity}. Asked: {asked}. Judges: {judges}"
    if settings:
        yield f"- Settings: {one_of(f'`policies.{each}`' for each in settings)}"
    yield f"- Source: <{rule.source}>"


def policy_settings() -> dict[str, list[str]]:
    """Which keys of the section `policies` a rule reads, as their descriptions say."""
    found: dict[str, list[str]] = {}
    for name, field in PolicySettings.model_fields.items():
        for rule in re.findall(r"\(rule ([a-z0-9-]+)\)", " ".join((field.description or "").split())):
            found.setdefault(rule, []).append(field.alias or name)
    return found


def _reachability(environment: str) -> Iterator[str]:
    yield "# Reachability\n"
    yield _NOTE
    yield f"Who can reach what in `{environment}`, and on which ports: what `slipway reach -s {environment}` prints."
    yield "How it is computed: [reachability](../concepts/reachability.md).\n"
    yield from tables.markdown(reach(planning.record(stackfile.load(environment))))


def _job_sizes() -> Iterator[str]:
    yield "# Job sizes\n"
    yield _NOTE
    yield "What one worker of each size asks for on accelerated types. Why: [ask for a size](../how-to/job-sizes.md)."
    yield "In a group with EFA, huge pages are taken out of the memory. A group with several types has the least of"
    yield "each, and one that shares its GPUs counts slices: `slipway job sizes -s ENV` prints those of a stack file."
    family = ""
    for name in sorted(accelerated_types(), key=_by_size):
        instance = instance_type(name)
        if instance.family != family:
            family = instance.family
            yield f"\n## {family}\n"
            yield "| type | size | on a node | accelerators | cores | memory | with EFA: memory | interfaces | pages |"
            yield "|---|---|---|---|---|---|---|---|---|"
        plain = sizes.sizes(sizes.of_type(name, efa=False))
        fast = sizes.sizes(sizes.of_type(name, efa=True)) if instance.efa_interfaces else ()
        for index, each in enumerate(plain):
            efa = fast[index] if fast else None
            cells = [
                name,
                f"`{each.name}`",
                str(each.per_node),
                str(each.accelerators or ""),
                f"{each.cpu_millis / 1000:g}",
                each.requests["memory"],
                efa.requests["memory"] if efa else "",
                str(efa.efa_interfaces) if efa else "",
                efa.requests.get(names.HUGEPAGES_RESOURCE, "") if efa else "",
            ]
            yield f"| {' | '.join(cells)} |"


def _by_size(name: str) -> tuple[str, int, str]:
    """The smallest first within a family."""
    instance = instance_type(name)
    return instance.family, instance.vcpus, name


if __name__ == "__main__":
    write(stackfile.project_folder() / "docs" / "reference")
