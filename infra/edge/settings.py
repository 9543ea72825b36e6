"""Settings of the way in: names, certificate, load balancer, login."""

from typing import Annotated, Final, Literal

from pydantic import Field

from infra.model import Model
from infra.network.settings import Cidr

NEW: Final = "new"
"""`zone` where the hosted zone is to be made."""

# The last label has two characters at least (ACM, RequestCertificate). A certificate's common name has 64 (RFC 5280).
Domain = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$", max_length=64)
]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]


class LoadBalancerSettings(Model):
    """The Application Load Balancer. TLS 1.2 and 1.3 only; port 80 redirects."""

    internal: bool = False
    """In private subnets, for clients that are on the VPC's network (VPN, peering, Direct Connect)."""
    clients: Annotated[tuple[Cidr, ...], Field(max_length=30)]
    """Who may reach it, as CIDRs. `0.0.0.0/0` is the world. Two rules each; a security group has room for 60."""
    idle_timeout: Annotated[int, Field(ge=1, le=4000)] = 300
    """Seconds without a byte before a connection is cut; notebooks keep theirs open for long."""


class LoginSettings(Model):
    """A Cognito user pool: people sign in with their email address."""

    mfa: Literal["required", "optional"] = "required"
    """A time-based code from an app beside the password: of everybody, or of whoever sets it up."""
    groups: tuple[GroupName, ...] = ()
    """More groups, in the claim `cognito:groups`. `platform-admins` and one for each of `tenants` are always there. Who
    is in a group is said in Cognito."""
    self_sign_up: bool = False
    """Whether people may make accounts themselves. By default administrators invite them."""
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """Hours until somebody has to sign in again."""
    threat_protection: Literal["off", "audit", "enforced"] = "off"
    """Cognito's judgement of sign-ins: off, logged, or acted on. It brings the Plus plan, billed per user."""
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = None
    """The login pages are at `<prefix>.auth.<region>.amazoncognito.com`; nobody else in the region, in any account, may
    have it. By default it is made of `domain`, which is yours alone."""


class EdgeSettings(Model):
    """The way in: names, certificate, load balancer, login."""

    domain: Domain
    """Such as ml.example.com. Entries are hosts below it."""
    zone: Annotated[str, Field(pattern=r"^(new|Z[0-9A-Z]{1,31})$")] | None = None
    """The public Route 53 hosted zone that holds `domain`: `new`, or the id of one that is there. None: DNS is kept
    elsewhere, and `certificateArn` is needed."""
    certificate_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+$")] | None = (
        None
    )
    """An ACM certificate for `domain` and `*.domain` that is there already. By default one is made."""
    entries: Annotated[tuple[Label, ...], Field(max_length=99)] = ()
    """The first labels of the web entries' hosts, such as [kubeflow, grafana]. After a login Cognito sends people back
    to these hosts and to `domain` only."""
    load_balancer: LoadBalancerSettings
    """Where the internet, or the company's network, comes in."""
    login: LoginSettings | None = Field(default_factory=LoginSettings)
    """Who may come in. null: no login; entries are open to all `clients`."""

    def host(self, entry: str) -> str:
        """The host of an entry."""
        return f"{entry}.{self.domain}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, the domain itself first."""
        return (self.domain, *(self.host(entry) for entry in self.entries))
