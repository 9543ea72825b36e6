"""Kubeflow: where people log in, and the parts that they find there."""
