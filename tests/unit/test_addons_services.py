"""What the add-ons for the way in, secrets, policy and backups make of their settings."""

from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons import registry
from addons.spec import Webhook
from addons.tags import separable
from addons.values import images_of, values_of
from infra.handle import Registry
from infra.model import validate
from tests.contract import charts

HOST = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
TEXT = st.text(st.sampled_from("ab,= "), max_size=6)


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def addon(name: str) -> Any:
    return registry.discover()[name]


@given(st.dictionaries(TEXT, TEXT))
def test_tags_as_one_text_can_be_read_back(tags):
    kept = separable(tags)
    text = ",".join(f"{key}={value}" for key, value in kept.items())
    assert dict(pair.split("=") for pair in text.split(",") if kept) == kept
    assert all("," in f"{key}{value}" or "=" in f"{key}{value}" for key, value in tags.items() if key not in kept)


@pytest.mark.parametrize(("opt_in", "blocks"), [(False, True), (True, False)])
def test_a_webhook_that_is_asked_for_blocks_nobody_else(opt_in, blocks):
    webhook = Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=opt_in)
    assert webhook.blocks(frozenset({"Pod"}), "default") is blocks


def test_the_load_balancer_controller_holds_nobody_up(known):
    """Its webhooks as they are declared: the chart's own values would have every Service wait for its pods."""
    controller = addon("aws-load-balancer-controller")
    for handle, settings in charts.cases(controller):
        values = known(values_of(controller, settings, handle, {}))
        assert values["enableServiceMutatorWebhook"] is False
        assert values["webhookConfig"] == {"ingressValdationFailurePolicy": "Ignore"}
        assert values["enableCertManager"] is True
    assert not any("Service" in hook.intercepts for hook in controller.webhooks)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("cert-manager", "global.rbac.aggregateClusterRoles"),
        ("external-secrets", "rbac.aggregateToAdmin"),
        ("external-secrets", "rbac.aggregateToEdit"),
        ("kyverno", "rbac.roles.aggregate.admin"),
    ],
)
def test_who_edits_a_namespace_has_no_hand_in_what_acts_with_rights_of_its_own(known, name, path):
    """By default the charts put their kinds into `edit` and `admin`, which tenants' people have, and pods.

    A SecretStore without credentials is read with those of External Secrets, which opens the databases' secrets; a
    Certificate or a Challenge may name the issuer of the platform's own domain; Kyverno does what its policies say.
    """
    one = addon(name)
    for handle, settings in charts.cases(one):
        found: Any = known(values_of(one, settings, handle, {}))
        for key in path.split("."):
            found = found[key]
        assert found is False


def test_an_image_in_a_list_of_containers_comes_from_the_mirror(known):
    velero = addon("velero")
    mirror = Registry(host=pulumi.Output.from_input(HOST), repositories={}, mirrors={"docker.io": "mirror/docker.io"})
    handle = charts.fake_handle(registry=mirror)
    values = known(values_of(velero, velero.settings(), handle, {}))
    (container,) = values["initContainers"]
    assert container["image"] == f"{HOST}/mirror/docker.io/velero/velero-plugin-for-aws:v1.14.0"
    assert container["volumeMounts"] == [{"name": "plugins", "mountPath": "/target"}]
    assert values["image"]["repository"] == f"{HOST}/mirror/docker.io/velero/velero"
    assert "docker.io/velero/velero-plugin-for-aws:v1.14.0" in map(str, images_of(velero, velero.settings(), handle))


def test_there_is_a_backup_every_day_unless_somebody_says_otherwise(known):
    velero = addon("velero")
    handle = charts.fake_handle(storage=charts.storage(("backups",)))
    everything = known(values_of(velero, velero.settings(), handle, {}))["schedules"]
    assert everything == {
        "daily": {
            "schedule": "0 3 * * *",
            "template": {
                "ttl": "720h",
                "storageLocation": "default",
                "includedNamespaces": ["*"],
                "snapshotVolumes": True,
            },
        }
    }
    none = velero.settings.model_validate({"schedules": {}})
    assert known(values_of(velero, none, handle, {}))["schedules"] == {}


@pytest.mark.parametrize("cron", ["@daily", "0 3 * *", "0 3 * * * *", ""])
def test_a_schedule_has_five_fields(cron):
    velero = addon("velero")
    with pytest.raises(ValueError, match="pattern"):
        velero.settings.model_validate({"schedules": {"a": {"cron": cron}}})


@pytest.mark.usefixtures("known")
def test_nobody_reads_the_store_who_was_not_let_in():
    store = addon("external-secrets-store")
    handle = charts.fake_handle()
    (made,) = store.source.build(handle, store.settings())
    assert made["spec"]["conditions"] == [{"namespaceSelector": {"matchLabels": {"slipway.io/secrets": "shared"}}}]
    assert "auth" not in made["spec"]["provider"]["aws"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("settings", "server"),
    [
        ({}, "https://acme-v02.api.letsencrypt.org/directory"),
        ({"server": "staging"}, "https://acme-staging-v02.api.letsencrypt.org/directory"),
        ({"server": "https://ca.example/acme"}, "https://ca.example/acme"),
    ],
)
def test_the_acme_issuer_asks_the_server_that_is_named(settings, server):
    acme = addon("cert-manager-acme")
    (issuer,) = acme.source.build(charts.fake_handle(edge=charts.edge()), acme.settings.model_validate(settings))
    assert issuer["spec"]["acme"]["server"] == server
    assert acme.source.build(charts.fake_handle(), acme.settings()) == []


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("name", ["external-dns", "cert-manager-acme", "velero"])
def test_a_preset_leaves_out_what_has_nothing_to_stand_on(name):
    there = charts.fake_handle(edge=charts.edge(), storage=charts.storage(("backups",)))
    assert addon(name).applies(there) is None
    assert "the stack has no" in addon(name).applies(charts.fake_handle())


@pytest.mark.parametrize(
    ("namespaces", "says"),
    [
        ([{"name": "team-a"}, {"name": "team-b"}, {"name": "team-a"}], "team-a more than once"),
        ([{"name": "kube-system", "create": False}], "would be cut off"),
        ([{"name": "team-a", "toCidrs": ["300.1.1.1/40"]}], "Octet 300 (> 255)"),
        ([{"name": "team-a", "toCidrs": ["10.1.2.3/16"]}], "has host bits set"),
    ],
)
def test_defaults_that_the_cluster_could_not_take_are_refused(namespaces, says):
    _, (problem,) = validate(addon("namespace-defaults").settings, {"namespaces": namespaces}, ("settings",))
    assert says in problem.message


@pytest.mark.usefixtures("known")
def test_velero_finds_the_class_of_snapshots_that_it_needs():
    """By the label alone: without such a class it leaves volumes out of a backup, and says so only in its log."""
    velero, classes = addon("velero"), addon("volume-snapshot-classes")
    assert classes.name in velero.needs
    made = classes.source.build(charts.fake_handle(), classes.settings())
    assert [each["metadata"]["labels"]["velero.io/csi-volumesnapshot-class"] for each in made] == ["true"]
