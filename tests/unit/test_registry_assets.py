"""Files that a program hands to the engine, as the simulated AWS takes and returns them."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from slipway.rehearsal.plugin import Plugin
from slipway.rehearsal.structs import to_dict, to_struct

SIGNATURE = "4dabf18193072939515e22adb298388d"
# pulumi/runtime/rpc.py; the engine adds the hashes.
ARCHIVE = {
    SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7",
    "hash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "assets": {
        "notebook-gpu/Dockerfile": {
            SIGNATURE: "c44067f5952c0a294b673a41bacd8c17",
            "hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "path": "../images/notebook-gpu/Dockerfile",
        }
    },
}
INPUTS = {"bucket": "artifacts", "key": "images/a.zip", "source": ARCHIVE}
URN = "urn:pulumi:test::slipway::aws:s3/bucketObjectv2:BucketObjectv2::registry-notebook-gpu"
NO_CONTEXT: Any = None


@pytest.mark.parametrize("preview", [False, True])
def test_an_archive_comes_back_as_it_went_in(preview):
    request = provider_pb2.CreateRequest(
        urn=URN,
        type="aws:s3/bucketObjectv2:BucketObjectv2",
        name="registry-notebook-gpu",
        properties=to_struct(INPUTS),
        preview=preview,
    )
    made = Plugin("aws").Create(request, NO_CONTEXT)
    assert to_dict(made.properties)["source"] == ARCHIVE


@pytest.mark.parametrize(
    ("content", "changes"), [(ARCHIVE["hash"], []), ("0" * 64, ["source"])], ids=["same", "another-file"]
)
def test_an_archive_changes_with_its_contents(content, changes):
    after = {**INPUTS, "source": {**ARCHIVE, "hash": content}}
    request = provider_pb2.DiffRequest(urn=URN, old_inputs=to_struct(INPUTS), news=to_struct(after))
    assert list(Plugin("aws").Diff(request, NO_CONTEXT).diffs) == changes
