"""What lives in AWS: components, their settings models, and the catalogue of facts."""
