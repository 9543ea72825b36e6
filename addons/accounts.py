"""Database accounts: a user, a password and schemas of its own for each service, on the stack's RDS instances.

The master user's secret stays in the namespace `databases`, where a Job makes the account with it. The service's
namespace gets the account's credentials alone. The password is made in the cluster, and in no plan or state.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from addons.secrets import Template, external, generated
from infra.handle import Database
from infra.surroundings import Surroundings

NAMESPACE: Final = "databases"
STORE: Final = "database-accounts"
"""The ClusterSecretStore of this namespace's accounts."""
READER: Final = "account-reader"
"""The service account with which that store reads them."""
IMAGES: Final[Mapping[str, str]] = {
    "mysql": "public.ecr.aws/docker/library/mysql:8.4.6",
    "postgres": "public.ecr.aws/docker/library/postgres:17.6",
}
"""Clients; a newer server takes them."""
_USER: Final = 999
"""The user `mysql`, or `postgres`, of both images."""
_TRIES: Final = 10
_SECONDS: Final = 900

_POSTGRES: Final = r"""
psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\getenv account ACCOUNT
\getenv password ACCOUNT_PASSWORD
SELECT format('CREATE ROLE %I', :'account')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'account') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'account', :'password') \gexec
-- Whoever makes a database for somebody must be able to be that somebody: RDS's master user is no superuser.
SELECT format('GRANT %I TO CURRENT_USER', :'account') \gexec
SQL
for schema in $SCHEMAS; do
  export schema
  psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\getenv account ACCOUNT
\getenv schema schema
SELECT format('CREATE DATABASE %I OWNER %I', :'schema', :'account')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'schema') \gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', :'schema', :'account') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'schema') \gexec
SQL
done
"""
_MYSQL: Final = r"""
{
  for verb in 'CREATE USER IF NOT EXISTS' 'ALTER USER'; do
    printf "%s '%s'@'%%' IDENTIFIED WITH %s BY '%s';\n" "$verb" "$ACCOUNT" "$PLUGIN" "$ACCOUNT_PASSWORD"
  done
  for schema in $SCHEMAS; do
    printf 'CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8mb4;\n' "$schema"
    printf "GRANT ALL PRIVILEGES ON \`%s\`.* TO '%s'@'%%';\n" "$schema" "$ACCOUNT"
  done
} | mysql --host="$HOST" --port="$PORT" --user="$MASTER" --ssl-mode=REQUIRED
"""
_PLUGIN: Final = "caching_sha2_password"
_OLD_PLUGIN: Final = "mysql_native_password"
_SCRIPTS: Final = {"mysql": _MYSQL, "postgres": _POSTGRES}


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def engine(self) -> str: ...


D = TypeVar("D", bound=_Named)


def chosen(databases: Iterable[D], engines: Sequence[str], name: str | None = None) -> D | None:
    """The database that a service uses, of the handle or of the stack file: the one named, else the first that fits.

    Args:
        databases: All.
        engines: What the service can use, best first.
        name: What its settings say.
    """
    fitting = [each for engine in engines for each in databases if each.engine == engine]
    return next((each for each in fitting if name in (None, each.name)), None)


def unfit(
    around: Surroundings, engines: Sequence[str], name: str | None, key: str = "database"
) -> Iterator[tuple[str, str]]:
    """What is wrong with a service's choice of a database, as `AddOn.problems` has it.

    Args:
        around: The stack file.
        engines: What the service can use.
        name: What its settings say.
        key: Which setting says it.
    """
    if chosen(around.databases, engines, name) is None:
        fitting = [each.name for each in around.databases if each.engine in engines]
        wanted = f"{name!r} is not a database of engine" if name else "needs a database of engine"
        known = f"; databases of that engine: {', '.join(fitting)}" if fitting else "; databases has none"
        yield key, f"{wanted} {' or '.join(engines)}{known}"


