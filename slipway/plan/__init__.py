"""A recorded program as data, and the questions asked of it."""
