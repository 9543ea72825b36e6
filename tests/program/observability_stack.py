"""A stack that has all of observability, and what it is about."""

import functools
import json
from typing import Any, Final

from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from stacks.program import main

SMALL: Final[dict[str, Any]] = {
    "platform": {"name": "ml", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 3}],
    "addons": {"preset": "minimal"},
}
FULL: Final[dict[str, Any]] = {
    **SMALL,
    "nodeGroups": [
        *SMALL["nodeGroups"],
        {"name": "fixed", "instanceTypes": ["m7i.large"], "min": 2, "max": 2},
        {
            "name": "manual",
            "instanceTypes": ["m7i.large"],
            "max": 4,
            "desired": 2,
            "autoscaling": {"enabled": False},
        },
        {
            "name": "h100",
            "instanceTypes": ["p5.48xlarge"],
            "zones": ["usw2-az2"],
            "capacity": {"type": "capacity-block", "reservationId": "cr-0123456789abcdef0"},
            "max": 2,
        },
    ],
    "storage": {
        "lustre": [{"name": "fast", "zone": "usw2-az2", "capacity": 2400, "throughputPerTib": 125}],
        "efs": [{"name": "home"}, {"name": "old", "throughput": "bursting"}],
    },
    "databases": [{"name": "meta", "engine": "mysql", "version": "8.4", "storage": 40}],
    "edge": {"domain": "ml.example.com", "zone": "new", "loadBalancer": {"clients": ["203.0.113.0/24"]}},
    "observability": {
        "addresses": ["ml@example.com", "on-call@example.com"],
        "logs": {"retentionDays": 60, "retention": {"host": 7}, "infrequentAccess": True},
        "prometheus": {"retentionDays": 400, "logRetentionDays": 14},
        "alarms": {"databases": {"connections": 200}},
        "budgets": {
            "environment": {"monthly": 250_000, "actual": [50, 80, 100], "forecast": [100, 120]},
            "tenants": {"vision": {"monthly": 999.5, "addresses": ["vision@example.com"]}},
            "allocationTags": "activate",
        },
    },
}


@functools.cache
def recorded() -> Plan:
    """The plan of `FULL`, made once."""
    config = {f"slipway:{key}": json.dumps(value) for key, value in FULL.items()}
    return record(main, project="slipway", stack="test", config=config)
