"""Nodes: permissions, health, scaling."""
