"""Findings are shown at the line of the stack file that decides them."""

import re

import pytest

from policies.registry import rules
from slipway import stackfile
from slipway.check import about
from slipway.check_lines import Lines
from slipway.check_sarif import data
from tests.policies.breaking import held_to
from tests.policies.checked import checked, finding, written
from tests.program.conftest import STACK_FILES, planned

PROD = stackfile.load("prod")
TEXT = PROD.path.read_text().splitlines()
COMPONENTS = {
    "nodes": "slipway:infra:NodeGroups",
    "cluster": "slipway:infra:Cluster",
    "storage": "slipway:infra:Storage",
    "databases": "slipway:infra:Databases",
    "network": "slipway:infra:Network",
    "entries": "slipway:infra:Entries",
    "key": "slipway:infra:DataKey",
    "addon": "slipway:addons:AddOn",
    "tenant": "slipway:tenants:Tenants$slipway:tenants:Tenant",
    "bare": "aws:x/y:Parent",
}


def line(lines, key, component, name, *, fix="", path=""):
    """The line, and what of it is marked."""
    rule = about(rules()[0])
    urn = f"urn:pulumi:prod::slipway::{COMPONENTS[component]}$aws:x/y:Z::{name}"
    found = finding(urn=urn, fix=fix, path=path, kind="exception" if path else "violation")
    return lines.of(found, type(rule)(**{**vars(rule), "key": key}))


@pytest.mark.parametrize(
    ("key", "component", "name", "fix", "whole", "marked"),
    [
        # an item by its name, and the setting in it that the fix names
        ("nodeGroups", "nodes", "h100-usw2-az2", "", "    - name: h100", "h100"),
        ("nodeGroups", "nodes", "h200-usw2-az2-enabled", "set nodeGroups[].max", "      max: 4", "max"),
        (
            "nodeGroups",
            "nodes",
            "cpu-usw2-az1",
            "no nodeGroups[].capacity.type",
            r"      capacity: \{ type: spot \}",
            "type",
        ),
        ("nodeGroups", "nodes", "h100-usw2-az2", "leave nodeGroups[].placement.group", "    - name: h100", "h100"),
        ("storage", "storage", "storage-data", "", r"      data: \{ infrequentAccessDays: 90 \}", "data"),
        ("storage", "storage", "storage-training/data", "", "      - name: training", "training"),
        ("cluster", "cluster", "cluster-access-researchers", "", "      researchers:", "researchers"),
        (
            "cluster",
            "cluster",
            "cluster-access-researchers",
            "cluster.access.<name>.policy",
            "        policy: view",
            "policy",
        ),
        (
            "storage",
            "storage",
            "storage-training",
            "raise storage.lustre[].capacity",
            "        capacity: 9600",
            "capacity",
        ),
        ("addons", "addon", "mpi-operator-namespace-x", "", "      - mpi-operator", "mpi-operator"),
        ("addons", "addon", "istiod", "", r"      istiod: .*", "istiod"),
        ("tenants", "addon", "tenants-networkpolicy-tenant-vision", "", "    vision:", "vision"),
        ("edge", "entries", "entries-kubeflow", "", r"    entries: \[kubeflow.*", "kubeflow"),
        # a setting of the section
        (
            "cluster",
            "cluster",
            "cluster-eksCluster",
            "narrow cluster.endpoint.publicCidrs",
            "      publicCidrs:.*",
            "publicCidrs",
        ),
        ("cluster", "cluster", "cluster-eksCluster", "set cluster.logs.types", r"    logs: .*", "logs"),
        # the section that makes the resource, where the rule's own has nothing of that name
        ("storage", "databases", "databases-metadata", "", "    - name: metadata.*", "metadata"),
        ("database", "tenant", "tenants-language/home", "", "    language:", "language"),
        ("workstation", "key", "data-secrets", "", r"      data: .*", "data"),
        ("workstation", "network", "network", "", "  slipway:network:", "slipway:network"),
        # what nothing in the file decides
        ("workstation", "bare", "aws", "", "config:", "config"),
        # no part of a word is a name
        ("nodeGroups", "nodes", "h1000-usw3-az2", "", "  slipway:nodeGroups:", "slipway:nodeGroups"),
    ],
)
def test_the_line_that_decides(*, key, component, name, fix, whole, marked):
    region = line(Lines(PROD), key, component, name, fix=fix)
    text = TEXT[region.line - 1]
    assert re.fullmatch(whole, text), text
    assert text[region.column - 1 : region.end_column - 1] == marked


def test_an_exception_is_where_it_stands(tmp_path):
    text = "config:\n  slipway:policies:\n    exceptions:\n      - rule: a\n        resource: b\n      - { rule: c }\n"
    lines = Lines(written(tmp_path, text))
    assert line(lines, "policies", "bare", "stack", path="policies.exceptions[0]").line == 4
    assert line(lines, "policies", "bare", "stack", path="policies.exceptions[1]").line == 6
    assert line(lines, "policies", "bare", "stack", path="policies.exceptions[2]").line == 3


@pytest.mark.parametrize("text", ["config: {}\n", "config:\n", "{}\n", "encryptionsalt: x\n"])
def test_a_file_of_nothing_has_a_first_line(tmp_path, text):
    assert line(Lines(written(tmp_path, text)), "cluster", "cluster", "cluster").line == 1


def test_keys_of_the_project_need_no_namespace(tmp_path):
    lines = Lines(written(tmp_path, "config:\n  aws:region: x\n  network:\n    nat: single\n"))
    assert line(lines, "network", "network", "network-nat", fix="set network.nat").line == 4


def test_an_alias_is_where_its_anchor_is(tmp_path):
    text = "config:\n  slipway:cluster: &it\n    support: EXTENDED\n  slipway:network: *it\n"
    assert line(Lines(written(tmp_path, text)), "network", "network", "n", fix="set network.support").line == 3


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_every_resource_of_every_plan_has_a_line(path):
    """Whatever a rule finds: a position that is in the file."""
    file = stackfile.load(str(path))
    assert held_to(path).platform is not None
    found = [finding(urn=each.urn, fix=rule.fix) for each in planned(path) for rule in rules()[:1]]
    (run,) = data([checked(file, *found)])["runs"]
    text = path.read_text().splitlines()
    for each in run["results"]:
        region = each["locations"][0]["physicalLocation"]["region"]
        marked = text[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
        assert marked
        assert marked.strip() == marked
