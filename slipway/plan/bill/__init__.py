"""The lines of a bill, by what is billed."""
