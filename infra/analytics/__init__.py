"""EMR on EKS, Athena with Glue, SageMaker."""
