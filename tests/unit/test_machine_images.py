"""Every accelerated type has an image that drives it, or a reason why not."""

import pytest

from infra.catalog.instances import accelerated_types, instance_type, instance_types
from infra.catalog.machine_images import LEAST_GIB, deep_learning_image, ecs_gpu_image
from infra.workstation.settings import EcsSettings, InstanceSettings

# No FPGA tools; Neuron DLAMI user guide: no Inf1 since 2.26.1; NVIDIA's open kernel modules begin with Turing.
WITHOUT = {"f2", "inf1", "p3dn"}
FAMILIES = sorted({instance_type(name).family for name in accelerated_types()})


def sample(family: str) -> str:
    return next(name for name in accelerated_types() if name.startswith(f"{family}."))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_an_image_of_its_architecture_and_maker(family: str):
    instance = instance_type(sample(family))
    if family in WITHOUT:
        with pytest.raises(ValueError, match=f"no Deep Learning AMI drives {family}; use one of: g4dn, "):
            deep_learning_image(instance)
        return
    image = deep_learning_image(instance)
    assert instance.accelerator
    assert image.parameter.startswith("/aws/service/")
    assert ("neuron" in image.parameter) == (instance.accelerator.kind == "neuron")
    if instance.accelerator.kind == "nvidia":
        assert f"/{'arm64' if instance.arch == 'arm64' else 'x86_64'}/" in image.parameter
    assert "Amazon Linux 2023" in image.title


# AWS's own names: DLAMI release notes, Neuron DLAMI user guide, ECS developer guide.
@pytest.mark.parametrize(
    ("type_", "parameter"),
    [
        (
            "g5.xlarge",
            "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
        ),
        (
            "m7i.large",
            "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
        ),
        ("m7g.large", "/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"),
        (
            "g5g.xlarge",
            "/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id",
        ),
        ("g6f.large", "/aws/service/deeplearning/ami/x86_64/base-with-single-cuda-amazon-linux-2023/latest/ami-id"),
        ("trn1.2xlarge", "/aws/service/neuron/dlami/base/amazon-linux-2023/latest/image_id"),
    ],
)
def test_the_parameter_is_awss(type_: str, parameter: str):
    assert deep_learning_image(instance_type(type_)).parameter == parameter


def test_every_type_without_an_accelerator_has_an_image():
    plain = [instance_type(name) for name in instance_types() if name not in accelerated_types()]
    assert {deep_learning_image(each).name for each in plain} == {"base-amd64", "base-arm64"}


@pytest.mark.parametrize("type_", ["m7i.large", "g5g.xlarge", "trn1.2xlarge", "p3dn.24xlarge"])
def test_ecs_takes_nvidia_on_x86_alone(type_: str):
    instance = instance_type(type_)
    with pytest.raises(ValueError, match=f"no ECS-optimized GPU AMI drives {instance.family}"):
        ecs_gpu_image(instance)
    assert ecs_gpu_image(instance_type("g5.xlarge")).parameter == (
        "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
    )


def test_the_default_volume_holds_every_image():
    for settings in (InstanceSettings(instance_type="g5.xlarge"), EcsSettings(instance_type="g5.xlarge")):
        assert settings.volume_size >= LEAST_GIB >= 100  # Neuron's snapshot
