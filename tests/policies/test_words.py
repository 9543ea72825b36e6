"""What rules say of themselves: whole sentences, keys that a stack file has, sections that decide."""

import re
from typing import Any

import pytest

from policies.registry import rules
from stacks.settings import KEYS, schema

SCHEMA = schema()
SECTIONS = SCHEMA["properties"]["config"]["properties"]
NAMED = re.compile(
    rf"\b(?<![\w./-])(?:slipway:)?({'|'.join(sorted(KEYS, key=len, reverse=True))})((?:\[\w*\]|\.<?[A-Za-z][\w-]*>?)+)"
)
"""A path in a stack file: `nodeGroups[].capacity.type`, `cluster.access.<name>.policy`."""


def resolved(part: Any) -> list[Any]:
    """A schema's alternatives, references followed."""
    if "$ref" in part:
        return resolved(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]])
    if "anyOf" in part or "oneOf" in part:
        return [each for one in part.get("anyOf", part.get("oneOf")) for each in resolved(one)]
    return [part]


def inside(parts: list[Any], key: str) -> list[Any]:
    """What a key, an item of a list, or a `<placeholder>` for any name leads to."""
    found: list[Any] = []
    for part in parts:
        named = part.get("properties", {})
        patterns = part.get("patternProperties", {})
        any_name = key.startswith("<")
        if key.startswith("["):
            found += resolved(part["items"]) if "items" in part else []
        elif "items" in part:
            found += inside(resolved(part["items"]), key)
        else:
            found += [each for name, value in named.items() if any_name or name == key for each in resolved(value)]
            found += [
                each for name, value in patterns.items() if any_name or re.search(name, key) for each in resolved(value)
            ]
            if isinstance(part.get("additionalProperties"), dict):
                found += resolved(part["additionalProperties"])
    return found


def unknown(text: str) -> list[str]:
    """The paths in a text that no stack file has."""
    found = []
    for section, rest in NAMED.findall(text):
        parts = resolved(next(value for key, value in SECTIONS.items() if key.rpartition(":")[2] == section))
        for key in re.findall(r"\[\w*\]|<?[A-Za-z][\w-]*>?", rest):
            parts = inside(parts, key)
        if not parts:
            found.append(f"{section}{rest}")
    return found


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("set nodeGroups[].capacity.type to spot, and cluster.support", []),
        ("cluster.access.<name>.policy, storage.buckets.data", []),
        ("addons.settings.vpc-cni.networkPolicy is enough, addons.settings.<add-on>.version", []),
        ("set nodeGroups[].capacty.type", ["nodeGroups[].capacty.type"]),
        ("cluster.logging, or platform.tagz", ["cluster.logging", "platform.tagz"]),
        (
            "tenants.<name>.limit, addons.settings.vpc-cni.policy",
            ["tenants.<name>.limit", "addons.settings.vpc-cni.policy"],
        ),
    ],
)
def test_wrong_keys_are_seen(text, wrong):
    assert unknown(text) == wrong


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.id)
def test_a_rule_says_what_why_and_how(rule):
    for sentence in (rule.title, rule.why):
        assert re.fullmatch(r"[^\n]+\w[\w)`]*\.", sentence)
    assert "\n" not in rule.fix
    assert unknown(rule.fix) == []
    assert rule.key in KEYS
    assert re.fullmatch(r"https://[\w.-]+\.\w+/\S+", rule.source)
    assert rule.check.__doc__


def test_most_fixes_name_a_key():
    """What the fix does not name, no line of the stack file can be shown for."""
    without = {rule.id for rule in rules() if not NAMED.search(rule.fix)}
    assert len(without) < len(rules()) / 3, sorted(without)
