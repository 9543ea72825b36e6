"""ECR: repositories, mirrors of upstream registries, notebook images."""
