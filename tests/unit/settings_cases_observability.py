"""Mistakes in logs, metrics, alarms and budgets."""

from tests.unit.settings_stack import EXISTING, Table


def observability(table: Table) -> None:
    add = table.add
    here, me = "observability", "ml@example.com"
    budget = {"monthly": 1000, "addresses": [me]}
    add(
        "address-that-is-none",
        {f"{here}.addresses": ["ml-team"]},
        f"{here}.addresses[0]",
        "'ml-team' does not match",
        schema=True,
    )
    add(
        "address-twice",
        {f"{here}.addresses": [me, "you@example.com", me]},
        f"{here}.addresses[2]",
        "'ml@example.com' stands here twice",
    )
    add(
        "log-retention-that-aws-has-not",
        {f"{here}.logs.retentionDays": 45},
        f"{here}.logs.retentionDays",
        "45 is not allowed",
        "30, 60",
        schema=True,
    )
    add(
        "log-group-unknown",
        {f"{here}.logs.retention": {"aplication": 7}},
        f"{here}.logs.retention.aplication",
        "'aplication' is not allowed (did you mean 'application'?)",
        "dataplane",
        schema=True,
    )
    add(
        "prometheus-keeps-too-long",
        {f"{here}.prometheus": {"retentionDays": 2000}},
        f"{here}.prometheus.retentionDays",
        "2000",
        "1095",
        schema=True,
    )
    add(
        "alarm-minutes-between-periods",
        {f"{here}.alarms.nodeGroups": {"minutes": 12}},
        f"{here}.alarms.nodeGroups.minutes",
        "12",
        "multiple of 5",
        schema=True,
    )
    add(
        "alarm-threshold-above-all",
        {f"{here}.alarms.lustre": {"freePercent": 120}},
        f"{here}.alarms.lustre.freePercent",
        "120",
        "100",
        schema=True,
    )
    add(
        "alarm-on-no-lustre",
        {f"{here}.alarms.lustre": {}, "storage.lustre": []},
        f"{here}.alarms.lustre",
        "storage.lustre has no file system; leave it out",
    )
    add(
        "alarm-on-no-efs",
        {f"{here}.alarms.efs": {}, "storage.efs": []},
        f"{here}.alarms.efs",
        "storage.efs has no file system; leave it out",
    )
    add(
        "alarm-on-no-nat",
        {f"{here}.alarms.nat": {}, "network": {"existing": EXISTING}},
        f"{here}.alarms.nat",
        "this stack makes no NAT gateway; leave it out",
    )
    add(
        "alarm-on-no-database",
        {f"{here}.alarms.databases": {"cpuPercent": 50}},
        f"{here}.alarms.databases",
        "there are no databases; leave it out",
    )
    add(
        "alarm-on-no-load-balancer",
        {f"{here}.alarms.loadBalancer": {}},
        f"{here}.alarms.loadBalancer",
        "there is no edge; leave it out",
    )
    add(
        "budget-without-an-amount",
        {f"{here}.budgets.environment": {"addresses": [me]}},
        f"{here}.budgets.environment.monthly",
        "is required",
        schema=True,
    )
    add(
        "budget-of-nothing",
        {f"{here}.budgets.environment": {**budget, "monthly": 0}},
        f"{here}.budgets.environment.monthly",
        "greater than 0",
        schema=True,
    )
    add(
        "budget-without-an-address",
        {f"{here}.budgets.environment": {"monthly": 1000}},
        f"{here}.budgets.environment.addresses",
        "nobody is told: name an address here or in observability.addresses",
    )
    add(
        "budget-of-a-tenant-without-an-address",
        {f"{here}.budgets.tenants": {"vision": {"monthly": 1000}}},
        f"{here}.budgets.tenants.vision.addresses",
        "nobody is told",
    )
    add(
        "budget-of-a-tenant-that-has-no-name",
        {f"{here}.budgets.tenants": {"Computer Vision": budget}},
        f"{here}.budgets.tenants.Computer Vision",
        "'Computer Vision' does not match",
        schema=True,
    )
    add(
        "budget-percentages-unordered",
        {f"{here}.budgets.environment": {**budget, "actual": [100, 80, 80]}},
        f"{here}.budgets.environment.actual",
        "100, 80, 80: write each percentage once, the least first: 80, 100",
    )
    add(
        "budget-that-tells-nothing",
        {f"{here}.budgets.environment": {**budget, "actual": [], "forecast": []}},
        f"{here}.budgets.environment",
        "neither actual nor forecast",
    )
    add(
        "budget-that-tells-too-often",
        {f"{here}.budgets.environment": {**budget, "actual": list(range(10, 101, 10)), "forecast": [100]}},
        f"{here}.budgets.environment",
        "11 percentages in actual and forecast; a budget takes 10",
    )
    add(
        "budget-that-tells-too-many",
        {f"{here}.budgets.environment": {**budget, "addresses": [f"ml{n}@example.com" for n in range(11)]}},
        f"{here}.budgets.environment.addresses",
        "at most 10 items",
        schema=True,
    )
    add(
        "budget-address-twice",
        {f"{here}.budgets.environment": {**budget, "addresses": [me, me]}},
        f"{here}.budgets.environment.addresses[1]",
        "'ml@example.com' stands here twice",
    )
