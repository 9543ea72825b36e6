"""Every add-on of the catalogue against the real charts, EKS's add-ons, Kubernetes' schemas and IAM's rules.

What the charts do is known from ../shared/reference: their values, their schemas, and what Helm renders for them with
the value paths that were seen to take effect. Helm ignores an unknown path in silence.
"""

import json
import re
from typing import Any

import jsonschema
import pytest

from addons import registry
from addons.graph import reachable
from addons.spec import AddOn, Chart, EksAddon, Manifest, Objects
from addons.values import values_of
from infra.catalog import autoscaler, eks
from tests.contract import charts, objects
from tests.contract.charts import cases

CATALOGUE = registry.discover()
CHART_OF: dict[str, str | None] = {
    "vpc-cni": "aws-vpc-cni",
    "coredns": None,
    "kube-proxy": None,
    "snapshot-controller": None,
}
"""The chart that an EKS add-on is made from, where its name differs or where there is none."""


def chart_of(addon: AddOn[Any]) -> str | None:
    if isinstance(addon.source, Chart):
        return addon.source.name
    return CHART_OF.get(addon.name, addon.name)


def each(*addons: AddOn[Any]) -> list[Any]:
    """Parameters of a test over add-ons."""
    return [pytest.param(addon, id=addon.name) for addon in addons]


FROM_CHARTS = [addon for addon in CATALOGUE.values() if isinstance(addon.source, Chart)]
MANAGED = [addon for addon in CATALOGUE.values() if isinstance(addon.source, EksAddon)]
OBJECTS = [addon for addon in CATALOGUE.values() if isinstance(addon.source, Objects)]
WITH_CHARTS = [addon for addon in (*FROM_CHARTS, *MANAGED) if chart_of(addon)]


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key, {})
    return values


def paths(facts: dict[str, Any], category: str) -> dict[str, list[str]]:
    """Value paths seen to take effect, and the objects they change."""
    found: dict[str, list[str]] = facts["value_paths"]["by_category"].get(category, {}).get("effective", {})
    return found


# What is installed.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*FROM_CHARTS))
def test_the_chart_was_seen_at_this_version(addon):
    facts = charts.chart_facts(addon.source.name)
    assert addon.source.version == facts["version"]
    # Names of workloads and service accounts follow the release, which is named after the add-on.
    assert addon.name == facts["release"]
    assert addon.namespace == facts["namespace"]


@pytest.mark.parametrize("addon", each(*MANAGED))
def test_eks_lists_the_addon(addon):
    assert addon.source.name in eks.addons()


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*MANAGED))
def test_the_facts_name_the_addon_too(addon):
    facts = json.loads((charts.SHARED / "facts" / "eks_addons.json").read_text())
    assert addon.source.name in {item["name"] for item in facts["addons"]}


# Values.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*WITH_CHARTS))
def test_every_value_path_exists_in_the_chart(addon, known):
    defaults = charts.chart_values(chart_of(addon))
    for handle, settings in cases(addon):
        values = known(values_of(addon, settings, handle, {}))
        # Flags of the autoscaler have a test of their own.
        values.pop("extraArgs", None)
        assert charts.unknown_paths(values, defaults) == []


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*(addon for addon in WITH_CHARTS if charts.chart_schema(str(chart_of(addon))))))
def test_the_values_fit_the_chart_s_schema(addon, known):
    name = str(chart_of(addon))
    schema = charts.chart_schema(name)
    assert schema is not None
    for handle, settings in cases(addon):
        values = known(values_of(addon, settings, handle, {}))
        jsonschema.validate(charts.merged(charts.chart_values(name), values), schema)


@charts.needs_reference
@pytest.mark.usefixtures("known")
def test_the_autoscaler_s_flags_exist():
    text = (charts.REFERENCE / "cluster-autoscaler" / "chart" / "values.yaml").read_text()
    commented = {flag.partition("_")[0] for flag in re.findall(r"^  # ([a-z0-9_-]+): ", text, re.MULTILINE)}
    addon = CATALOGUE["cluster-autoscaler"]
    for handle, settings in cases(addon):
        used = set(addon.values(handle, settings)["extraArgs"])
        assert used <= {*autoscaler.FLAG_DEFAULTS, *commented}


# Placement.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*WITH_CHARTS))
def test_tolerations_go_where_the_chart_reads_them(addon):
    effective = paths(charts.chart_facts(chart_of(addon)), "tolerations")
    assert set(addon.placement.accelerated) <= set(effective)


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*WITH_CHARTS))
def test_daemonsets_reach_every_tainted_node_and_controllers_none(addon, known):
    """A device plugin that does not tolerate the GPU taint leaves its nodes without GPUs."""
    handle, *_ = charts.fitting(addon)
    settings = addon.settings()
    values = known(values_of(addon, settings, handle, {}))
    facts = charts.chart_facts(chart_of(addon))
    for workload in facts["workloads"]:
        everywhere = workload["tolerates"]["any custom NoSchedule"] is True
        by_path = facts["value_paths"]["by_workload"].get(f"{workload['kind']}/{workload['name']}", {})
        changed = set(by_path.get("tolerations", [])) & set(addon.placement.accelerated)
        if workload["kind"] != "DaemonSet":
            assert not everywhere
            assert not changed, f"{workload['name']} would be scheduled on accelerated nodes"
        elif not everywhere:
            (path,) = changed
            tolerated = at(values, path)
            for taint in handle.taints:
                assert taint.toleration in tolerated, f"{workload['name']} does not tolerate {taint.key}"


