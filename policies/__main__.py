"""What `pulumi preview --policy-pack policies` runs: the only place that starts the pack's server."""

from pulumi.runtime import get_config_env
from pulumi_policy import PolicyPack

from policies.environment import environment
from policies.pack import NAME, policies

PolicyPack(NAME, policies(environment(get_config_env())))
