"""Secrets of AWS in pods."""
