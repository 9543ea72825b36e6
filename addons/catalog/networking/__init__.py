"""Pod networking and names."""
