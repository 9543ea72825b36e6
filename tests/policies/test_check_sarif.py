"""The SARIF document: valid by the standard's schema, within what GitHub takes, at the right lines."""

import json
from pathlib import Path

import jsonschema
import pytest

from policies.registry import rules
from slipway.check_sarif import data
from tests.policies.checked import EACH_KIND, RULE, TEXT, UNUSED, checked, exception, finding, refused, written

SCHEMA = json.loads((Path(__file__).parents[1] / "fixtures/schemas/sarif-2.1.0.json").read_text())
VALID = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def results(*environments):
    document = data(environments)
    VALID.validate(document)
    (run,) = document["runs"]
    return run["results"]


def test_the_schema_sees_mistakes():
    assert not VALID.is_valid({"version": "2.1.0", "runs": [{"tool": {}}]})
    assert not VALID.is_valid({"version": "2.1.0", "runs": [], "anything": 1})


def test_a_result_says_what_where_and_how_bad(tmp_path):
    file = written(tmp_path)
    (result,) = results(checked(file, finding()))
    position = [each.id for each in rules()].index(RULE)
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == (RULE, position, "error")
    assert result["message"]["text"] == (
        "aws:eks/cluster:Cluster cluster-eksCluster: upgradePolicy.supportType: EXTENDED; it must be STANDARD."
        " Fix: take cluster.support out of the stack file"
    )
    (place,) = result["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "Pulumi.test.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 4, "startColumn": 5, "endLine": 4, "endColumn": 12},
    }
    assert place["logicalLocations"][0]["fullyQualifiedName"] == finding().urn
    assert "suppressions" not in result


def test_each_kind_of_finding(tmp_path):
    document = data([checked(written(tmp_path), *EACH_KIND)])
    VALID.validate(document)
    (run,) = document["runs"]
    assert [(each["ruleId"], each["level"], "suppressions" in each) for each in run["results"]] == [
        (RULE, "error", False),
        (RULE, "warning", False),
        (RULE, "error", True),
        ("exceptions", "error", False),
    ]
    (invocation,) = run["invocations"]
    (told,) = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is True
    assert (told["level"], told["associatedRule"]["id"]) == ("note", RULE)
    assert told["message"]["text"].endswith("later: upgradePolicy.supportType: unknown until up")


def test_an_exception_is_a_suppression_with_its_reason_and_owner(tmp_path):
    (result,) = results(checked(written(tmp_path), finding(excepted=exception())))
    assert result["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "Bought until the migration ends. (ml-platform, until 2027-03-31)",
        }
    ]


def test_a_fault_of_an_exception_is_at_the_exception(tmp_path):
    (result,) = results(checked(written(tmp_path), UNUSED))
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 7


def test_an_environment_without_a_plan_is_told(tmp_path):
    document = data([refused(written(tmp_path))])
    VALID.validate(document)
    (invocation,) = document["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert told["level"] == "error"
    assert "'1.1' is not supported" in told["message"]["text"]


def fingerprints(*environments):
    return [each["partialFingerprints"]["primaryLocationLineHash"] for each in results(*environments)]


def test_a_fingerprint_outlives_moved_lines_and_other_values(tmp_path):
    before = fingerprints(checked(written(tmp_path), finding()))
    moved = written(tmp_path, TEXT.replace("  slipway:cluster:", "  # a comment\n\n  slipway:cluster:"))
    after = checked(moved, finding(what="PREMIUM; it must be STANDARD"))
    assert fingerprints(after) == before
    assert results(after)[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 6


def test_fingerprints_tell_findings_apart(tmp_path):
    """Two faults at one property too: code hosts would show one."""
    several = (finding(), finding("other"), finding(path="version"), finding(rule="eks-version"), finding(), UNUSED)
    found = fingerprints(checked(written(tmp_path), *several))
    assert len(set(found)) == 6
    assert fingerprints(checked(written(tmp_path), *several)) == found


def test_a_name_that_no_encoding_has_gets_a_fingerprint(tmp_path):
    assert len(fingerprints(checked(written(tmp_path), finding("\ud800"), finding("\ud801")))) == 2


def test_a_fingerprint_stays_when_another_fault_is_mended(tmp_path):
    both = fingerprints(checked(written(tmp_path), finding(), finding(path="version")))
    assert fingerprints(checked(written(tmp_path), finding(path="version"))) == both[1:]


def test_several_environments_are_one_run(tmp_path):
    one, two = (written(tmp_path, name=f"Pulumi.{name}.yaml") for name in ("a", "b c"))
    document = data([checked(one, finding()), checked(two, finding())])
    VALID.validate(document)
    (run,) = document["runs"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert places == ["Pulumi.a.yaml", "Pulumi.b%20c.yaml"]


def test_a_stack_file_in_no_repository_is_named_by_its_whole_address(tmp_path):
    file = written(tmp_path)
    (tmp_path / ".git").rmdir()
    (result,) = results(checked(file, finding()))
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": f"file://{tmp_path.resolve()}/Pulumi.test.yaml"}


def described():
    (run,) = data([])["runs"]
    return run["tool"]["driver"]["rules"]


def test_every_rule_is_described():
    assert [each["id"] for each in described()] == [*(each.id for each in rules()), "exceptions"]


@pytest.mark.parametrize("rule", described(), ids=lambda rule: rule["id"])
def test_a_description_is_what_github_takes(rule):
    """GitHub docs, "SARIF support for code scanning": required properties, and the most of each."""
    for key in ("shortDescription", "fullDescription", "help"):
        assert rule[key]["text"]
    assert len(rule["shortDescription"]["text"]) <= 1024
    assert len(rule["fullDescription"]["text"]) <= 1024
    assert rule["fullDescription"]["text"][-1] in ".)"
    assert len(rule["name"]) <= 255
    assert len(rule["properties"]["tags"]) <= 10
    assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
    assert rule["properties"]["problem.severity"] in {"error", "warning", "recommendation"}
    score = rule["properties"].get("security-severity")
    assert (score is not None) == ("security" in rule["properties"]["tags"])
    assert score is None or 0 < float(score) <= 10


def test_a_critical_rule_of_any_topic_is_about_security():
    scores = {each["id"]: each["properties"].get("security-severity") for each in described()}
    for each in rules():
        if each.severity == "critical":
            assert float(scores[each.id]) > 9
    assert scores[RULE] is None
