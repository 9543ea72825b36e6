"""The images that add-ons declare, against what Helm renders for the real charts.

Helm ignores an unknown value path in silence: a path that does nothing would leave an image outside the mirror.
"""

import pytest

from addons import registry
from addons.spec import Chart
from addons.values import images_of
from infra.catalog import upstreams
from infra.images import ImageReference, ecr_home
from tests.contract import charts

CHARTS = [
    pytest.param(addon, id=addon.name) for addon in registry.discover().values() if isinstance(addon.source, Chart)
]
FIELDS = {
    # The GPU operator calls `repository` what stands before an image's name.
    "registry": ("image_registry", "image_repository"),
    "repository": ("image_repository",),
    "tag": ("image_tag",),
}


@pytest.mark.parametrize("addon", CHARTS)
@charts.needs_reference
def test_every_image_that_the_chart_renders_is_declared_and_no_other(addon):
    rendered = charts.chart_facts(addon.source.name)["images"]
    declared = {str(image.upstream) for image in addon.images}
    assert declared == {str(ImageReference.parse(text)) for text in rendered}


@pytest.mark.parametrize("addon", CHARTS)
@charts.needs_reference
def test_the_value_paths_of_images_take_effect(addon):
    categories = charts.chart_facts(addon.source.name)["value_paths"]["by_category"]
    for image in addon.images:
        for field, names in FIELDS.items():
            path = getattr(image, field)
            effective = {path for name in names for path in categories.get(name, {}).get("effective", {})}
            assert path is None or path in effective, f"{image.reference}: {path}"


@pytest.mark.parametrize("addon", CHARTS)
@charts.needs_reference
def test_one_path_moves_every_container_that_runs_the_image(addon):
    """A container whose path is not declared would go on pulling from upstream."""
    facts = charts.chart_facts(addon.source.name)
    effective = {
        path: set(changed)
        for category in ("image_registry", "image_repository")
        for found in [facts["value_paths"]["by_category"].get(category, {})]
        for path, changed in found.get("effective", {}).items()
        # ExternalDNS's `registry` is where it keeps whose records are.
        if path not in found.get("rejected_by_schema", {})
    }
    declared = {path for image in addon.images for path in (image.registry, image.repository) if path}
    # A name with a slash in it is a whole one, to charts that take both at one path.
    whole = {image.whole for image in addon.images if image.whole in effective}
    moved = set().union(*(effective[path] for path in declared | whole))
    everything = set().union(*effective.values())
    assert moved == everything


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("addon", CHARTS)
def test_every_image_has_one_version_on_every_cluster(addon):
    for handle, settings in charts.cases(addon):
        for image in images_of(addon, settings, handle):
            assert image.version
            home = ecr_home(image.host)
            # EKS's own registries are there in every region; another region's is out of a private cluster's reach.
            assert home is None or home[1] == handle.region


@charts.needs_reference
def test_most_hosts_of_the_charts_can_be_cached_and_the_others_are_known():
    hosts = {
        ImageReference.parse(image).host
        for facts in charts._facts()["charts"].values()
        for image in facts["images"]
        if "@" not in image and "." in image.partition("/")[0]
    }
    public = {host for host in hosts if ecr_home(host) is None}
    # ECR user guide: these alone need no login; NVIDIA's, Google's and projects' own hosts are not supported at all.
    assert public & set(upstreams.hosts()) == {"docker.io", "ghcr.io", "public.ecr.aws", "quay.io", "registry.k8s.io"}
    assert "nvcr.io" in public - set(upstreams.hosts())
    free = {host for host in upstreams.hosts() if not upstreams.upstream(host).credentials}
    assert free == {"public.ecr.aws", "quay.io", "registry.k8s.io"}
