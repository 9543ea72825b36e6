"""Ids, ARNs and names that look like AWS's and depend on nothing but the seed and the resource."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Final

from infra.catalog import zones
from slipway import urns

ACCOUNT: Final = "123456789012"
DEFAULT_REGION: Final = "us-west-2"
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ids:
    """What makes ids.

    `seed` 0 is the account 123456789012; another seed is another account with other ids and with availability zones
    under other letters, as AWS maps them per account. `scope` (the parents' types) tells resources of one type and
    name apart.
    """

    seed: int = 0
    region: str = DEFAULT_REGION
    scope: str = ""

    def at(self, region: str) -> "Ids":
        """The same source of ids for a provider that works in `region`."""
        return replace(self, region=region)

    def of(self, urn: str) -> "Ids":
        """The same source of ids for the resource `urn`."""
        return replace(self, scope=urns.scope(urn))

    @property
    def account(self) -> str:
        """The account's 12 digits."""
        if self.seed == 0:
            return ACCOUNT
        return f"{int(self._digest('account')[:15], 16) % 10**12:012d}"

    @property
    def partition(self) -> str:
        """The partition of the region, such as `aws-us-gov`."""
        return zones.partition(self.region)

    @property
    def dns_suffix(self) -> str:
        """The domain of AWS's endpoints in this partition."""
        return zones.dns_suffix(self.region)

    def hex(self, kind: str, name: str, length: int = 17) -> str:
        """So many hexadecimal digits for this resource."""
        return self._digest(kind, self.region, self.scope, name)[:length]

    def id(self, prefix: str, name: str) -> str:
        """An EC2 style id: the prefix and 17 hexadecimal digits, such as `vpc-0a1b...`."""
        return f"{prefix}-0{self.hex(prefix, name, 16)}"

    def uuid(self, kind: str, name: str) -> str:
        """A UUID for this resource."""
        return str(uuid.UUID(self.hex(kind, name, 32)))

    def letters(self, kind: str, name: str, length: int) -> str:
        """So many lower case letters and digits, the first a letter."""
        number = int(self.hex(kind, name, 40), 16)
        text = ""
        for _ in range(length):
            number, digit = divmod(number, 36)
            text += _BASE36[digit]
        return _BASE36[10 + ord(text[0]) % 26] + text[1:]

    def arn(self, service: str, resource: str, *, regional: bool = True, owned: bool = True) -> str:
        """An ARN in this partition, in the region and account where the service has them."""
        region = self.region if regional else ""
        account = self.account if owned else ""
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"

    def name(self, logical: str) -> str:
        """What Pulumi's autonaming makes of a logical name: a dash and seven hexadecimal digits more."""
        return f"{logical}-{self.hex('autoname', logical, 7)}"

    def zone_name(self, zone_id: str) -> str:
        """The name under which this account sees a zone: `usw2-az1` is `us-west-2a` for one, `-2b` for another."""
        tail = zone_id.rpartition("-az")[2]
        return f"{self.region}{'abcdef'[(int(tail) - 1 + self.seed) % 6]}" if tail.isdigit() else self.region

    def address(self, name: str, net: str = "203.0") -> str:
        """An IPv4 address; the default lies in a range for documentation (RFC 5737) and beside it."""
        digits = self.hex("address", name, 4)
        return f"{net}.{int(digits[:2], 16)}.{int(digits[2:], 16)}"

    def _digest(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((str(self.seed), *parts)).encode()).hexdigest()
