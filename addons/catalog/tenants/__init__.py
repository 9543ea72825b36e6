"""Those who share the platform."""
