"""VPC, subnets, NAT and endpoints."""
