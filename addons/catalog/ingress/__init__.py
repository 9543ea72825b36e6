"""The way in: certificates, load balancers and names."""
