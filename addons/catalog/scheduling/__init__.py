"""Which pod goes first."""
