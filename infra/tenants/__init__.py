"""Tenants: people who share a namespace, its quotas and its place in every store."""
