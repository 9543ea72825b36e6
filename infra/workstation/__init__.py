"""One machine instead of a cluster, and ECS as the step between."""
