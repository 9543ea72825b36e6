"""Accounts of AWS whose private ECR registries hold images for machine learning.

Source: `data/image_registries.json` (AWS Deep Learning Containers, "Region Availability").
"""

from infra.catalog.table import table


def deep_learning(region: str) -> str | None:
    """The account of the Deep Learning Containers in a region; None where the catalogue knows none."""
    return _account(region, "containers")


def sagemaker_algorithms(region: str) -> str | None:
    """The account of SageMaker's own algorithms (XGBoost, Scikit-learn); None where the catalogue knows none."""
    return _account(region, "algorithms")


def _account(region: str, kind: str) -> str | None:
    row: dict[str, str] = table("image_registries").row(region) or {}
    return row.get(kind)
