"""Mistakes that pydantic finds: one case for each kind of message."""

import functools

from tests.unit.settings_stack import ABSENT, BLOCK, Table


def spelling(table: Table) -> None:
    """What pydantic finds, in our words: one case for each kind of message."""
    add = functools.partial(table.add, schema=True)
    add("section-misspelt", {"netwrk": {}}, "netwrk", "unknown key", "did you mean 'network'?", "nodeGroups")
    add("section-missing", {"platform": ABSENT}, "platform", "is required")
    add(
        "section-empty",
        {"network": None},
        "network",
        "nothing is not a mapping of keys to values; {} takes its defaults",
    )
    add("section-true", {"observability": {"prometheus": True}}, "observability.prometheus", "true is", "{} takes its")
    add("list-of-nothing", {"databases": None}, "databases", "nothing is not a list")
    add("groups-not-a-list", {"nodeGroups": {"system": {}}}, "nodeGroups", "is not a list")
    add("group-not-a-mapping", {"nodeGroups[2]": "gpu"}, "nodeGroups[2]", "'gpu' is not a mapping")
    add("key-missing", {"platform.owner": ABSENT}, "platform.owner", "is required")
    add("key-misspelt", {"network.natt": "single"}, "network.natt", "did you mean 'nat'?", "allowed: cidr, endpoints")
    add(
        "key-misspelt-in-a-list",
        {"nodeGroups[1].instanceTyps": ["g6.xlarge"]},
        "nodeGroups[1].instanceTyps",
        "did you mean 'instanceTypes'?",
        "autoscaling",
    )
    add(
        "key-misspelt-in-an-optional-part",
        {"nodeGroups[1].gpu": {"sharing": {"mode": "mps", "replicas": 2, "profile": "1g.5gb"}}},
        "nodeGroups[1].gpu.sharing.profile",
        "unknown key",
        "migProfile",
    )
    add(
        "key-misspelt-under-a-name",
        {"cluster.access.team.polcy": "view"},
        "cluster.access.team.polcy",
        "did you mean 'policy'?",
    )
    add(
        "key-in-snake-case",
        {"platform.cost_center": "x", "platform.costCenter": "x"},
        "platform.cost_center",
        "did you mean 'costCenter'?",
    )
    add(
        "choice-unknown",
        {"network.nat": "zone"},
        "network.nat",
        "'zone' is not allowed",
        "use one of: per-zone, single",
    )
    add(
        "choice-near",
        {"nodeGroups[1].capacity": {"type": "capacity-blok", "reservationId": BLOCK}},
        "nodeGroups[1].capacity.type",
        "did you mean 'capacity-block'?",
        "on-demand, spot, reservation",
    )
    add(
        "choice-of-numbers",
        {"cluster.logs": {"retentionDays": 31}},
        "cluster.logs.retentionDays",
        "31 is not allowed; use one of: 1, 3",
        "30, 60",
    )
    add("choice-of-keys", {"storage.buckets": {"dta": {}}}, "storage.buckets.dta", "did you mean 'data'?", "models")
    add("number-for-text", {"cluster.version": 1.35}, "cluster.version", "quote it: '1.35'")
    add("truth-value-for-text", {"cluster.version": True}, "cluster.version", "a truth value here; quote it: 'true'")
    add("whole-number-for-text", {"platform.accountId": 123456789012}, "platform.accountId", "quote it: '123456789012'")
    add("list-for-text", {"platform.owner": ["a"]}, "platform.owner", "['a']", "string")
    add("text-for-list", {"network.zones": "usw2-az1"}, "network.zones", "'usw2-az1' is not a list")
    add("text-for-mapping", {"cluster.endpoint": "public"}, "cluster.endpoint", "'public' is not a mapping")
    add("text-for-names", {"cluster.access": "all"}, "cluster.access", "'all' is not a mapping")
    add("text-for-number", {"nodeGroups[1].max": "many"}, "nodeGroups[1].max", "'many'", "integer")
    add("quoted-number", {"nodeGroups[1].max": "4"}, "nodeGroups[1].max", "'4'", "integer")
    add("truth-value-for-number", {"nodeGroups[1].max": True}, "nodeGroups[1].max", "true", "integer")
    add("fraction-for-number", {"nodeGroups[1].max": 1.5}, "nodeGroups[1].max", "1.5", "integer")
    add("text-for-truth-value", {"nodeGroups[1].efa": "no"}, "nodeGroups[1].efa", "'no'", "boolean")
    add("number-for-truth-value", {"nodeGroups[1].efa": 1}, "nodeGroups[1].efa", "1", "boolean")
    add("number-too-large", {"nodeGroups[1].max": 451}, "nodeGroups[1].max", "451", "less than or equal to 450")
    add("number-too-small", {"nodeGroups[1].volume": {"size": 8}}, "nodeGroups[1].volume.size", "8", "equal to 20")
    add("list-empty", {"nodeGroups[1].instanceTypes": []}, "nodeGroups[1].instanceTypes", "[]", "at least 1 item")
    add("text-malformed", {"platform.name": "My_Platform"}, "platform.name", "'My_Platform' does not match ^[a-z]")
    add(
        "account-not-a-number",
        {"platform.accountId": "12345"},
        "platform.accountId",
        "'12345' does not match",
        r"\d{12}",
    )
    add("text-empty", {"platform.environment": ""}, "platform.environment", "does not match")
    add(
        "name-malformed",
        {"nodeGroups[1].labels": {"a key": "x"}},
        "nodeGroups[1].labels.a key",
        "'a key' does not match ^",
    )
    add(
        "cidr-malformed",
        {"network.cidr": "10.0.0.0/33"},
        "network.cidr",
        "'10.0.0.0/33'",
        "such as 10.0.0.0/16",
        schema=False,
    )
    add(
        "cidr-with-host-bits",
        {"network.cidr": "10.0.0.1/16"},
        "network.cidr",
        "'10.0.0.1/16'",
        "host bits set",
        schema=False,
    )
    add(
        "cidr-without-prefix",
        {"cluster.endpoint": {"public": True, "publicCidrs": ["203.0.113.9"]}},
        "cluster.endpoint.publicCidrs[0]",
        "'203.0.113.9'",
        "203.0.113.9/32",
        schema=False,
    )
    add(
        "cidr-with-netmask",
        {"network.cidr": "10.0.0.0/255.255.0.0"},
        "network.cidr",
        "'10.0.0.0/255.255.0.0'",
        "10.0.0.0/16",
        schema=False,
    )
