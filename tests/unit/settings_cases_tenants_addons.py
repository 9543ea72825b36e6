"""Mistakes in tenants that the add-ons of the same file show."""

from typing import Any, Final

from tests.unit.settings_cases_tenants import WHO
from tests.unit.settings_stack import Table

PEOPLE: Final[dict[str, Any]] = {"owners": ["ada.b@example.com"], "members": ["ada-b@example.com"]}


def tenants(table: Table) -> None:
    add = table.add
    add(
        "tenants-that-nobody-makes",
        {"tenants": {"team": WHO}, "addons.disable": ["tenants", "kueue-local-queues"]},
        "tenants",
        "made by the add-on tenants",
        "addons.disable",
    )
    add(
        "tenant-named-as-an-add-ons-namespace",
        {"tenants": {"jobset-system": WHO}},
        "tenants.jobset-system",
        "made by the add-on jobset",
        "choose another name",
    )
    add(
        "tenant-with-two-people-who-are-one-to-kubeflow",
        {
            "tenants": {"team": PEOPLE},
            "addons.preset": "notebooks",
        },
        "tenants.team",
        "ada.b@example.com and ada-b@example.com",
    )
    add(
        "tenants-claims-of-one-name",
        {
            "tenants": {"team": WHO},
            "storage.lustre[0].repositories": [{"path": "/sets", "bucket": "data"}],
            "storage.lustre[1]": {"name": "scratch-sets", "capacity": 2400, "throughputPerTib": 125},
        },
        "storage.lustre",
        "lustre-scratch-sets",
    )
