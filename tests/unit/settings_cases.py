"""For every rule about stack files a patch that breaks that rule and no other, by name."""

from collections.abc import Mapping
from typing import Final

from tests.unit import settings_cases_analytics as analytics
from tests.unit import settings_cases_cluster as cluster
from tests.unit import settings_cases_database as database
from tests.unit import settings_cases_edge as edge
from tests.unit import settings_cases_groups as groups
from tests.unit import settings_cases_hybrid as hybrid
from tests.unit import settings_cases_karpenter as karpenter
from tests.unit import settings_cases_observability as observability
from tests.unit import settings_cases_policies as policies
from tests.unit import settings_cases_registry as registry
from tests.unit import settings_cases_spelling as spelling
from tests.unit import settings_cases_storage as storage
from tests.unit import settings_cases_tenants as tenants
from tests.unit import settings_cases_tenants_addons as tenants_addons
from tests.unit import settings_cases_workstation as workstation
from tests.unit.settings_stack import Case, Table

_PARTS: Final = (
    spelling.spelling,
    cluster.platform,
    cluster.network,
    cluster.cluster,
    cluster.addons,
    groups.groups,
    groups.kinds,
    groups.gpus,
    storage.lustre,
    storage.efs,
    edge.edge,
    database.database,
    registry.registry,
    observability.observability,
    analytics.analytics,
    workstation.workstation,
    karpenter.karpenter,
    hybrid.hybrid,
    hybrid.schedulers,
    tenants.tenants,
    tenants_addons.tenants,
    policies.policies,
)


def _all() -> dict[str, Case]:
    table = Table()
    for part in _PARTS:
        part(table)
    return table.cases


CASES: Final[Mapping[str, Case]] = _all()
