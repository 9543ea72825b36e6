"""Logs, metrics, alarms and budgets."""
