"""Nodes and pods by demand."""