# Identities.


def service_accounts(addon: AddOn[Any], values: dict[str, Any]) -> set[str]:
    """The service accounts that the chart creates with these values."""
    facts = charts.chart_facts(chart_of(addon))
    renamed = {at(values, path) for path in paths(facts, "service_account_name") if at(values, path)}
    return renamed or {item["name"] for item in facts["service_accounts"]}


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*(addon for addon in WITH_CHARTS if addon.identities)))
def test_the_identity_is_of_a_service_account_that_the_chart_creates(addon, known):
    """An association with a name that no pod uses is accepted, and gives nobody a permission."""
    values = known(values_of(addon, addon.settings(), charts.fitting(addon)[0], {}))
    assert {item.service_account for item in addon.identities} <= service_accounts(addon, values)


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*(addon for addon in MANAGED if addon.identities)))
def test_the_identity_is_of_the_service_account_that_eks_documents(addon):
    facts = json.loads((charts.SHARED / "facts" / "eks_addons.json").read_text())
    (documented,) = [item["service_account"] for item in facts["addons"] if item["name"] == addon.source.name]
    assert [item.service_account for item in addon.identities] == [documented.partition(" ")[0]]


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*(addon for addon in FROM_CHARTS if addon.identities)))
def test_irsa_annotates_a_path_that_the_chart_reads(addon, known):
    effective = paths(charts.chart_facts(addon.source.name), "service_account_annotations")
    for identity in addon.identities:
        assert identity.irsa in effective
        roles = {identity.service_account: "arn:aws:iam::111122223333:role/x"}
        values = known(values_of(addon, addon.settings(), charts.fitting(addon)[0], roles))
        assert at(values, identity.irsa) == {"eks.amazonaws.com/role-arn": roles[identity.service_account]}


# What comes with it.


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*WITH_CHARTS))
def test_what_shows_that_it_runs_is_really_there(addon):
    facts = charts.chart_facts(chart_of(addon))
    there = {(item["kind"], item["name"]) for item in facts["workloads"]}
    there |= {("CustomResourceDefinition", name) for name in addon.owns_crds}
    there |= {(kind, name) for kind, names in facts.get("other_objects", {}).items() for name in names}
    assert {(item.kind, item.name) for item in addon.ready} <= there


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*WITH_CHARTS))
def test_the_crds_and_webhooks_of_the_chart_are_declared(addon):
    facts = charts.chart_facts(chart_of(addon))
    skipped = isinstance(addon.source, Chart) and addon.source.skip_crds
    assert sorted(addon.owns_crds) == ([] if skipped else sorted(facts["crds"]))
    seen = sorted(webhook["failure_policy"] for webhook in facts["webhooks"])
    assert sorted(webhook.failure_policy for webhook in addon.webhooks) == seen
    assert ("Service" in addon.creates) == bool(facts.get("services"))


@charts.needs_reference
def test_the_snapshot_controller_owns_the_snapshot_crds():
    index = charts.REFERENCE / "csi-snapshot-controller" / "crds"
    names = {".".join(reversed(path.stem.split("_"))) for path in index.glob("*.yaml")}
    assert set(CATALOGUE["snapshot-controller"].owns_crds) == names


@charts.needs_reference
def test_the_gateway_api_owns_the_kinds_of_the_standard_channel():
    """The file itself is fetched at `up`; these are its kinds at the tag that it names."""
    addon, folder = CATALOGUE["gateway-api-crds"], charts.REFERENCE / "gateway-api"
    kinds = {path.stem for path in (folder / "crds-standard").glob("*.yaml") if "_vap_" not in path.stem}
    assert set(addon.owns_crds) == {".".join(reversed(kind.split("_"))) for kind in kinds}
    assert isinstance(addon.source, Manifest)
    origin = (folder / "PROVENANCE").read_text().splitlines()[0]
    assert f"repo=kubernetes-sigs/gateway-api ref={addon.source.version} " in origin


# Kubernetes objects.


@pytest.mark.parametrize("version", eks.ACCEPTED_VERSIONS)
@pytest.mark.parametrize("addon", each(*OBJECTS))
def test_objects_fit_kubernetes_schemas(addon, version, known):
    assert sum(
        objects.validate_all(known(addon.source.build(handle, settings)), version) for handle, settings in cases(addon)
    )


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*OBJECTS))
def test_somebody_that_an_addon_needs_brings_the_crds_of_its_objects(addon, known):
    """Without the need the CRD may come later, and go earlier; or it follows whose it is, where that one is there."""
    needed = reachable(addon.name, {name: set(each.needs) for name, each in CATALOGUE.items()})
    there = {crd for name in (addon.name, *needed) for crd in CATALOGUE[name].owns_crds}
    for handle, settings in cases(addon):
        followed = {crd for name in handle.addons & set(addon.follows) for crd in CATALOGUE[name].owns_crds}
        for manifest in known(addon.source.build(handle, settings)):
            crd = objects.crd_of(manifest)
            assert crd is None or crd in there | followed, (
                f"{addon.name} makes {manifest['kind']}, and needs no owner of {crd}"
            )


@pytest.mark.parametrize("addon", each(*OBJECTS))
def test_no_two_objects_have_one_name(addon, known):
    for handle, settings in cases(addon):
        names = [
            (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
            for item in known(addon.source.build(handle, settings))
        ]
        assert len(names) == len(set(names))
