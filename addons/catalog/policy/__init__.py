"""What may run, and what may talk to what."""
