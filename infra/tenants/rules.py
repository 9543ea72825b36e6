"""What is wrong, or worth a word, in tenants."""

from collections.abc import Iterator, Mapping

from infra.problems import Problem
from infra.surroundings import Surroundings
from infra.tenants.settings import TenantSettings


def problems(tenants: Mapping[str, TenantSettings], _around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    for name, tenant in tenants.items():
        if not tenant.owners:
            yield Problem(f"tenants.{name}.owners", "is empty; name who answers for it, by email address")


def warnings(_tenants: Mapping[str, TenantSettings]) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    return iter(())
