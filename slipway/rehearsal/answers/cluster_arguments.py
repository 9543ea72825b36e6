"""Which arguments of `eks:index:Cluster` the expansion understands."""

from collections.abc import Iterable
from typing import Final

from slipway.rehearsal.answers.children import Registry
from slipway.wire import REDACTED, redacted

KNOWN: Final = frozenset(
    {
        "accessEntries",
        "authenticationMode",
        "bootstrapSelfManagedAddons",
        "clusterTags",
        "corednsAddonOptions",
        "createOidcProvider",
        "deletionProtection",
        "enabledClusterLogTypes",
        "encryptionConfigKeyArn",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "kubeProxyAddonOptions",
        "kubernetesServiceIpAddressRange",
        "name",
        "privateSubnetIds",
        "publicAccessCidrs",
        "publicSubnetIds",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "subnetIds",
        "tags",
        "upgradePolicy",
        "useDefaultVpcCni",
        "version",
        "vpcId",
    }
)
_ADDON_OPTIONS: Final = frozenset({"enabled", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"})


class UnknownArgumentError(ValueError):
    """The component was given an argument, or a value of one, that the expansion does not know."""


def refuse_unknown(made: Registry) -> None:
    """Let through what the expansion knows.

    Raises:
        UnknownArgumentError: The component was given something else; the message names it.
    """
    unknown = sorted(set(made.arguments) - KNOWN)
    if unknown:
        raise UnknownArgumentError(
            f"{made.label}: the expansion does not know the argument {', '.join(unknown)}; "
            "add it to slipway/rehearsal/answers/eks_cluster.py"
        )
    demands: Iterable[tuple[str, object, tuple[object, ...]]] = (
        ("skipDefaultNodeGroup", True, (True,)),
        ("authenticationMode", "API", ("API",)),
        ("createOidcProvider", False, (False, None)),
    )
    for argument, wanted, allowed in demands:
        value = made.value(argument)
        if value not in allowed:
            shown = "a secret" if redacted(value) == REDACTED else repr(value)
            raise UnknownArgumentError(f"{made.label}: {argument} is {shown}; the expansion knows {wanted!r} only")
    for options in ("corednsAddonOptions", "kubeProxyAddonOptions"):
        more = sorted(set(made.value(options) or {}) - _ADDON_OPTIONS)
        if more:
            raise UnknownArgumentError(f"{made.label}: {options}.{more[0]} is not known to the expansion")
    if (made.value("corednsAddonOptions") or {}).get("enabled") is True:
        raise UnknownArgumentError(f"{made.label}: corednsAddonOptions.enabled is True; the expansion knows False only")
    if made.value("vpcId") is None:
        raise UnknownArgumentError(f"{made.label}: vpcId is needed; the default VPC is not simulated")
