"""What the stack file holds a plan to, out of the configuration as the engine hands it over."""

import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.model import validate
from infra.platform import PlatformSettings
from policies.around import Environment
from policies.settings import PolicySettings, parse

_NAMESPACE: Final = "slipway"


def environment(config: Mapping[str, str], today: datetime.date | None = None) -> Environment:
    """Read the two sections that rules know.

    A section with mistakes is left out, so that every rule stands at its default, mandatory, with no exceptions: the
    program refuses the same file with a message for each mistake.

    Args:
        config: `namespace:key` to text, objects as JSON: the `config` of a StackFile, or the engine's PULUMI_CONFIG.
        today: Decides about expired exceptions and support dates; the present day by default.
    """
    raw = _section(config, "policies")
    policies, problems = parse(raw) if raw is not None else (PolicySettings(), [])
    platform, mistakes = validate(PlatformSettings, _section(config, "platform"), ("platform",))
    return Environment(
        policies=policies if policies is not None and not problems else PolicySettings(),
        platform=platform if not mistakes else None,
        today=today or datetime.datetime.now(datetime.UTC).date(),
        loose=frozenset(_loose(config)),
    )


def _section(config: Mapping[str, str], key: str) -> Any:  # noqa: ANN401  # any JSON
    try:
        return json.loads(config.get(f"{_NAMESPACE}:{key}", "null"))
    except json.JSONDecodeError:
        return None


def _loose(config: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every item that is disposable by itself, as section and name."""
    for key in config:
        namespace, _, section = key.partition(":")
        if namespace == _NAMESPACE and section != "platform":
            yield from ((section, name) for name in _disposable(_section(config, section), section))


def _disposable(part: Any, name: str) -> Iterator[str]:  # noqa: ANN401  # any JSON
    if isinstance(part, Mapping):
        if part.get("disposable") is True or part.get("keepData") is False:
            # The workstation is the one item of its section: it has the section's name.
            yield "" if name == "instance" else str(part.get("name", name))
        for key, each in part.items():
            yield from _disposable(each, str(key))
    elif isinstance(part, list):
        for each in part:
            yield from _disposable(each, name)
