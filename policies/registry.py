"""All rules, found in `policies/rules/`."""

import functools
import importlib
import pkgutil

from policies import ids
from policies import rules as package
from policies.model import Rule


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of policies/ids.py.

    Raises:
        LookupError: Two rules have one id.
    """
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(package.__path__):
        for each in vars(importlib.import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(each, Rule) and found.setdefault(each.id, each) is not each:
                raise LookupError(f"policies/rules: two rules are called {each.id}")
    return tuple(found[id_] for topic in ids.IDS.values() for id_ in topic if id_ in found)