def account(
    database: Database,
    service: str,
    *,
    schemas: Sequence[str],
    namespace: str,
    secret: str,
    template: Template | None = None,
    old_client: bool = False,
) -> list[dict[str, Any]]:
    """The objects that make an account, and the Secret with which the service uses it.

    Args:
        database: Where.
        service: The user's name: letters, digits and `-`, which the user has as `_`.
        schemas: Databases that it owns, made where they are missing.
        namespace: The service's.
        secret: The Secret's name there: `username` and `password`, unless `template` says otherwise.
        template: What the Secret holds, such as `{"dsn": "postgresql://{{ .username }}:{{ .password }}@..."}`.
        old_client: On MySQL: the client knows no way of logging in but `mysql_native_password`, which RDS still has
            (RDS user guide, "MySQL default authentication plugin").
    """
    user = service.replace("-", "_")
    held = f"{database.name}-{service}"
    name = {"username": user, "password": "{{ .password }}"}
    return [
        *generated(NAMESPACE, held, ["password"], template=name),
        *_readable(held),
        _job(database, held, user, schemas, old_client=old_client),
        external(
            namespace, secret, held, {"username": "username", "password": "password"}, store=STORE, template=template
        ),
    ]


def images(engines: Iterable[str]) -> tuple[str, ...]:
    """The images of accounts on databases of these engines."""
    return tuple(IMAGES[engine] for engine in engines)


def master(database: Database) -> dict[str, Any]:
    """The master user's credentials in the namespace `databases`."""
    return external(
        NAMESPACE,
        _master(database),
        database.secret_arn,
        {"username": "username", "password": "password"},
    )


def _master(database: Database) -> str:
    return f"{database.name}-master"


def _readable(secret: str) -> Iterator[dict[str, Any]]:
    """Let the store read this account, and no more than that."""
    meta = {"name": secret, "namespace": NAMESPACE}
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": meta,
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}],
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": secret},
        "subjects": [{"kind": "ServiceAccount", "name": READER, "namespace": NAMESPACE}],
    }


def _job(database: Database, secret: str, user: str, schemas: Sequence[str], *, old_client: bool) -> dict[str, Any]:
    """A Job that makes the account, or puts it right; another one when what it does changes."""
    script = _SCRIPTS[database.engine]
    plugin = _OLD_PLUGIN if old_client else _PLUGIN
    what = json.dumps([IMAGES[database.engine], script, user, list(schemas), plugin])
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    held = {key: {"valueFrom": {"secretKeyRef": {"name": secret, "key": "password"}}} for key in ("ACCOUNT_PASSWORD",)}
    by = {key: {"secretKeyRef": {"name": _master(database), "key": key}} for key in ("username", "password")}
    asks: dict[str, dict[str, Any]] = {
        "mysql": {
            "HOST": {"value": database.host},
            "PORT": {"value": str(database.port)},
            "MASTER": {"valueFrom": by["username"]},
            "MYSQL_PWD": {"valueFrom": by["password"]},
            "PLUGIN": {"value": plugin},
        },
        "postgres": {
            "PGHOST": {"value": database.host},
            "PGPORT": {"value": str(database.port)},
            "PGSSLMODE": {"value": "require"},
            "PGUSER": {"valueFrom": by["username"]},
            "PGPASSWORD": {"valueFrom": by["password"]},
        },
    }
    variables = {**asks[database.engine], "ACCOUNT": {"value": user}, "SCHEMAS": {"value": " ".join(schemas)}, **held}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{secret}-{digest}",
            "namespace": NAMESPACE,
            # One that failed is made again by the next `up`.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _SECONDS,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "account",
                            "image": IMAGES[database.engine],
                            "command": ["bash", "-euo", "pipefail", "-c", script],
                            "env": [{"name": key, **value} for key, value in variables.items()],
                            "resources": {
                                "requests": {"cpu": "10m", "memory": "64Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
                }
            },
        },
    }
