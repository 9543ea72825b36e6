"""MPI operator: MPIJobs, whose launcher starts the workers' processes over SSH."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready

_NAME: Final = "mpi-operator"
# renovate: datasource=github-tags depName=kubeflow/mpi-operator extractVersion=^v(?<version>.+)$
_VERSION: Final = "0.8.0"

ADDON = AddOn(
    name=_NAME,
    group="training",
    summary="MPIJobs: a launcher that starts processes on workers over SSH",
    docs="https://www.kubeflow.org/docs/components/trainer/legacy-v1/user-guides/mpi/",
    source=Kustomization(version=f"v{_VERSION}"),
    settings=AddOnSettings,
    namespace=_NAME,
    create_namespace=True,
    images=(Image(reference=f"mpioperator/mpi-operator:{_VERSION}"),),
    needs=("coredns",),
    owns_crds=("mpijobs.kubeflow.org",),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
