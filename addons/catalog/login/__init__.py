"""Login at the gateway: by the load balancer's Cognito, or by Dex. One of the two."""
