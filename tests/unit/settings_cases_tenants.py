"""Mistakes in tenants."""

from tests.unit.settings_stack import Table


def tenants(table: Table) -> None:
    table.add(
        "tenant-without-owners", {"tenants.vision": {}}, "tenants.vision.owners", "is empty", "who answers for it"
    )
