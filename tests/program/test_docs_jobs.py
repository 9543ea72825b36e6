"""The jobs on the pages run where the pages say: each is held against the plan of `prod`, whose names they use."""

from pathlib import Path

from slipway.jobs import kinds
from slipway.jobs.fit import check
from slipway.jobs.planned import cluster
from tests.contract.test_docs_manifests import PAGES, blocks, manifests

ELSEWHERE = {
    "metadata.namespace": {"llm-serving", "profiles"},
    "spec.runtimeRef.name": {"distributed-training", "elastic-training", "tuning"},
    "kind": {"volcano-or-kai"},
    "spec.template.spec.schedulerName": {"volcano-or-kai"},
}
"""What `prod` does not have, and the pages that are about stacks which do: path of the finding to pages."""


def jobs() -> list[tuple[Path, str]]:
    """The blocks with a job in them, and their pages."""
    found = [(page, body) for page in PAGES for _, body in blocks(page.read_text())]
    return [(page, body) for page, body in found if any(kinds.key(each) in kinds.KINDS for each in manifests(body))]


def test_the_jobs_of_the_pages_run(prod):
    here = cluster(prod)
    found = [
        (page.stem, each.path, str(each))
        for page, body in jobs()
        for each in check(body, here).errors
        if page.stem not in ELSEWHERE.get(each.path, ())
    ]
    assert found == []


def test_pages_have_jobs():
    assert {"login-to-served-model", "tenants", "ray", "spark"} <= {page.stem for page, _ in jobs()}
