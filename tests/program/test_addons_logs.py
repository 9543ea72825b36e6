"""Logs: what Fluent Bit reads and where it goes, and who may open OpenSearch."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from addons import opensearch, registry
from tests.contract import charts

# Outputs, even those that nobody looks at, are made in an event loop.
pytestmark = pytest.mark.usefixtures("known")

CATALOGUE = registry.discover()


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


# Logs.


def configuration(known: Any, **raw: Any) -> list[tuple[str, dict[str, list[str]]]]:
    """Fluent Bit's sections of ours: their kind and keys."""
    addon = CATALOGUE["aws-for-fluent-bit"]
    values = known(addon.values(charts.fake_handle(), addon.settings.model_validate(raw)))
    sections: list[tuple[str, dict[str, list[str]]]] = []
    for text in ("additionalInputs", "additionalFilters", "additionalOutputs"):
        for line in values[text].splitlines():
            if line.startswith("["):
                sections.append((line.strip("[]"), {}))
            elif line.strip():
                key, value = line.split(maxsplit=1)
                sections[-1][1].setdefault(key, []).append(value)
    return sections


def test_every_record_goes_to_one_group_of_the_stack(known):
    sections = configuration(known)
    tags = [keys["Tag"][0] for kind, keys in sections if kind == "INPUT"]
    outputs = {keys["Match"][0]: keys["log_group_name"][0] for kind, keys in sections if kind == "OUTPUT"}
    assert outputs == {
        f"{role}.*": f"/aws/containerinsights/acme/{role}" for role in ("application", "dataplane", "host")
    }
    for tag in tags:
        assert len([match for match in outputs if tag.startswith(match.removesuffix("*"))]) == 1


def test_kubernetes_facts_are_looked_up_by_the_tag_that_tail_gives(known):
    """Fluent Bit takes namespace and pod out of the file's name, which stands in the tag behind the prefix."""
    sections = configuration(known)
    tails = {keys["Tag"][0].removesuffix("*") for kind, keys in sections if keys.get("Name") == ["tail"]}
    prefixes = {keys["Kube_Tag_Prefix"][0] for kind, keys in sections if kind == "FILTER"}
    assert prefixes == {f"{tag}var.log.containers." for tag in tails}


def test_a_namespace_that_is_excluded_is_read_by_no_input(known):
    tails = [
        keys for _, keys in configuration(known, excludeNamespaces=["noisy", "kube-system"]) if keys["Name"] == ["tail"]
    ]
    (application,) = tails
    assert {"/var/log/containers/*_noisy_*.log", "/var/log/containers/*_kube-system_*.log"} <= set(
        application["Exclude_Path"][0].split(",")
    )


def test_no_container_is_read_twice(known):
    application, platform = [keys for _, keys in configuration(known) if keys["Name"] == ["tail"]]
    assert platform["Path"][0] in application["Exclude_Path"][0].split(",")


def test_each_input_keeps_its_own_place(known):
    """Two inputs with one database would each skip what the other has read."""
    databases = [keys["DB"][0] for kind, keys in configuration(known) if kind == "INPUT"]
    assert len(set(databases)) == len(databases) == 4


def test_fluent_bit_may_write_to_the_groups_that_it_writes_to(known):
    addon = CATALOGUE["aws-for-fluent-bit"]
    (identity,) = addon.identities
    assert identity.policy
    (statement,) = known(identity.policy(charts.fake_handle(), addon.settings()))["Statement"]
    groups = {keys["log_group_name"][0] for kind, keys in configuration(known) if kind == "OUTPUT"}
    assert {arn.removesuffix(":log-stream:*").partition(":log-group:")[2] for arn in statement["Resource"]} == groups


# OpenSearch.


def opensearch_values(known: Any, **raw: Any) -> dict[str, Any]:
    addon = CATALOGUE["opensearch"]
    values: dict[str, Any] = known(addon.values(charts.fake_handle(), addon.settings.model_validate(raw)))
    return values


