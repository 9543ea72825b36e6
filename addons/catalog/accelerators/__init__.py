"""GPUs and their network."""
