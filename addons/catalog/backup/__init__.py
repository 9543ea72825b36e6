"""Copies of what the cluster holds."""