def test_no_password_opens_opensearch(known):
    """Without the demonstration's configuration the image asks for no initial password, and makes no user."""
    values = opensearch_values(known)
    assert {"name": "DISABLE_INSTALL_DEMO_CONFIG", "value": "true"} in values["extraEnvs"]
    files = {name: yaml.safe_load(text) for name, text in values["securityConfig"]["config"]["data"].items()}
    assert set(files["internal_users.yml"]) == {"_meta"}
    assert files["config.yml"]["config"]["dynamic"]["http"]["anonymous_auth_enabled"] is False
    (login,) = files["config.yml"]["config"]["dynamic"]["authc"].values()
    assert login["http_authenticator"]["type"] == "clientcert"
    everything = [
        values,
        *(
            CATALOGUE[name].values(charts.fake_handle(), CATALOGUE[name].settings())
            for name in ("fluent-bit", "opensearch-dashboards")
        ),
    ]
    assert not re.search("passw", json.dumps(everything), re.IGNORECASE)


def test_every_client_has_a_certificate_and_a_role(known):
    """A role is mapped to the common name of a certificate; a misspelt one would let its client in nowhere."""
    values = opensearch_values(known)
    certificates = {
        each["spec"]["commonName"]: each["spec"] for each in values["extraObjects"] if each["kind"] == "Certificate"
    }
    mapping = yaml.safe_load(values["securityConfig"]["config"]["data"]["roles_mapping.yml"])
    mapped = {name for role, entry in mapping.items() if role != "_meta" for name in entry["users"]}
    assert mapped <= set(certificates)
    assert all("client auth" in certificates[name]["usages"] for name in mapped)
    own = yaml.safe_load(values["securityConfig"]["config"]["data"]["roles.yml"])
    assert set(own) - {"_meta"} <= set(mapping)
    configuration = yaml.safe_load(values["config"]["opensearch.yml"])["plugins.security"]
    assert configuration["nodes_dn"] == ["CN=opensearch-node"]
    assert configuration["ssl"]["http"]["clientauth_mode"] == "REQUIRE"
    mounted = {mount["secretName"] for mount in values["secretMounts"]}
    assert mounted <= {spec["secretName"] for spec in certificates.values()}


def test_clients_trust_the_name_that_the_nodes_certificate_has(known):
    (node,) = [
        each["spec"]
        for each in opensearch_values(known)["extraObjects"]
        if each["metadata"]["name"] == "opensearch-node" and each["kind"] == "Certificate"
    ]
    assert opensearch.SERVICE in node["dnsNames"]
    dashboards_values = CATALOGUE["opensearch-dashboards"].values(charts.fake_handle(), None)
    configured = yaml.safe_load(dashboards_values["config"]["opensearch_dashboards.yml"])
    assert configured["opensearch.hosts"] == [f"https://{opensearch.SERVICE}:{opensearch.PORT}"]
    assert configured["opensearch.ssl.verificationMode"] == "full"


def test_records_are_written_where_the_writer_may_and_the_janitor_looks(known):
    values = opensearch_values(known, retentionDays=3)
    roles = yaml.safe_load(values["securityConfig"]["config"]["data"]["roles.yml"])
    patterns = {
        pattern
        for name in ("logs_writer", "logs_janitor")
        for each in roles[name]["index_permissions"]
        for pattern in each["index_patterns"]
    }
    assert patterns == {"logs-*"}
    output = CATALOGUE["fluent-bit"].values(charts.fake_handle(), CATALOGUE["fluent-bit"].settings())["config"][
        "outputs"
    ]
    assert re.search(r"Logstash_Prefix +logs$", output, re.MULTILINE)
    (job,) = [each for each in values["extraObjects"] if each["kind"] == "CronJob"]
    script = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][2]
    assert "_cat/indices/logs-*" in script
    assert "-3 days" in script


def test_the_janitor_deletes_what_is_too_old_and_nothing_else(known, tmp_path):
    """The script itself, with curl replaced by one that has three indices and writes down what it is told."""
    values = opensearch_values(known, retentionDays=3)
    (job,) = [each for each in values["extraObjects"] if each["kind"] == "CronJob"]
    script = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][2]
    today = subprocess.run(["date", "-u", "+%Y.%m.%d"], check=True, capture_output=True, text=True).stdout.strip()
    curl = tmp_path / "curl"
    curl.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *_cat*) echo logs-2020.01.01 logs-2020.01.02 logs-{today};; '
        f'*) echo "$*" >> {tmp_path}/asked;; esac\n'
    )
    curl.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    subprocess.run(["bash", "-c", script], check=True, timeout=20, env={"PATH": path})
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.rpartition("/")[2] for line in asked] == ["logs-2020.01.01", "logs-2020.01.02"]
    assert all("-X DELETE" in line for line in asked)
