"""Checked environments made by hand: each kind of finding, in a stack file of a few lines."""

import datetime
from pathlib import Path
from typing import Any

from policies.model import Finding, Verdict
from policies.registry import rules
from policies.settings import ExceptionSettings
from slipway import stackfile
from slipway.check import Checked
from slipway.plan.bill.types import CLUSTER

TODAY = datetime.date(2026, 11, 22)
RULE = "eks-extended-support"
TEXT = """config:
  slipway:cluster:
    version: "1.34"
    support: EXTENDED # dear
  slipway:policies:
    exceptions:
      - rule: eks-version
        resource: "*"
        reason: No longer needed
        owner: ml-platform
        expires: "2026-01-31"
"""


def written(folder: Path, text: str = TEXT, name: str = "Pulumi.test.yaml") -> stackfile.StackFile:
    """A stack file in a folder that is a repository."""
    (folder / ".git").mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return stackfile.load(str(path))


def finding(name: str = "cluster-eksCluster", **change: Any) -> Finding:
    """A mandatory violation, changed."""
    known: dict[str, Any] = {
        "rule": RULE,
        "kind": "violation",
        "level": "mandatory",
        "severity": "high",
        "urn": f"urn:pulumi:test::slipway::slipway:infra:Cluster${CLUSTER}::{name}",
        "path": "upgradePolicy.supportType",
        "what": "EXTENDED; it must be STANDARD",
        "fix": "take cluster.support out of the stack file",
    }
    return Finding(**{**known, **change})


def exception(expires: str = "2027-03-31") -> ExceptionSettings:
    """What covers the violation."""
    return ExceptionSettings(
        rule=RULE, resource="*", reason="Bought until the migration ends.", owner="ml-platform", expires=expires
    )


UNUSED = finding(
    rule="exceptions",
    kind="exception",
    severity="medium",
    urn="urn:pulumi:test::slipway::pulumi:pulumi:Stack::slipway-test",
    path="policies.exceptions[0]",
    what="expired on 2026-01-31 (owner: ml-platform)",
    fix="take it out",
)
EACH_KIND = (
    finding(),
    finding("advised", level="advisory"),
    finding("covered", excepted=exception()),
    finding("later", kind="unknown", level="advisory", what="unknown until up", fix=""),
    UNUSED,
)


def checked(file: stackfile.StackFile, *findings: Finding, disabled: tuple[str, ...] = ()) -> Checked:
    """An environment of which the rules said this."""
    asked = tuple(each for each in rules() if each.id not in disabled)
    verdict = Verdict(stack=file.stack, rules=asked, disabled=disabled, findings=findings)
    return Checked(file=file, today=TODAY, verdict=verdict)


def refused(file: stackfile.StackFile, message: str = "cluster.version: '1.1' is not supported") -> Checked:
    """An environment that has no plan."""
    return Checked(file=file, today=TODAY, refused=message)
