"""The catalogue's list of types that take no tags is that of the AWS provider's SDK."""

import datetime
import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.catalog.table import DATA, render, table
from infra.catalog.tagging import takes_tags

TOKEN = re.compile(rb"super\(\w+, __self__\).__init__\(\s*'(aws:[^']+)'")
TAGS = re.compile(rb"\n    @pulumi\.getter\n    def tags\(self\)")

SOURCE = f"pulumi-aws {version('pulumi-aws')}: types without the property tags"


def sdk() -> dict[str, bool]:
    """Every type of the SDK, and whether it has `tags`; its source is read, for loading all of it takes a minute."""
    spec = find_spec("pulumi_aws")
    assert spec is not None
    assert spec.origin is not None
    found = {}
    for file in Path(spec.origin).parent.rglob("*.py"):
        source = file.read_bytes()
        token = TOKEN.search(source)
        if token:
            found[token[1].decode()] = TAGS.search(source) is not None
    return found


def untagged() -> str:
    """The data file as it should be. To write it: `python -m tests.contract.test_tagging`."""
    today = datetime.datetime.now(datetime.UTC).date()
    meta = {"source": SOURCE, "date": str(today)}
    return render(meta, {token: {} for token, has in sdk().items() if not has})


def test_the_list_is_the_sdks():
    listed = set(table("untagged").names())
    assert listed == {token for token, has in sdk().items() if not has}, "python -m tests.contract.test_tagging"


def test_it_tells_of_which_version_it_is():
    assert table("untagged").meta["source"] == SOURCE


@pytest.mark.parametrize(
    ("token", "takes"),
    [
        ("aws:ec2/vpc:Vpc", True),
        ("aws:s3/bucket:Bucket", True),
        ("aws:iam/role:Role", True),
        ("aws:dynamodb/table:Table", True),
        ("aws:ec2/route:Route", False),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", False),
        ("aws:kms/alias:Alias", False),
        ("aws:s3/bucketPolicy:BucketPolicy", False),
        ("aws:of/tomorrow:Thing", True),
    ],
)
def test_what_takes_tags(token, takes):
    """Expectations: which resources AWS Resource Groups' Tag Editor and IAM's documentation call taggable."""
    assert takes_tags(token) is takes


if __name__ == "__main__":
    (DATA / "untagged.json").write_text(untagged())
