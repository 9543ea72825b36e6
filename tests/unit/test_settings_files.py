"""The repository's own stack files, the JSON schema that editors use, and the warnings."""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import yaml

from stacks.settings import NAMESPACE, parse, schema, warnings
from tests.strategies import ROOT, STACK_FILES, sections
from tests.unit.settings_cases import CASES
from tests.unit.settings_cases_database import RIGHT as DATABASE
from tests.unit.settings_cases_edge import EDGE
from tests.unit.settings_cases_hybrid import HYBRID
from tests.unit.settings_cases_tenants import WHO as TENANT
from tests.unit.settings_stack import BASE, TODAY, Case, patched

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(config: Mapping[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors({"config": config})]


def config_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{NAMESPACE}:{key}": value for key, value in raw.items()}


def test_there_are_stack_files():
    assert set(STACK_FILES) >= {"dev", "prod", "existing-vpc", "inference", "neuron", "private"}


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_stack_file_parses(name: str):
    found = parse(sections(STACK_FILES[name]), TODAY)
    assert name in (found.platform.environment, "existing-vpc")


@pytest.mark.parametrize("name", STACK_FILES)
def test_the_schema_accepts_every_stack_file(name: str):
    path = STACK_FILES[name]
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []
    named = path.read_text().splitlines()[0].partition("$schema=")[2]
    assert (path.parent / named).resolve() == ROOT / "docs/reference/stack.schema.json"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_schema_rejects_what_a_schema_can_see(case: Case):
    assert bool(errors(config_of(case.raw))) == case.schema


def test_most_cases_need_more_than_a_schema():
    seen = [case for case in CASES.values() if case.schema]
    assert len(seen) >= 30
    assert len(CASES) - len(seen) >= 80


def test_the_schema_leaves_other_namespaces_alone():
    others = {"aws:region": "us-west-2", "pulumi:disable-default-providers": ["*"]}
    assert errors(config_of(BASE) | others) == []
    assert errors(config_of(BASE) | {"region": "us-west-2"})


def test_the_schema_describes_every_key():
    """An editor shows it; a key without a word is a key nobody finds."""
    bare = [
        f"{name}.{key}"
        for name, definition in {**SCHEMA["$defs"], "": SCHEMA["properties"]["config"]}.items()
        for key, value in definition.get("properties", {}).items()
        # What only refers to a part has the part's description.
        if "description" not in {**SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {}), **value}
    ]
    assert bare == []


def test_the_schema_is_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def warned(patch: Mapping[str, Any], today: datetime.date = TODAY) -> tuple[str, ...]:
    """Of the base with one node at most in the GPU group, and with backups: else there are warnings of their own."""
    quiet = {"nodeGroups[1].max": 1, "storage.lustre[0].backupDays": 7}
    return warnings(parse(patched({**quiet, **patch}), today), today)


def test_the_base_warns_of_nothing():
    assert warned({}) == ()


GPU, LUSTRE = "nodeGroups[1]", "storage.lustre[0]"
NOWHERE = "leads nowhere"
APART: Mapping[str, Any] = {"addons.settings": {"vpc-cni": {"networkPolicy": True}}}
"""Without it tenants' pods reach each other's, which is a warning of its own."""


def queueing(*, fair: bool = False, **queues: Any) -> Mapping[str, Any]:
    """Settings of Kueue and its queues."""
    own = {"kueue": {"fairSharing": fair}, "kueue-queues": queues}
    return {"addons.settings": {**APART["addons.settings"], **own}}


