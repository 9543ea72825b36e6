"""Facts and names that analytics stands on: EMR's service accounts, AWS's image registries, endpoints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.analytics.emr import base36, service_account
from infra.analytics.rules import endpoints
from infra.analytics.settings import AnalyticsSettings
from infra.catalog import image_registries, zones
from infra.network.endpoints import ENDPOINTS, required

# IAM user guide, "IAM and AWS STS quotas": what a role's name may be made of.
ROLE_NAMES = st.from_regex(r"\A[\w+=,.@-]{1,64}\Z", fullmatch=True).filter(str.isascii)


@pytest.mark.parametrize(
    ("role", "account", "seen"),
    [
        # Service accounts that EMR made, out of a listing with kubectl.
        (
            "EMRContainers-JobExecutionRole",
            "378955295993",
            "emr-containers-sa-spark-driver-378955295993-189nnyj7mn9w2lqiewgg1u0l3jhmo0z69yjkj9u6qhosj8l",
        ),
        # EMR on EKS development guide; its example encodes the name with a line feed behind it.
        (
            "JobExecutionRoleIRSAv2\n",
            "111122223333",
            "emr-containers-sa-spark-driver-111122223333-2eum5fah1jc1kwyjc19ikdhdkdegh1n26vbe",
        ),
    ],
)
def test_service_accounts_are_named_as_emr_names_them(role: str, account: str, seen: str):
    assert service_account("driver", account, role) == seen


@given(ROLE_NAMES)
def test_base36_keeps_every_name_apart(name: str):
    digits = base36(name)
    assert int(digits, 36).to_bytes(len(name), "big").decode() == name
    # A service account's name is a DNS subdomain name.
    assert len(service_account("executor", "1" * 12, name)) <= 253


@pytest.mark.parametrize("region", zones.regions())
def test_every_region_has_its_deep_learning_containers(region: str):
    account = image_registries.deep_learning(region)
    assert account
    assert account.isdigit()
    assert len(account) == 12


def test_image_registries_are_awss():
    assert image_registries.deep_learning("us-west-2") == "763104351884"
    assert image_registries.deep_learning("af-south-1") == "626614931356"
    assert image_registries.sagemaker_algorithms("us-west-2") == "246618743249"
    assert image_registries.sagemaker_algorithms("me-south-1") is None
    assert image_registries.deep_learning("nowhere-1") is None


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"emr": {}}, {"emr-containers"}),
        ({"athena": {}}, {"athena", "glue"}),
        ({"sagemaker": {}}, {"monitoring", "sagemaker.api", "sagemaker.runtime"}),
    ],
)
def test_each_part_says_which_endpoints_it_needs(raw, wanted):
    services = endpoints(AnalyticsSettings.model_validate(raw))
    assert set(services) == wanted <= ENDPOINTS.keys()
    without = set(required(internet=False, lustre=False, efs=False))
    assert set(required(internet=False, lustre=False, efs=False, services=services)) == without | wanted
    assert required(internet=True, lustre=False, efs=False, services=services) == ()


def test_no_analytics_needs_no_endpoint():
    assert endpoints(None) == ()
