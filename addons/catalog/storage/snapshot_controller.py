"""CSI snapshot controller and its CRDs: snapshots of volumes."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Ready

ADDON = AddOn(
    name="snapshot-controller",
    group="storage",
    summary="snapshots of volumes, and their CRDs",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/csi-snapshot-controller.html",
    source=EksAddon(name="snapshot-controller"),
    settings=ManagedSettings,
    presets=("minimal",),
    needs=("coredns",),
    owns_crds=(
        "volumegroupsnapshotclasses.groupsnapshot.storage.k8s.io",
        "volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io",
        "volumegroupsnapshots.groupsnapshot.storage.k8s.io",
        "volumesnapshotclasses.snapshot.storage.k8s.io",
        "volumesnapshotcontents.snapshot.storage.k8s.io",
        "volumesnapshots.snapshot.storage.k8s.io",
    ),
    ready=(Ready(kind="Deployment", name="snapshot-controller"),),
)
