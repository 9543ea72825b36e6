"""Distributed training: jobs of many pods, and the operators that run them."""
