"""The kubeconfig that pulumi-eks writes, in its order of keys."""

from typing import Any


def kubeconfig(*, name: str, endpoint: str, authority: str, region: str) -> dict[str, Any]:
    """A kubeconfig whose user asks the AWS CLI for a token.

    Args:
        name: The cluster's name in EKS.
        endpoint: URL of the API server.
        authority: The certificate authority's data, base64.
        region: The cluster's region.
    """
    version = "client.authentication.k8s.io/v1beta1"
    args = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    info = f'{{"apiVersion": "{version}"}}'
    login = {
        "apiVersion": version,
        "command": "aws",
        "args": args,
        "env": [{"name": "KUBERNETES_EXEC_INFO", "value": info}],
    }
    server = {"server": endpoint, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": server, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "aws"}, "name": "aws"}],
        "current-context": "aws",
        "kind": "Config",
        "users": [{"name": "aws", "user": {"exec": login}}],
    }
