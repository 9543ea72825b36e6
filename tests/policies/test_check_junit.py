"""The JUnit document: by the schema that Jenkins has for it, and what CI servers make of it."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.registry import rules
from slipway.check_junit import document
from tests.policies.checked import EACH_KIND, RULE, checked, exception, finding, refused, written

XS = "{http://www.w3.org/2001/XMLSchema}"
SCHEMA = ElementTree.parse(Path(__file__).parents[1] / "fixtures/schemas/junit-10.xsd").getroot()
ELEMENTS = {each.get("name"): each for each in SCHEMA.findall(f"{XS}element")}


def faults(element, where=""):
    """What an element has that the schema does not know, or lacks that it asks for."""
    here = f"{where}/{element.tag}"
    declared = ELEMENTS[element.tag]
    known = {each.get("name"): each.get("use") for each in declared.iter(f"{XS}attribute")}
    inside = {each.get("ref") for each in declared.iter(f"{XS}element")} - {None}
    yield from (f"{here}: attribute {name} is unknown" for name in element.attrib if name not in known)
    yield from (
        f"{here}: {name} is missing" for name, use in known.items() if use == "required" and not element.get(name)
    )
    text = declared.get("type") == "xs:string" or any(each.get("mixed") for each in declared)
    if not text and (element.text or "").strip():
        yield f"{here}: has text"
    for child in element:
        if child.tag in inside:
            yield from faults(child, here)
        else:
            yield f"{here}: {child.tag} is not allowed"


def parsed(*environments):
    root = ElementTree.fromstring(document(environments).encode())
    assert list(faults(root)) == []
    return root


def case(root, name=RULE):
    (found,) = root.iterfind(f".//testcase[@name='{name}']")
    return found


def test_the_schema_sees_mistakes():
    wrong = ElementTree.fromstring("<testsuites><testsuite name='a'><testcase/><failed/></testsuite>x</testsuites>")
    assert len(list(faults(wrong))) == 5


def test_a_rule_is_a_case_of_its_environment(tmp_path):
    root = parsed(checked(written(tmp_path), finding()))
    (suite,) = root
    assert (suite.get("name"), suite.get("file")) == ("test", "Pulumi.test.yaml")
    assert [each.get("name") for each in suite] == [*(each.id for each in rules()), "exceptions"]
    assert case(root).get("classname") == "test.eks"
    assert suite.get("tests") == root.get("tests") == str(len(rules()) + 1)
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("1", "0", "0")


def test_cases_of_two_environments_have_two_names(tmp_path):
    files = [written(tmp_path, name=f"Pulumi.{name}.yaml") for name in ("dev", "prod")]
    root = parsed(*(checked(file, finding()) for file in files))
    names = [(each.get("classname"), each.get("name")) for each in root.iter("testcase")]
    assert len(names) == len(set(names)) == 2 * (len(rules()) + 1)
    assert root.get("failures") == "2"


def test_all_that_breaks_a_rule_is_one_failure(tmp_path):
    (failure,) = case(parsed(checked(written(tmp_path), finding(), finding("another"))))
    assert failure.tag == "failure"
    assert failure.get("message").startswith("2 violations: ")
    assert failure.text.count("it must be STANDARD. Fix: take cluster.support out of the stack file") == 2
    assert "cluster-eksCluster" in failure.text
    assert "another" in failure.text
    assert "Why: Extended support costs six times" in failure.text


def test_what_only_advises_is_skipped_with_a_message(tmp_path):
    root = parsed(checked(written(tmp_path), finding(level="advisory")))
    (skipped,) = case(root)
    assert (skipped.tag, skipped.get("message")[:19]) == ("skipped", "1 advisory finding:")
    assert (root.get("failures"), root[0].get("skipped")) == ("0", "1")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (finding(excepted=exception()), "excepted until 2027-03-31 (ml-platform: Bought until the migration ends.)"),
        (finding(kind="unknown", what="unknown until up", fix=""), "unknown until up: aws:eks/cluster:Cluster"),
    ],
)
def test_what_is_excepted_or_unknown_passes_and_says_so(tmp_path, found, words):
    root = parsed(checked(written(tmp_path), found))
    (said,) = case(root)
    assert said.tag == "system-out"
    assert words in said.text
    assert root.get("failures") == "0"


def test_each_kind_of_finding(tmp_path):
    root = parsed(checked(written(tmp_path), *EACH_KIND))
    assert [each.tag for each in case(root)] == ["failure", "system-out"]
    assert [each.tag for each in case(root, "exceptions")] == ["failure"]
    assert root.get("failures") == "2"


def test_a_disabled_rule_is_skipped(tmp_path):
    (skipped,) = case(parsed(checked(written(tmp_path), disabled=(RULE,))))
    assert (skipped.tag, skipped.get("message")) == ("skipped", "disabled by policies.levels")


def test_an_environment_without_a_plan_is_an_error(tmp_path):
    root = parsed(refused(written(tmp_path)))
    (error,) = case(root, "plan")
    assert (error.tag, error.text) == ("error", "cluster.version: '1.1' is not supported")
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


@given(st.text())
def test_any_text_is_well_formed(tmp_path_factory, text):
    """A value of the stack file may hold what XML cannot say."""
    file = written(tmp_path_factory.mktemp("any"))
    (failure,) = case(parsed(checked(file, finding(what=text))))
    assert failure.tag == "failure"
