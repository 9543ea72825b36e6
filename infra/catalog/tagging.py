"""Which types of the AWS provider take tags.

Source: the classes of the Python package pulumi-aws; a contract test holds `data/untagged.json` against them.
"""

from functools import cache

from infra.catalog.table import table


def takes_tags(type_: str) -> bool:
    """Whether resources of a type have the property `tags`. What the list does not know is taken to have it.

    Args:
        type_: Type token, such as `aws:ec2/vpc:Vpc`.
    """
    return type_ not in _untagged()


@cache
def _untagged() -> frozenset[str]:
    return frozenset(table("untagged").names())
