"""What `slipway check` found, as SARIF 2.1.0: what code hosts show at the lines of a change.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub docs, "SARIF support for code
scanning", whose limits on texts and tags hold here. One run for all environments, since GitHub refuses several runs of
one tool in a file.

- What cannot be told until up is a notification, not a result: GitHub makes an open alert of every result.
- What an exception covers is a suppressed result. GitHub does not read suppressions: take these out before an upload.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from policies.model import EXCEPTIONS, Finding, Severity
from slipway import urns
from slipway.check import About, Checked, abouts
from slipway.check_lines import Lines, Region

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_MOST: Final = 1024
"""Characters of a description that GitHub takes."""
_LEVELS: Final[Mapping[Severity, str]] = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES: Final[Mapping[Severity, str]] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5"}
"""In the middle of what GitHub calls by the same names."""
_SECURITY: Final = frozenset({"data", "iam"})
"""Topics that are about security as a whole; of the others, what is critical."""


def data(found: Sequence[Checked]) -> dict[str, Any]:
    """The document."""
    known = abouts()
    index = {id_: position for position, id_ in enumerate(known)}
    seen: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for checked in found:
        if checked.verdict is None:
            told.append(
                {"level": "error", "message": {"text": f"cannot be planned: {checked.refused}"}} | _file(checked)
            )
            continue
        lines = Lines(checked.file) if checked.verdict.findings else None
        for each in checked.verdict.findings:
            rule = known[each.rule]
            where = _location(checked, each, lines.of(each, rule)) if lines else {}
            if each.kind == "unknown":
                told.append(_notification(each, index[each.rule], where))
            else:
                results.append(_result(each, index[each.rule], where, seen))
    run = {
        "tool": {"driver": {"name": "slipway", "rules": [_rule(each) for each in known.values()]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [
            {
                "executionSuccessful": all(each.verdict is not None for each in found),
                "toolExecutionNotifications": told,
            }
        ],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: About) -> dict[str, Any]:
    tags = [rule.topic, rule.severity]
    properties: dict[str, Any] = {"precision": "very-high", "problem.severity": _LEVELS[rule.severity]}
    if _LEVELS[rule.severity] == "note":
        properties["problem.severity"] = "recommendation"
    if rule.topic in _SECURITY or rule.severity == "critical":
        tags.append("security")
        properties["security-severity"] = _SCORES[rule.severity]
    source = f"\n\nSource: {rule.source}" if rule.source else ""
    linked = f"\n\n[Source]({rule.source})" if rule.source else ""
    described: dict[str, Any] = {
        "id": rule.id,
        "name": rule.id.title().replace("-", ""),
        "shortDescription": {"text": rule.title[:_MOST]},
        "fullDescription": {"text": f"{rule.title} {rule.why}"[:_MOST]},
        "help": {
            "text": f"{rule.why}\n\nFix: {rule.fix}{source}",
            "markdown": f"{rule.why}\n\n**Fix:** {rule.fix}{linked}",
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {**properties, "tags": tags},
    }
    return described | ({"helpUri": rule.source} if rule.source else {})


def _result(finding: Finding, index: int, where: Mapping[str, Any], seen: Counter[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "error" if finding.level == "mandatory" else "warning",
        "message": {"text": finding.message},
        **where,
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, seen)},
        "properties": {"severity": finding.severity, "what": finding.what},
    }
    if finding.excepted is not None:
        reason = f"{finding.excepted.reason} ({finding.excepted.owner}, until {finding.excepted.expires})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """The same for the same fault of the same resource, wherever its line moves.

    The name is GitHub's, which looks at no other. Its own hash, of the line's text, would make one alert of all
    resources that come from one line.
    """
    subject = finding.what if finding.rule == EXCEPTIONS else finding.path
    whole = "\n".join((finding.rule, finding.urn, subject)).encode(errors="surrogatepass")
    digest = hashlib.sha256(whole).hexdigest()[:16]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _notification(finding: Finding, index: int, where: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": finding.message},
        "associatedRule": {"id": finding.rule, "index": index},
        **where,
    }


def _location(checked: Checked, finding: Finding, region: Region) -> dict[str, Any]:
    (place,) = _file(checked)["locations"]
    place["physicalLocation"]["region"] = {
        "startLine": region.line,
        "startColumn": region.column,
        "endLine": region.line,
        "endColumn": region.end_column,
    }
    place["logicalLocations"] = [
        {"name": urns.name(finding.urn), "fullyQualifiedName": finding.urn, "kind": "resource"}
    ]
    return {"locations": [place]}


def _file(checked: Checked) -> dict[str, Any]:
    """The stack file: from the repository's root, or by its whole address where it is in none."""
    absolute = checked.path.startswith("/")
    uri = {"uri": f"file://{quote(checked.path)}"} if absolute else {"uri": quote(checked.path), "uriBaseId": _ROOT}
    return {"locations": [{"physicalLocation": {"artifactLocation": uri}}]}