WARNINGS: Mapping[str, tuple[Mapping[str, Any], str, datetime.date]] = {
    "support-ends": ({"cluster.version": "1.34"}, "1.34: standard support ends on 2026-12-02, in 10 days", TODAY),
    "support-ends-today": ({"cluster.version": "1.34"}, "2026-12-02, in 0 days", datetime.date(2026, 12, 2)),
    "support-extended": ({"cluster.support": "EXTENDED"}, "EXTENDED", TODAY),
    "open-to-the-world": (
        {"cluster.endpoint": {"public": True, "publicCidrs": ["0.0.0.0/0"]}},
        "0.0.0.0/0 opens the API server to the world",
        TODAY,
    ),
    "hybrid-nodes-in-many-networks": (
        {
            "cluster.hybrid": {
                **HYBRID,
                "nodeCidrs": [f"10.80.{index}.0/24" for index in range(10)],
                "podCidrs": [f"10.84.{index}.0/24" for index in range(7)],
            }
        },
        "cluster.hybrid: 31 inbound rules in the cluster's security group, which takes 60 with all others",
        TODAY,
    ),
    "hybrid-nodes-without-webhooks": (
        {"cluster.hybrid": {**HYBRID, "podCidrs": []}},
        "cluster.hybrid.podCidrs is empty: webhooks must not run on hybrid nodes",
        TODAY,
    ),
    "hybrid-nodes-without-a-way": (
        {"cluster.hybrid": {key: value for key, value in HYBRID.items() if key != "gateway"}},
        "cluster.hybrid.gateway is not set: routes to 10.80.0.0/20, 10.84.0.0/16",
        TODAY,
    ),
    "nobody-has-access": ({"cluster.access": {}}, "cluster.access is empty", TODAY),
    "one-nat": ({"network.nat": "single"}, "network.nat single: all zones lose the internet with one", TODAY),
    "gpus-kept": ({f"{GPU}.min": 1}, "nodeGroups[1] gpu: min 1 keeps accelerated nodes running", TODAY),
    "groups-many": (
        {f"nodeGroups[{index}]": {"name": f"cpu{index}", "instanceTypes": ["m7i.large"]} for index in range(2, 17)},
        "33 managed node groups, one per group and zone; by default EKS takes 30",
        TODAY,
    ),
    "training-without-efa": (
        {f"{GPU}.instanceTypes": ["p5.48xlarge"], f"{GPU}.max": 2},
        "nodeGroups[1] gpu: p5.48xlarge has 32 EFA interfaces and efa is false; jobs over several nodes will use TCP",
        TODAY,
    ),
    "no-autoscaling": (
        {
            "nodeGroups[0].autoscaling": {"enabled": False},
            "nodeGroups[0].desired": 1,
            f"{GPU}.autoscaling": {"enabled": False},
            f"{GPU}.desired": 1,
        },
        "autoscaling is off for every group",
        TODAY,
    ),
    "efa-storage-without-efa-nodes": (
        {
            LUSTRE: {
                "name": "fast",
                "capacity": 4800,
                "throughputPerTib": 1000,
                "efa": True,
                "metadata": {},
                "backupDays": 1,
            }
        },
        "storage.lustre[0] fast is EFA-enabled, and no node group has efa",
        TODAY,
    ),
    "storage-in-another-zone": (
        {f"{LUSTRE}.zone": "usw2-az2"},
        "storage.lustre[0] scratch is in usw2-az2; nodes in usw2-az1 reach it across zones",
        TODAY,
    ),
    "files-without-a-copy": (
        {f"{LUSTRE}.backupDays": 0},
        "storage.lustre[0] scratch has neither backupDays nor a repository that exports to S3",
        TODAY,
    ),
    "every-tag-may-move": (
        {"registry": {"repositories": [{"name": "team/a", "mutableTags": ["*"]}]}},
        "registry.repositories[0] team/a: with mutableTags * any push may move any tag",
        TODAY,
    ),
    "workstation-that-nobody-stops": (
        {"workstation.instance": {"instanceType": "g5.xlarge"}},
        "workstation.instance g5.xlarge runs until somebody stops it",
        TODAY,
    ),
    "workstation-far-from-its-files": (
        {"workstation.instance": {"instanceType": "g5.xlarge", "zone": "usw2-az2", "stopAfterIdleMinutes": 60}},
        "workstation.instance is in usw2-az2 and mounts scratch of usw2-az1 across zones",
        TODAY,
    ),
    "alarms-for-nobody": (
        {"observability": {}},
        "observability.addresses is empty: alarms go to a topic that has no subscriber of this stack",
        TODAY,
    ),
    "budget-that-may-see-nothing": (
        {"observability": {"addresses": ["ml@example.com"], "budgets": {"environment": {"monthly": 1000}}}},
        "observability.budgets count nothing until the tag Platform is active for cost allocation",
        TODAY,
    ),
    "scratch-that-is-kept": (
        {LUSTRE: {"name": "scratch", "deployment": "SCRATCH_2", "capacity": 2400}},
        "storage.lustre[0] scratch is SCRATCH_2: a failed server loses its files",
        TODAY,
    ),
    "athena-engine-that-moves": (
        {"analytics": {"athena": {"results": "data", "engine": "AUTO"}}},
        "analytics.athena.engine AUTO: AWS moves queries to another engine version when it likes",
        TODAY,
    ),
    "sagemaker-interfaces-anywhere": (
        {"analytics": {"sagemaker": {"processingInVpc": True}}},
        "analytics.sagemaker.processingInVpc: SageMaker asks that the role may make and delete network interfaces",
        TODAY,
    ),
    "edge-without-login": (
        {"edge": patched({"login": None}, EDGE)},
        "edge.login is off: the load balancer lets in whoever is in edge.loadBalancer.clients",
        TODAY,
    ),
    "edge-entry-without-its-add-on": (
        {"edge": patched({"entries": ["jupyterhub"]}, EDGE)},
        "edge.entries[0] jupyterhub: its add-on jupyterhub is not enabled, so it leads nowhere",
        TODAY,
    ),
    "edge-entry-misspelt": (
        {"edge": patched({"entries": ["grafna"]}, EDGE)},
        "edge.entries[0] grafna: no add-on has this page (did you mean 'grafana'?); it leads to what you put behind it",
        TODAY,
    ),
    "edge-open-to-the-world": (
        {"edge": patched({"loadBalancer.clients": ["0.0.0.0/0"]}, EDGE)},
        "edge.loadBalancer.clients: 0.0.0.0/0 opens the login page to the world",
        TODAY,
    ),
    "edge-sign-up": (
        {"edge": patched({"login.selfSignUp": True}, EDGE)},
        "edge.login.selfSignUp: whoever reaches the login page can make an account",
        TODAY,
    ),
    "edge-without-entries": (
        {"edge": patched({"entries": []}, EDGE)},
        "edge.entries is empty: Cognito sends people back to ml.example.com alone",
        TODAY,
    ),
    "database-in-one-zone": (
        {"databases": [{**DATABASE, "multiAz": False}]},
        "databases[0] metadata: multiAz is false",
        TODAY,
    ),
    "database-in-extended-support": (
        {"databases": [{**DATABASE, "engine": "mysql", "version": "8.0", "support": "EXTENDED"}]},
        "databases[0] metadata: support EXTENDED is billed per vCPU",
        TODAY,
    ),
    "database-in-the-clear": (
        {"databases": [{**DATABASE, "requireTls": False}]},
        "databases[0] metadata: requireTls is false",
        TODAY,
    ),
    "tenants-with-more-roles-than-an-account-has": (
        {"tenants": {f"t{number}": TENANT for number in range(1001)}, **APART},
        "1001 tenants have a role each; by default IAM takes 1000 in an account",
        TODAY,
    ),
    "tenants-that-nothing-keeps-apart": (
        {"tenants": {"team": TENANT}},
        "nothing enforces network policies; set addons.settings.vpc-cni.networkPolicy",
        TODAY,
    ),
    "weights-of-what-is-not-shared-by-them": (
        {"tenants": {"team": TENANT}, **queueing(weights={"team": 2})},
        "addons.settings.kueue-queues.weights count nothing without addons.settings.kueue.fairSharing",
        TODAY,
    ),
    "pushing-out-that-fair-sharing-does-not-do": (
        {"tenants": {"team": TENANT}, **queueing(fair=True, preemptToBorrow=True)},
        "addons.settings.kueue-queues.preemptToBorrow does nothing with addons.settings.kueue.fairSharing",
        TODAY,
    ),
    "tenants-without-nodes": (
        {"tenants": {"team": TENANT}, "nodeGroups": BASE["nodeGroups"][:1], "storage.lustre": [], **APART},
        "tenants: every node group is a system group, so that no queue of theirs has nodes",
        TODAY,
    ),
    "tenants-with-power-over-nodes": (
        {"tenants": {"team": {**TENANT, "podSecurity": "privileged"}}, **APART},
        "tenants team: podSecurity privileged lets their pods take over a node",
        TODAY,
    ),
    "tenants-whose-notebooks-do-not-start": (
        {"tenants": {"team": {**TENANT, "podSecurity": "restricted"}}, "addons.preset": "notebooks", **APART},
        "tenants team: podSecurity restricted refuses Kubeflow's notebooks",
        TODAY,
    ),
    "tenants-with-budgets-that-count-nothing": (
        {
            "tenants": {"team": {**TENANT, "budget": {"monthly": 100}}},
            "observability": {"addresses": ["ml@example.com"]},
            **APART,
        },
        "budgets of tenants count nothing until the tag Tenant is active for cost allocation in the payer's account",
        TODAY,
    ),
}


