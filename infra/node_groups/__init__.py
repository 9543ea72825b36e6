"""Managed node groups, one per group and zone."""
