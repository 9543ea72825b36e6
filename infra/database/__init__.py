"""RDS for the metadata of pipelines, Katib and the model registry."""
