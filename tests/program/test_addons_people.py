"""What people make in namespaces of the stack goes with the namespace while those who clean up after it are there."""

from typing import Final

import pytest

from tests.program.addon_stacks import Recorded, asking, of

LEAVES_A_FINALIZER: Final = {
    "ack-ecr-controller": "every object: aws-controllers-k8s/runtime, pkg/runtime/reconciler.go",
    "ack-s3-controller": "every object",
    "ack-sagemaker-controller": "every object",
    "argo-workflows": "workflows whose files are to be deleted: docs/walk-through/artifacts.md",
    "aws-load-balancer-controller": "Ingresses and Services: docs/guide/ingress/ingress_class.md",
    "external-secrets": "every ExternalSecret: pkg/controllers/externalsecret",
    "katib": "every Experiment: pkg/controller.v1beta1/experiment/experiment_controller_util.go",
    "keda": "every ScaledObject, which KServe makes, too: controllers/keda/scaledobject_finalizer.go",
    "kserve-llmisvc-configs": "itself, while an LLMInferenceService uses it: llmisvcconfig_controller.go, as below",
    "kserve-llmisvc-resources": "every LLMInferenceService: pkg/controller/v1alpha2/llmisvc/controller.go",
    "kserve-resources": "every InferenceService: pkg/controller/v1beta1/inferenceservice/controller.go",
    "kubeflow-pipelines": "workflows whose files are to be deleted",
    "kuberay-operator": "RayJobs, and clusters with Redis: ray-operator/controllers/ray",
    "snapshot-controller": "VolumeSnapshots: pkg/common-controller of kubernetes-csi/external-snapshotter",
}
"""Controllers that put a finalizer on what people make in their namespaces, and on what."""
SPACES: Final = {
    "argo-workflows-namespaces": {"argo-workflows"},
    "kserve-models": {"keda", "kserve-llmisvc-configs", "kserve-llmisvc-resources", "kserve-resources"},
    "kubeflow-profiles": set(LEAVES_A_FINALIZER),
    "ray-namespaces": {"kuberay-operator"},
    "spark-namespaces": {"spark-operator"},
    "tenants": {*LEAVES_A_FINALIZER, "kueue", "kueue-queues"},
}
"""Add-ons that make namespaces for people, and whose objects people make there."""


@pytest.fixture(name="full", scope="module")
def _full() -> Recorded:
    settings = asking("full")
    settings["addons"]["settings"] = {"kubeflow-profiles": {"profiles": {"people": {"owner": "ann@example.com"}}}}
    return of(settings)


@pytest.mark.parametrize("name", SPACES)
def test_a_namespace_goes_before_the_controllers_of_what_is_in_it(full, name):
    """Else it waits for ever for who would have let its objects go."""
    made = [each for each in full.parts(name) if each.inputs.get("kind") == "Namespace"]
    assert made
    for space in made:
        late = {other for other in SPACES[name] if not full.source(other) <= full.behind[space.urn]}
        assert late == set(), space.name


def test_each_of_these_controllers_is_there(full):
    assert {other for others in SPACES.values() for other in others} <= set(full.installed())
