"""Volumes and file systems."""
