"""Rendered examples are what an API server takes: custom resources against their real CRDs."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.catalog import eks
from slipway.errors import CannotRunError
from slipway.jobs.render import render
from tests.contract import objects
from tests.program.example_jobs import CASES, cluster_of, text_of

VERSION = max(eks.ACCEPTED_VERSIONS, key=lambda text: [int(number) for number in text.split(".")])
YAML = [case for case in CASES if case[1] != "pipeline"]
KINDS = {
    "nccl": "MPIJob",
    "ddp": "TrainJob",
    "elastic": "PyTorchJob",
    "deepspeed": "TrainJob",
    "tfjob": "TFJob",
    "mpi": "MPIJob",
    "jobset": "JobSet",
    "ray": "RayJob",
    "spark": "SparkApplication",
    "katib": "Experiment",
    "kserve-llm": "InferenceService",
    "sagemaker": "TrainingJob",
    "neuron": "TrainJob",
}
needs_reference = pytest.mark.skipif(
    not objects.REFERENCE.is_dir(), reason="../shared/reference, which holds the CRDs, is missing"
)


def documents(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def pod_templates(part: Any) -> Iterator[dict[str, Any]]:
    """Every pod template in a job."""
    if isinstance(part, dict):
        spec = part.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield part
        for value in part.values():
            yield from pod_templates(value)
    elif isinstance(part, list):
        for item in part:
            yield from pod_templates(item)


@needs_reference
@pytest.mark.parametrize(("stack", "name"), YAML)
def test_an_api_server_takes_an_example(stack, name):
    found = documents(text_of(stack, name))
    assert objects.validate_all(found, VERSION) == len(found)
    assert KINDS[name] in {each["kind"] for each in found}


@needs_reference
@pytest.mark.parametrize("name", [name for stack, name in YAML if stack == "prod" and name not in ("spark", "ddp")])
def test_the_pods_of_an_example_are_what_kubernetes_takes(name):
    """CRDs may know less of a pod than the API server that its controller sends it to: Katib's knows nothing."""
    (main,) = [each for each in documents(text_of("prod", name)) if each["kind"] != "ConfigMap"]
    if main["kind"] in ("TrainJob", "TrainingJob", "InferenceService"):
        return  # their pods are the runtimes', or none
    templates = list(pod_templates(main["spec"]))
    assert templates
    for template in templates:
        spec = {"restartPolicy": "Never", **template["spec"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": "default"}, "spec": spec}
        objects.validate_all([pod], VERSION)


@needs_reference
def test_the_trials_of_the_sweep_are_jobs_that_kubernetes_takes():
    (main,) = [each for each in documents(text_of("prod", "katib")) if each["kind"] == "Experiment"]
    trial = main["spec"]["trialTemplate"]["trialSpec"]
    trial["metadata"] |= {"name": "trial", "namespace": "default"}
    assert objects.validate_all([trial], VERSION) == 1


@needs_reference
@settings(max_examples=40, deadline=None)
@given(
    case=st.sampled_from(YAML),
    workers=st.none() | st.integers(1, 6),
    size=st.sampled_from([None, "gpu-s", "gpu-m", "gpu-node", "cpu-m"]),
    spot=st.sampled_from([None, True, False]),
)
def test_an_api_server_takes_an_example_as_it_is_wished(case, workers, size, spot):
    stack, name = case
    try:
        text = render(name, cluster_of(stack), workers=workers, size=size, spot=spot)
    except CannotRunError:
        return
    objects.validate_all(documents(text), VERSION)


@needs_reference
@pytest.mark.parametrize("name", ["nccl", "ddp", "elastic", "tfjob", "ray", "spark", "kserve-llm", "sagemaker"])
def test_a_field_that_the_crd_does_not_have_is_found(name):
    """The check itself: a misspelt field of the spec does not go unseen. Katib's CRD alone has no schema."""
    (main,) = [each for each in documents(text_of("prod", name)) if each["kind"] != "ConfigMap"]
    main["spec"]["oddField"] = 1
    assert any("oddField" in fault for fault in objects.faults(main, VERSION))
