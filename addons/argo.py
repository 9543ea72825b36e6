"""What the add-ons of Argo Workflows agree on."""

from typing import Final

NAMESPACE: Final = "argo"
ACCOUNT: Final = "workflow"
"""The service account of workflows' pods, in each namespace that has one."""
PREFIX: Final = "argo"
"""Where workflows' files are in the bucket `artifacts`: below `<prefix>/<namespace>/`."""
ARCHIVE: Final = "argo-workflows-archive"
"""The add-on with the account on the database, and the Secret with it in the controller's namespace."""
ENGINES: Final = ("postgres",)
"""Of the archive's database."""
SCHEMA: Final = "argo"
