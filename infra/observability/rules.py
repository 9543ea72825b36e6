"""What is wrong, or worth a word, in logs, metrics, alarms and budgets."""

from collections.abc import Iterator, Sequence

from infra.observability.settings import (
    BUDGET_NOTIFICATIONS,
    AlarmSettings,
    BudgetSettings,
    BudgetsSettings,
    ObservabilitySettings,
)
from infra.problems import Problem, one_of, repeated
from infra.surroundings import Surroundings

_HERE = "observability"


def problems(observability: ObservabilitySettings, around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    yield from repeated(observability.addresses, f"{_HERE}.addresses")
    yield from _alarm_problems(observability.alarms, around)
    for here, budget in _budgets(observability.budgets):
        yield from budget_problems(budget, here, observability.addresses)


def warnings(observability: ObservabilitySettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    budgets = observability.budgets
    if not observability.addresses:
        yield f"{_HERE}.addresses is empty: alarms go to a topic that has no subscriber of this stack"
    if budgets.allocation_tags == "unconfirmed" and any(_budgets(budgets)):
        tags = "the tags Platform and Tenant are" if budgets.tenants else "the tag Platform is"
        yield (
            f"{_HERE}.budgets count nothing until {tags} active for cost allocation in the payer's account; then set "
            "allocationTags: confirmed"
        )


def _budgets(budgets: BudgetsSettings) -> Iterator[tuple[str, BudgetSettings]]:
    """Every budget, and where it stands."""
    if budgets.environment:
        yield f"{_HERE}.budgets.environment", budgets.environment
    for tenant, budget in budgets.tenants.items():
        yield f"{_HERE}.budgets.tenants.{tenant}", budget


def budget_problems(budget: BudgetSettings, here: str, subscribers: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the budget at `here`. `subscribers`: who gets every alarm by e-mail."""
    for kind, percents in (("actual", budget.actual), ("forecast", budget.forecast)):
        ordered = sorted(set(percents))
        if list(percents) != ordered:
            yield Problem(
                f"{here}.{kind}",
                f"{one_of(map(str, percents))}: write each percentage once, the least first: "
                f"{one_of(map(str, ordered))}",
            )
    count = len(budget.actual) + len(budget.forecast)
    if not count:
        yield Problem(here, "has neither actual nor forecast percentages, so it would tell nobody anything")
    if count > BUDGET_NOTIFICATIONS:
        yield Problem(here, f"{count} percentages in actual and forecast; a budget takes {BUDGET_NOTIFICATIONS}")
    if not budget.addresses and not subscribers:
        yield Problem(f"{here}.addresses", f"nobody is told: name an address here or in {_HERE}.addresses")
    yield from repeated(budget.addresses, f"{here}.addresses")


def _alarm_problems(alarms: AlarmSettings, around: Surroundings) -> Iterator[Problem]:
    """Alarms that the file asks for by name, on what the stack does not have."""
    network, storage = around.network, around.storage
    nat = network.internet and not network.existing
    missing = {
        "lustre": None if storage.lustre else "storage.lustre has no file system",
        "efs": None if storage.efs else "storage.efs has no file system",
        "nat": None if nat else "this stack makes no NAT gateway",
        "databases": None if "databases" in around.services else "there are no databases",
        "load_balancer": None if "edge" in around.services else "there is no edge",
    }
    for field, why in missing.items():
        if why and field in alarms.model_fields_set and getattr(alarms, field) is not None:
            alias = AlarmSettings.model_fields[field].alias
            yield Problem(f"{_HERE}.alarms.{alias}", f"{why}; leave it out")
