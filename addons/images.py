"""Images of more than one add-on's own objects."""

from typing import Final

BUSYBOX: Final = "public.ecr.aws/docker/library/busybox:1.37.0"
"""A shell, and what belongs to one."""
