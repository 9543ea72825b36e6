"""Mistakes in what the policy pack holds an environment to."""

from collections.abc import Mapping
from typing import Any, Final

from tests.unit.settings_stack import Table

KNOWN: Final[Mapping[str, Any]] = {
    "rule": "eks-extended-support",
    "resource": "cluster-*",
    "reason": "Bought until the migration ends.",
    "owner": "ml-platform",
    "expires": "2027-03-31",
}
"""An exception without a mistake."""


def excepting(**change: Any) -> dict[str, Any]:
    return {"policies": {"exceptions": [{**KNOWN, **change}]}}


def policies(table: Table) -> None:
    levels(table)
    exceptions(table)
    limits(table)


def levels(table: Table) -> None:
    add = table.add
    add(
        "policy-level-of-no-rule",
        {"policies": {"levels": {"eks-extended-suport": "advisory"}}},
        "policies.levels.eks-extended-suport",
        "no such rule or topic (did you mean 'eks-extended-support'?)",
        "topics: gpu, network, eks, iam, data, kubernetes, cost",
        "docs/reference/policies.md",
    )
    add(
        "policy-level-of-no-topic",
        {"policies": {"levels": {"kubernets": "disabled"}}},
        "policies.levels.kubernets",
        "(did you mean 'kubernetes'?)",
    )
    add(
        "policy-level-unknown",
        {"policies": {"levels": {"eks": "off"}}},
        "policies.levels.eks",
        "'off'",
        "advisory, mandatory, disabled",
        schema=True,
    )
    add(
        "policy-enforcement-unknown",
        {"policies": {"enforcement": "disabled"}},
        "policies.enforcement",
        "'disabled'",
        "advisory, mandatory",
        schema=True,
    )


def exceptions(table: Table) -> None:
    add, here = table.add, "policies.exceptions[0]"
    add(
        "exception-to-no-rule",
        excepting(rule="eks-support"),
        f"{here}.rule",
        "'eks-support': no such rule",
        "docs/reference/policies.md",
    )
    add("exception-to-a-topic", excepting(rule="eks"), f"{here}.rule", "'eks': no such rule")
    for name, levels_ in {"rule": {"eks-extended-support": "disabled"}, "topic": {"eks": "disabled"}}.items():
        add(
            f"exception-to-a-disabled-{name}",
            {"policies": {**excepting()["policies"], "levels": levels_}},
            f"{here}.rule",
            "eks-extended-support is disabled by policies.levels",
        )
    add("exception-until-no-day", excepting(expires="2027-02-29"), f"{here}.expires", "is no day of the calendar")
    add("exception-until-a-word", excepting(expires="never"), f"{here}.expires", "'never' does not match", schema=True)
    add(
        "exception-twice",
        {"policies": {"exceptions": [KNOWN, {**KNOWN, "reason": "Nobody looked at the first."}]}},
        "policies.exceptions[1]",
        "eks-extended-support for cluster-* stands here twice",
    )
    add("exception-without-a-reason", excepting(reason="because"), f"{here}.reason", "10", schema=True)
    add("exception-without-an-owner", excepting(owner=""), f"{here}.owner", schema=True)
    add("exception-to-nothing", excepting(resource=""), f"{here}.resource", schema=True)


def limits(table: Table) -> None:
    add = table.add
    add(
        "ceiling-of-nothing",
        {"policies": {"hourlyCeiling": {"desired": 0}}},
        "policies.hourlyCeiling.desired",
        "0",
        schema=True,
    )
    add(
        "nat-gateways-negative",
        {"policies": {"natGateways": -1}},
        "policies.natGateways",
        "-1",
        schema=True,
    )
    add("support-days-negative", {"policies": {"supportDays": -1}}, "policies.supportDays", "-1", schema=True)
    add(
        "public-load-balancer-twice",
        {"policies": {"publicLoadBalancers": ["edge", "edge"]}},
        "policies.publicLoadBalancers[1]",
        "'edge' stands here twice",
    )
    add(
        "public-load-balancer-without-a-name",
        {"policies": {"publicLoadBalancers": [""]}},
        "policies.publicLoadBalancers[0]",
        "at least 1 character",
        schema=True,
    )
    add("required-tag-empty", {"policies": {"requiredTags": [""]}}, "policies.requiredTags[0]", "''", schema=True)
    add(
        "required-tag-twice",
        {"policies": {"requiredTags": ["Owner", "Owner"]}},
        "policies.requiredTags[1]",
        "'Owner' stands here twice",
    )
    add(
        "policies-misspelt",
        {"policies": {"exeptions": []}},
        "policies.exeptions",
        "unknown key (did you mean 'exceptions'?)",
        schema=True,
    )