@pytest.mark.parametrize(("patch", "text", "today"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_allowed_and_unwise_gives_one_warning(patch: Mapping[str, Any], text: str, today: datetime.date):
    # The entries of these files have names of pages whose add-ons are off, which is not what they are about.
    (warning,) = [each for each in warned(patch, today) if NOWHERE in text or NOWHERE not in each]
    assert text in warning


@pytest.mark.parametrize(
    ("patch", "today"),
    [
        ({"cluster.version": "1.34"}, datetime.date(2026, 10, 2)),
        ({"network.internet": False, "network.nat": "single"}, TODAY),
        ({f"{LUSTRE}.zone": "usw2-az1"}, TODAY),
        ({"workstation": {"instance": {"instanceType": "g5.xlarge", "capacity": "spot"}}}, TODAY),
        (
            {
                "workstation.instance": {
                    "instanceType": "g5.xlarge",
                    "zone": "usw2-az2",
                    "mounts": ["home"],
                    "stopAfterIdleMinutes": 60,
                }
            },
            TODAY,
        ),
        ({"nodeGroups[0].autoscaling": {"enabled": False}, "nodeGroups[0].desired": 1}, TODAY),
        ({LUSTRE: {"name": "s", "deployment": "SCRATCH_2", "capacity": 2400, "disposable": True}}, TODAY),
        (
            {
                "observability": {
                    "addresses": ["ml@example.com"],
                    "budgets": {"environment": {"monthly": 1000}, "allocationTags": "confirmed"},
                }
            },
            TODAY,
        ),
        ({"databases": [DATABASE]}, TODAY),
        ({"tenants": {f"t{number}": TENANT for number in range(1000)}, **APART}, TODAY),
        (
            {
                "tenants": {"team": {**TENANT, "budget": {"monthly": 100}}},
                "observability": {"addresses": ["ml@example.com"], "budgets": {"allocationTags": "activate"}},
                **APART,
            },
            TODAY,
        ),
        ({"databases": [{**DATABASE, "multiAz": False, "disposable": True}]}, TODAY),
        ({"edge": EDGE}, TODAY),
        ({"edge": patched({"loadBalancer": {"internal": True, "clients": ["0.0.0.0/0"]}}, EDGE)}, TODAY),
        (
            {
                f"{GPU}.efa": True,
                LUSTRE: {
                    "name": "s",
                    "capacity": 4800,
                    "throughputPerTib": 1000,
                    "efa": True,
                    "metadata": {},
                    "backupDays": 1,
                },
            },
            TODAY,
        ),
    ],
)
def test_what_is_wise_gives_none(patch: Mapping[str, Any], today: datetime.date):
    assert [each for each in warned(patch, today) if NOWHERE not in each] == []
