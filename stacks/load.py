"""The only reader of pulumi.Config, and the only door for secrets: there are none yet, and settings never hold one."""

import datetime
import json
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from infra.problems import Problem, SettingsError
from stacks.settings import NAMESPACE, StackSettings, parse


def load(today: datetime.date | None = None) -> StackSettings:
    """Read the stack's settings from Pulumi's configuration.

    Args:
        today: Decides about support dates; the present day by default.

    Raises:
        SettingsError: With every problem of the file.
    """
    raw: dict[str, Any] = {}
    found: list[Problem] = []
    secret = runtime_config.get_config_secret_keys_env()
    # Where the engine's executor has put the configuration into the environment alone, the first is empty.
    for full in sorted({*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}):
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE:
            continue
        if runtime_config.is_config_secret(full) or full in secret:
            found.append(Problem(key, "is a secret; settings are plain, take `--secret` off"))
            continue
        try:
            raw[key] = pulumi.Config(NAMESPACE).get_object(key)
        except (pulumi.ConfigTypeError, json.JSONDecodeError):
            raw[key] = pulumi.Config(NAMESPACE).get(key)
    if found:
        raise SettingsError(found)
    return parse(raw, today or datetime.datetime.now(datetime.UTC).date())
