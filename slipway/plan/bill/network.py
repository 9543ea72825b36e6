"""Gateways, addresses, endpoints, load balancers, names, and the alarms that watch them."""

from collections.abc import Iterator

from slipway.plan.bill.lines import Line, fixed
from slipway.plan.bill.types import ADDRESS, ALARM, ENDPOINT, LOAD_BALANCER, NAT, TRANSIT, ZONE
from slipway.plan.model import Plan


def network(plan: Plan, region: str) -> Iterator[Line | str]:
    """What the network costs by the hour, whatever goes through it."""
    yield from _counted("NAT gateway", len(plan.of_type(NAT)), "nat-gateway", region)
    yield from _counted("public IPv4 address", len(plan.of_type(ADDRESS)), "public-ipv4", region)
    interfaces = [each for each in plan.of_type(ENDPOINT) if each.inputs.get("vpcEndpointType") == "Interface"]
    zones = sum(len(each.inputs.get("subnetIds") or []) for each in interfaces)
    yield from _counted("interface endpoint and zone", zones, "interface-endpoint", region)
    yield from _counted("transit gateway attachment", len(plan.of_type(TRANSIT)), "transit-gateway-attachment", region)
    balancers = plan.of_type(LOAD_BALANCER)
    yield from _counted("load balancer", len(balancers), "alb", region)
    # One in each subnet at least; AWS adds more as the load balancer grows.
    addresses = sum(len(each.inputs.get("subnets") or []) for each in balancers if not each.inputs.get("internal"))
    yield from _counted("public IPv4 address of a load balancer", addresses, "public-ipv4", region)
    yield from _counted("hosted zone", len(plan.of_type(ZONE)), "hosted-zone-month", region)


def _counted(item: str, count: int, slug: str, region: str) -> Iterator[Line]:
    if count:
        yield fixed("network", f"{count} x {item}", slug, region, count)


def alarms(plan: Plan, region: str) -> Iterator[Line | str]:
    """An alarm costs by the metrics that it looks at."""
    queries = [each.inputs.get("metricQueries") for each in plan.of_type(ALARM)]
    metrics = sum(sum("metric" in query for query in each) if each else 1 for each in queries)
    if metrics:
        yield fixed(
            "observability",
            f"{len(queries)} x alarm, {metrics} metrics",
            "alarm-metric-month",
            region,
            metrics,
        )
