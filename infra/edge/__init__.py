"""The way in: names, certificate, load balancer, login."""
