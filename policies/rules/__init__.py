"""Rules by topic, as plain functions."""
