"""Metrics, logs and costs."""
