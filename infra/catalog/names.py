"""Label keys, taint keys and extended resources: each written here once.

Sources: cluster-autoscaler's AWS README (kubernetes/autoscaler@55c37cd5eb), NVIDIA device plugin 0.20.0, AWS EFA
device plugin v0.5.30, AWS Neuron device plugin, EKS user guide (managed node groups, node labels).
"""

from typing import Final

# What schedulers and plugins ask nodes for (extended resources).
GPU_RESOURCE: Final = "nvidia.com/gpu"
NEURON_RESOURCE: Final = "aws.amazon.com/neuron"
NEURON_CORE_RESOURCE: Final = "aws.amazon.com/neuroncore"
EFA_RESOURCE: Final = "vpc.amazonaws.com/efa"
HUGEPAGES_RESOURCE: Final = "hugepages-2Mi"
EPHEMERAL_STORAGE_RESOURCE: Final = "ephemeral-storage"

# Labels with a meaning outside Slipway.
ZONE_ID_LABEL: Final = "topology.k8s.aws/zone-id"
AUTOSCALER_ACCELERATOR_LABEL: Final = "k8s.amazonaws.com/accelerator"
GPU_PRESENT_LABEL: Final = "nvidia.com/gpu.present"
DEVICE_PLUGIN_CONFIG_LABEL: Final = "nvidia.com/device-plugin.config"
MPS_CAPABLE_LABEL: Final = "nvidia.com/mps.capable"

# Labels of ours, on every node of every managed group.
PREFIX: Final = "slipway.io"
GROUP_LABEL: Final = f"{PREFIX}/group"
NODE_ZONE_LABEL: Final = f"{PREFIX}/zone-id"
ACCELERATOR_LABEL: Final = f"{PREFIX}/accelerator"
CAPACITY_LABEL: Final = f"{PREFIX}/capacity"
EFA_LABEL: Final = f"{PREFIX}/efa"

# A label of ours on the namespaces of add-ons, which policies for people's pods leave alone.
PLATFORM_LABEL: Final = f"{PREFIX}/platform"

# A label of ours on namespaces that may read the platform's secrets.
SECRETS_LABEL: Final = f"{PREFIX}/secrets"
SECRETS_SHARED: Final = "shared"

# A label of ours on a tenant's namespace, with its name.
TENANT_LABEL: Final = f"{PREFIX}/tenant"

# How groups of people are called in Kubernetes: `slipway:<tenant>:owners`, `members` or `viewers`.
KUBERNETES_GROUP_PREFIX: Final = "slipway:"

# An AWS tag of ours on all that is one tenant's, with its name.
TENANT_TAG: Final = "Tenant"

# An annotation of ours: the object stays in the cluster when it is taken out of the stack.
KEEP_ANNOTATION: Final = f"{PREFIX}/keep"

# Taints always carry a value: cluster-autoscaler skips a taint whose value is null, and the NFD worker that comes with
# the NVIDIA device plugin tolerates nvidia.com/gpu only with this one.
TAINT_VALUE: Final = "present"
GPU_TAINT: Final = "nvidia.com/gpu"
NEURON_TAINT: Final = "aws.amazon.com/neuron"
FPGA_TAINT: Final = f"{PREFIX}/fpga"
ACCELERATOR_TAINTS: Final = {"nvidia": GPU_TAINT, "neuron": NEURON_TAINT, "fpga": FPGA_TAINT}
