"""What `slipway check` found, as JUnit XML: what CI servers show as tests.

A suite is an environment, a case a rule. Written for what Jenkins, GitLab and GitHub's actions have in common (schema:
jenkinsci/xunit-plugin, `junit-10.xsd`):

- One failure for each case, with all that breaks the rule: GitLab and Jenkins read only the first.
- The class of a case begins with the environment: GitLab tells cases apart by class and name, not by suite.
- Advisory findings are skipped cases: the only outcome that all three show with its message and that fails no job.
"""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree  # nothing is parsed here

from policies.model import Finding, Verdict
from slipway.check import About, Checked, abouts

_ILLEGAL: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 has no way to say."""


def document(found: Sequence[Checked]) -> str:
    """The XML document."""
    suites = [_suite(each) for each in found]
    root = ElementTree.Element("testsuites", name="slipway check")
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(checked: Checked) -> ElementTree.Element:
    cases = [_refused(checked)] if checked.verdict is None else _cases(checked, checked.verdict)
    suite = ElementTree.Element("testsuite", name=_legal(checked.file.stack), file=_legal(checked.path))
    suite.set("tests", str(len(cases)))
    for count, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(outcome) is not None for case in cases)))
    suite.extend(cases)
    return suite


def _refused(checked: Checked) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_legal(checked.file.stack), name="plan")
    _add(case, "error", "cannot be planned", checked.refused)
    return case


def _cases(checked: Checked, verdict: Verdict) -> list[ElementTree.Element]:
    cases = []
    for each in abouts().values():
        case = ElementTree.Element("testcase", classname=_legal(f"{checked.file.stack}.{each.topic}"), name=each.id)
        if each.id in verdict.disabled:
            _add(case, "skipped", "disabled by policies.levels", "")
        else:
            _outcome(case, each, [finding for finding in verdict.findings if finding.rule == each.id])
        cases.append(case)
    return cases


def _outcome(case: ElementTree.Element, rule: About, found: Sequence[Finding]) -> None:
    broken = [each for each in found if each.kind != "unknown" and each.excepted is None]
    if broken:
        blocks = any(each.blocks for each in broken)
        text = "\n".join([*(each.message for each in broken), f"Why: {rule.why}", rule.source]).rstrip()
        message = (
            f"{len(broken)} {'violation' if blocks else 'advisory finding'}{'s' * (len(broken) > 1)}: {rule.title}"
        )
        _add(case, "failure" if blocks else "skipped", message, text)
    rest = [f"unknown until up: {each.where}" for each in found if each.kind == "unknown"]
    rest += [
        f"excepted until {each.excepted.expires} ({each.excepted.owner}: {each.excepted.reason}): {each.message}"
        for each in found
        if each.excepted is not None
    ]
    if rest:
        ElementTree.SubElement(case, "system-out").text = _legal("\n".join(rest))


def _add(case: ElementTree.Element, outcome: str, message: str, text: str) -> None:
    made = ElementTree.SubElement(case, outcome, type=outcome, message=_legal(message))
    made.text = _legal(text) or None


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
