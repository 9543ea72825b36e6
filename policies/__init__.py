"""Policies that catch what costs money, data or a night."""
