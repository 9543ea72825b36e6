"""Images that jobs and services run from."""

from collections.abc import Iterator
from typing import Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import REPOSITORY
from slipway.plan.model import Resource

SCANNING: Final = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


@rule(
    id="data-image-scans",
    severity="low",
    title="Images are scanned for known vulnerabilities when they are pushed.",
    why="A base image with a known hole goes into every notebook and job that is built on it, and nobody is told.",
    fix="keep imageScanningConfiguration of the repositories that registry makes, or scan the whole registry",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",
    key="registry",
    types=(REPOSITORY,),
    scope="stack",
)
def image_scans(inputs: Inputs, _: Resource, around: Around) -> Iterator[Fault]:
    """ECR user guide, "Scan images for software vulnerabilities"; Security Hub control ECR.1."""
    path = "imageScanningConfiguration.scanOnPush"
    if inputs.get(path) is not True and not around.plan.of_type(SCANNING):
        yield Fault(path=path, what="off")
