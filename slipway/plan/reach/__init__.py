"""Who can reach what, computed from a plan's security groups, subnets and routes."""
