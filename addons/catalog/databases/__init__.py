"""Accounts on the stack's databases."""
