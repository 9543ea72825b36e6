"""Follows data from a pod to where it is kept, through a recorded plan, and names the link that is missing.

A pod has a service account; that has a role by EKS Pod Identity; the role's policies allow what the pod does with a
bucket and its key; the bucket is there, and a way to S3. For a database: the pod knows host, port, user, password and
schema; the account was made there with the same password; nodes reach its port; and both sides agree on TLS. What a
Secret holds is followed to the generator, or to Secrets Manager through the store, with the store's own permissions.

Objects of kustomizations, which the plan knows by name alone, are built from the reference.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from infra.catalog import names
from infra.catalog.zones import dns_suffix
from slipway.plan.model import Plan, Resource
from slipway.plan.reach.reach import reach
from tests.contract import bundles, charts
from tests.program.addon_stacks import CATALOGUE, COMPONENT, DIRECTORY, RELEASE, leaves
from tests.program.iam_evaluation import allows, denies
from tests.program.policy_evaluation import End, Policies, outside
from tests.program.policy_evaluation import pod as any_pod

ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
AGENT: Final = "eks-pod-identity-agent"
BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
CLUSTER: Final = "aws:eks/cluster:Cluster"
DATABASE: Final = "aws:rds/instance:Instance"
ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
KEY: Final = "aws:kms/key:Key"
NAT: Final = "aws:ec2/natGateway:NatGateway"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
PARAMETERS: Final = "aws:rds/parameterGroup:ParameterGroup"
POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ROLE: Final = "aws:iam/role:Role"
ROUTES: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"

READ: Final = ("s3:GetObject",)
WRITE: Final = ("s3:PutObject",)
MULTIPART: Final = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
"""What clients do beside putting when a file is large."""
_AGENT: Final = "169.254.170.23"
"""The EKS Pod Identity agent. Source: EKS user guide, "Understand how EKS Pod Identity works"."""
_S3: Final = "3.5.80.1"
"""Of S3 in us-west-2. Source: AWS's ip-ranges.json."""
_ENDING: Final = "AbCdEf"
"""Secrets Manager ends a secret's ARN with a dash and six characters of its own."""
_TLS_FLAG: Final = {"mysql": "require_secure_transport", "postgres": "rds.force_ssl"}
_TLS_SPOKEN: Final = {
    # libpq's and lib/pq's sslmode, as key, variable or setting.
    "postgres": r"(?i)ssl_?mode\W{1,4}(require|verify-ca|verify-full)\b",
    # Go's driver, Python's and Java's, and ml-metadata's options, by which its client speaks TLS at all.
    "mysql": r"(?i)\btls\W{1,4}(true|skip-verify)|ssl_mode\W{1,4}required|useSSL=true|ssl_options\s*\{\s*(ca|cipher):",
}
"""What a client's settings say where it speaks TLS."""


class MissingLinkError(AssertionError):
    """A path ends before its data gets anywhere.

    Attributes:
        link: What kind of link is missing.
    """

    def __init__(self, path: str, link: str, message: str) -> None:
        super().__init__(f"{path}: {link}: {message}")
        self.link = link


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A pod, as far as data goes.

    Attributes:
        texts: All that it is told: variables as `NAME=value`, arguments, files of ConfigMaps, templates of Secrets.
        secrets: The Secrets that it reads, with the keys.
    """

    title: str
    namespace: str
    service_account: str
    texts: tuple[str, ...] = ()
    secrets: tuple[tuple[str, str | None], ...] = ()

    def says(self, pattern: str) -> bool:
        """Whether any of its texts has this in it."""
        return any(re.search(pattern, text) for text in self.texts)


@dataclass(frozen=True, kw_only=True)
class World:
    """A plan, with the objects that others make of it.

    Attributes:
        plan: The recorded plan.
        home: The namespace of the people whose pods are followed.
        foreign: Gives the objects of a kustomization by the name of its add-on.
    """

    plan: Plan
    home: str = "default"
    foreign: Callable[[str], Iterable[Mapping[str, Any]]] = field(default=lambda _: ())

    @cached_property
    def objects(self) -> tuple[Mapping[str, Any], ...]:
        """Every Kubernetes object that is known."""
        own = [each.inputs for each in self.plan if each.package == "kubernetes" and "kind" in each.inputs]
        others = [item for each in self.plan.of_type(DIRECTORY) for item in self.foreign(each.name)]
        return (*own, *others)

    @cached_property
    def region(self) -> str:
        """Of the stack."""
        return str(self.plan.one("pulumi:providers:aws", "aws").inputs["region"])

    @cached_property
    def partition(self) -> str:
        """Of the stack."""
        return str(self.plan.of_type(ROLE)[0].outputs["arn"].split(":")[1])

    @cached_property
    def reached(self) -> frozenset[tuple[str, int]]:
        """The databases that every group of nodes reaches, each with its port."""
        paths = reach(self.plan).between("nodes", "database")
        nodes = {path.source for path in reach(self.plan).paths if path.source.kind == "nodes"}
        ends = [(path.source, path.target.name, ports.first) for path in paths for ports in path.ports]
        wanted = {(name, port) for _, name, port in ends}
        return frozenset(each for each in wanted if {source for source, *end in ends if tuple(end) == each} == nodes)

    @cached_property
    def policies(self) -> Policies:
        """The network policies."""
        return Policies.of(self.objects)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Mapping[str, Any] | None:
        """An object by its kind, name and namespace; None where it is not there."""
        for each in self.objects:
            metadata = each["metadata"]
            if (each["kind"], metadata["name"], metadata.get("namespace")) == (kind, name, namespace):
                return each
        return None

    def within(self, namespace: str) -> list[Mapping[str, Any]]:
        """The objects of a namespace."""
        return [each for each in self.objects if each["metadata"].get("namespace") == namespace]

    def service(self, name: str) -> str:
        """An AWS service's host in the region, as `kms:ViaService` has it."""
        return f"{name}.{self.region}.{dns_suffix(self.region)}"


@dataclass(kw_only=True)
class Trail:
    """One path, link by link.

    Attributes:
        name: Of the path, for messages.
        passed: The kinds of links that were there.
    """

    name: str
    world: World
    passed: list[str] = field(default_factory=list)

    def need(self, link: str, found: Any, message: str) -> Any:
        """Go on where something was found, else say which link is missing."""
        if not found:
            raise MissingLinkError(self.name, link, message)
        self.passed.append(link)
        return found

    # Pods.

    def pod(self, namespace: str, owner: str) -> Workload:
        """A workload of objects, as `Deployment/name`."""
        pods = [pod for pod in bundles.pods(self.world.within(namespace)) if pod.owner == owner]
        (pod,) = self.need("workload", pods, f"no {owner} in {namespace}")
        secrets, texts = [], []
        for reference in bundles.references(self.world.within(namespace)):
            if reference.by != owner:
                continue
            if reference.kind == "Secret":
                secrets.append((reference.name, reference.key))
                texts += self._secret_texts(namespace, reference.name)
            if reference.kind == "ConfigMap":
                data = (self.world.find("ConfigMap", reference.name, namespace) or {}).get("data", {})
                texts += [str(value) for key, value in data.items() if reference.key in (None, key)]
        for box in pod.containers:
            texts += [*map(str, box.get("args", ())), *map(str, box.get("command", ()))]
            texts += [f"{each['name']}={self._value(namespace, each)}" for each in box.get("env", ())]
        account = self._account(namespace, pod.service_account)
        return Workload(
            title=owner, namespace=namespace, service_account=account, texts=tuple(texts), secrets=tuple(secrets)
        )

    def _value(self, namespace: str, variable: Mapping[str, Any]) -> str:
        source = variable.get("valueFrom") or {}
        if "configMapKeyRef" in source:
            reference = source["configMapKeyRef"]
            found = self.world.find("ConfigMap", reference["name"], namespace) or {}
            return str(found.get("data", {}).get(reference["key"], ""))
        if "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            found = self._maker(namespace, reference["name"]) or {}
            template = found.get("spec", {}).get("target", {}).get("template", {}).get("data", {})
            return str(template.get(reference["key"], ""))
        return str(variable.get("value", ""))

    def _secret_texts(self, namespace: str, name: str) -> list[str]:
        found = self._maker(namespace, name) or {}
        return [
            str(text) for text in found.get("spec", {}).get("target", {}).get("template", {}).get("data", {}).values()
        ]

    def chart(self, release: str, workload: str) -> Workload:
        """A workload of a chart, as `Deployment/name`; the contract tests hold that its values take effect."""
        found = [each for each in self.world.plan.of_type(RELEASE) if each.name == release]
        (made,) = self.need("workload", found, f"no release {release}")
        facts = charts.chart_facts(CATALOGUE[release].source.name)  # type: ignore[union-attr]  # a chart
        kinds = {f"{each['kind']}/{each['name']}": each for each in facts["workloads"]}
        values = made.inputs["values"]
        renamed = facts["value_paths"]["by_category"].get("service_account_name", {}).get("effective", {})
        told = [
            _at(values, path) for path, changed in renamed.items() if any(each.startswith(workload) for each in changed)
        ]
        account = next((name for name in told if name), kinds[workload]["service_account"])
        texts = [f"{path.rpartition('.')[2]}={value}" for path, value in leaves(values)]
        words = {str(value) for _, value in leaves(values)}
        namespace = str(made.inputs["namespace"])
        made_here = [each for each in self.world.within(namespace) if each["kind"] == "ExternalSecret"]
        targets = [each["spec"].get("target", {}).get("name", each["metadata"]["name"]) for each in made_here]
        secrets = tuple((name, None) for name in targets if name in words)
        texts += [text for name, _ in secrets for text in self._secret_texts(namespace, name)]
        return Workload(
            title=release, namespace=namespace, service_account=account, texts=tuple(texts), secrets=secrets
        )

    def people(self, namespace: str, service_account: str, texts: Iterable[str] = ()) -> Workload:
        """A pod that somebody starts, or a program does, as a service account of ours."""
        account = self._account(namespace, service_account)
        return Workload(title=f"pods of {namespace}", namespace=namespace, service_account=account, texts=tuple(texts))

    def _account(self, namespace: str, name: str) -> str:
        # Every namespace has the one without permissions.
        there = name == "default" or self.world.find("ServiceAccount", name, namespace)
        self.need("service account", there, f"nobody makes the service account {namespace}/{name}")
        return name

    # AWS.

    def role(self, namespace: str, service_account: str) -> Resource:
        """The role of a service account."""
        plan, who = self.world.plan, f"{namespace}/{service_account}"
        associations = [
            each
            for each in plan.of_type(ASSOCIATION)
            if (each.inputs["namespace"], each.inputs["serviceAccount"]) == (namespace, service_account)
        ]
        (association,) = self.need("association", associations, f"no Pod Identity association of {who}")
        agents = [each for each in plan.of_type(COMPONENT) if each.name == AGENT]
        self.need("agent", agents, f"{AGENT}, which hands the pods of {who} their credentials, is not there")
        roles = [each for each in plan.of_type(ROLE) if each.outputs["arn"] == association.inputs["roleArn"]]
        (role,) = self.need("role", roles, f"{who} is given {association.inputs['roleArn']}, which nobody makes")
        trust = [json.loads(role.inputs["assumeRolePolicy"])]
        taken = all(_trusted(trust[0], action) for action in ("sts:AssumeRole", "sts:TagSession"))
        self.need("trust", taken, f"{role.name} does not let Pod Identity take it")
        return role  # type: ignore[no-any-return]  # what `need` was given

    def may(self, role: Resource, actions: Iterable[str], resource: str, **context: str) -> None:
        """Whether a role's own policies allow all of these."""
        given = [each for each in self.world.plan.of_type(POLICY) if each.inputs["role"] == role.outputs["name"]]
        documents = [json.loads(each.inputs["policy"]) for each in given]
        asked = {key.replace("__", ":").lower(): value for key, value in context.items()} | {
            "aws:securetransport": "true"
        }
        missing = [action for action in actions if not allows(documents, action, resource, asked)]
        link = "key policy" if ":kms:" in resource else "policy"
        self.need(link, not missing, f"{role.name} may not {', '.join(missing)} on {resource}")

    def bucket(self, workload: Workload, place: str, actions: Iterable[str], *, listing: bool = True) -> None:
        """A workload's way to what lies below a place of a bucket, such as `s3://acme/mlflow`."""
        name, _, prefix = place.removeprefix("s3://").partition("/")
        prefix = prefix.rstrip("/")
        role = self.role(workload.namespace, workload.service_account)
        found = [each for each in self.world.plan.of_type(BUCKET) if each.outputs["bucket"] == name]
        (bucket,) = self.need("bucket", found, f"{workload.title} uses the bucket {name!r}, which nobody makes")
        arn = bucket.outputs["arn"]
        doing = tuple(actions)
        self.may(role, doing, f"{arn}/{prefix}/file".replace("//file", "/file"))
        if listing:
            self.may(role, ["s3:ListBucket"], arn, s3__prefix=f"{prefix}/" if prefix else "")
        self._not_refused(bucket, doing, f"{arn}/{prefix}/file")
        self._key(role, name, doing)
        self.way_to_s3(workload.namespace)

    def _not_refused(self, bucket: Resource, actions: Iterable[str], resource: str) -> None:
        name = bucket.outputs["bucket"]
        policies = [each for each in self.world.plan.of_type(BUCKET_POLICY) if each.inputs["bucket"] == name]
        context = {"aws:securetransport": "true"}
        refused = [
            action
            for each in policies
            for action in actions
            if denies(json.loads(each.inputs["policy"]), action, resource, context)
        ]
        self.need("bucket policy", not refused, f"{name} refuses {', '.join(refused)}")

    def _key(self, role: Resource, bucket: str, actions: Iterable[str]) -> None:
        """A bucket's key, by which S3 reads and writes for whoever may use it."""
        found = [each for each in self.world.plan.of_type(ENCRYPTION) if each.inputs["bucket"] == bucket]
        (encryption,) = self.need("encryption", found, f"{bucket} is encrypted by no key of the stack's")
        by = encryption.inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        if by["sseAlgorithm"] != "aws:kms":
            return
        self.key(role, by["kmsMasterKeyId"], "s3", writes="s3:PutObject" in actions)

    def key(self, role: Resource, arn: str, service: str, *, writes: bool = False) -> None:
        """A key that a role uses through a service."""
        found = [each for each in self.world.plan.of_type(KEY) if each.outputs["arn"] == arn]
        (key,) = self.need("key", found, f"{arn} is no key of the stack's")
        policy = json.loads(key.inputs.get("policy") or key.outputs["policy"])
        delegated = any(
            str(
                each.get("Principal", {}).get("AWS", "") if isinstance(each.get("Principal"), Mapping) else ""
            ).endswith(":root")
            and each["Effect"] == "Allow"
            and each["Action"] == "kms:*"
            for each in policy["Statement"]
        )
        self.need("key", delegated, f"{key.name} does not leave it to IAM who uses it")
        # Whoever writes in parts reads what was written.
        actions = ["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])]
        self.may(role, actions, arn, kms__viaservice=self.world.service(service))

    def connects(self, source: End, target: End, port: int, protocol: str = "TCP") -> None:
        """Whether network policies let a connection through, on both sides."""
        refused = self.world.policies.refuses(source, target, port, protocol)
        self.need("network policy", refused is None, f"port {port}: {refused}")

    def way_to_s3(self, namespace: str) -> None:
        """Out of the pod's namespace, and the gateway endpoint, in the routes of every node's subnet."""
        self.connects(any_pod(namespace), outside(_AGENT), 80)
        self.connects(any_pod(namespace), outside(_S3), 443)
        plan = self.world.plan
        there = [
            each for each in plan.of_type(ENDPOINT) if each.inputs["serviceName"].endswith(f".{self.world.region}.s3")
        ]
        gateways = [each for each in there if each.inputs["vpcEndpointType"] == "Gateway"]
        (gateway,) = self.need("endpoint", gateways, "there is no gateway endpoint for S3")
        subnets = {subnet for group in plan.of_type(NODE_GROUP) for subnet in group.inputs["subnetIds"]}
        tables = {each.inputs["routeTableId"] for each in plan.of_type(ROUTES) if each.inputs["subnetId"] in subnets}
        missing = tables - set(gateway.inputs["routeTableIds"])
        self.need("endpoint", tables and not missing, f"{gateway.name} is not in the routes {sorted(missing)}")

    def way_to(self, service: str) -> None:
        """The interface endpoint of a service, where nodes have no other way."""
        plan = self.world.plan
        if plan.of_type(NAT):
            return
        there = [each for each in plan.of_type(ENDPOINT) if each.inputs["serviceName"].endswith(f".{service}")]
        usable = [each for each in there if each.inputs.get("privateDnsEnabled")]
        self.need("endpoint", usable, f"nodes have no way to {service}")

    # Secrets.

    def secret(self, namespace: str, name: str, key: str | None = None) -> Mapping[str, Any]:
        """A Secret, from where a pod reads it to where it comes from; the ExternalSecret that makes it."""
        where = f"{namespace}/{name}"
        maker: Mapping[str, Any] = self.need("secret", self._maker(namespace, name), f"nobody makes the Secret {where}")
        keys = bundles.secret_keys(maker, self.world.within(namespace))
        good = key is None or keys is None or key in keys
        self.need("key of a secret", good, f"{where} has no {key}; it has {sorted(keys or ())}")
        for source in maker["spec"].get("dataFrom", ()):
            reference = source["sourceRef"]["generatorRef"]
            made = self.world.find(reference["kind"], reference["name"], namespace)
            self.need("generator", made, f"{where} comes of {reference['name']}, which is not there")
        if maker["spec"].get("data"):
            self._remote(maker)
        return maker

    def _maker(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        return next(
            (
                each
                for each in self.world.within(namespace)
                if each["kind"] == "ExternalSecret"
                and each["spec"].get("target", {}).get("name", each["metadata"]["name"]) == name
            ),
            None,
        )

    def _remote(self, maker: Mapping[str, Any]) -> None:
        namespace, spec = maker["metadata"]["namespace"], maker["spec"]
        store = self.world.find(spec["secretStoreRef"]["kind"], spec["secretStoreRef"]["name"])
        self.need("store", store, f"{spec['secretStoreRef']['name']} is not there")
        assert store is not None
        self._let_in(namespace, store)
        provider = store["spec"]["provider"]
        for each in spec["data"]:
            if "aws" in provider:
                self._from_aws(each["remoteRef"]["key"])
            else:
                self._from_namespace(provider["kubernetes"], each["remoteRef"])

    def _let_in(self, namespace: str, store: Mapping[str, Any]) -> None:
        """Whether the store's conditions name the namespace, or a label that it has."""
        space = self.world.find("Namespace", namespace) or {"metadata": {}}
        labels = space["metadata"].get("labels", {})
        good = any(
            namespace in each.get("namespaces", ())
            or set(each.get("namespaceSelector", {}).get("matchLabels", {"": ""}).items()) <= set(labels.items())
            for each in store["spec"].get("conditions", ({"namespaces": [namespace]},))
        )
        title = store["metadata"]["name"]
        self.need("label", good, f"{title} lets in namespaces of {names.SECRETS_LABEL}, which {namespace} has not")

    def _from_aws(self, remote: str) -> None:
        """A secret of Secrets Manager, read by the operator."""
        operator = "external-secrets"
        releases = [each for each in self.world.plan.of_type(RELEASE) if each.name == operator]
        (release,) = self.need("operator", releases, f"{operator} is not there")
        account = _at(release.inputs["values"], "serviceAccount.name") or operator
        role = self.role(str(release.inputs["namespace"]), str(account))
        account_id = role.outputs["arn"].split(":")[4]
        home = f"arn:{self.world.partition}:secretsmanager:{self.world.region}:{account_id}:secret:"
        arn = remote if remote.startswith("arn:") else f"{home}{remote}-{_ENDING}"
        databases = [each for each in self.world.plan.of_type(DATABASE) if _master(each) == arn]
        if ":secret:rds!" in arn:
            self.need("master secret", databases, f"{arn} is no database's")
        self.may(role, ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], arn)
        for database in databases:
            self.key(role, database.inputs["masterUserSecretKmsKeyId"], "secretsmanager")
        self.way_to("secretsmanager")

    def _from_namespace(self, provider: Mapping[str, Any], remote: Mapping[str, Any]) -> None:
        """A Secret of another namespace, read as a service account there that may read this one."""
        space, reader = provider["remoteNamespace"], provider["auth"]["serviceAccount"]
        self._account(reader["namespace"], reader["name"])
        readable = [
            each
            for each in self.world.within(space)
            if each["kind"] == "RoleBinding"
            and any(
                (who["kind"], who["name"], who.get("namespace"))
                == ("ServiceAccount", reader["name"], reader["namespace"])
                for who in each["subjects"]
            )
            and self._reads(space, each["roleRef"]["name"], remote["key"])
        ]
        self.need("reader", readable, f"{reader['name']} may not read the Secret {space}/{remote['key']}")
        self.secret(space, remote["key"], remote.get("property"))

    def _reads(self, namespace: str, role: str, secret: str) -> bool:
        found = self.world.find("Role", role, namespace) or {"rules": ()}
        return any(
            "secrets" in rule["resources"] and "get" in rule["verbs"] and secret in rule.get("resourceNames", (secret,))
            for rule in found["rules"]
        )

    # Databases.

    def database(self, workload: Workload, secret: str, schema: str) -> None:
        """A workload's way to its schema.

        Args:
            workload: The pod.
            secret: The Secret with its credentials.
            schema: What it keeps its tables in.
        """
        known = self.world.plan.of_type(DATABASE)
        told = [each for each in known if workload.says(re.escape(each.outputs["address"]))]
        (database,) = self.need("host", told, f"{workload.title} is told the address of no database")
        port, engine = int(database.inputs["port"]), database.inputs["engine"]
        self.need("port", workload.says(rf"\b{port}\b"), f"{workload.title} is not told the port {port}")
        self.need("schema", workload.says(rf"\b{re.escape(schema)}\b"), f"{workload.title} is not told {schema}")
        reads = [key for name, key in workload.secrets if name == secret]
        self.need("credentials", reads, f"{workload.title} does not read the Secret {workload.namespace}/{secret}")
        makers = [self.secret(workload.namespace, secret, key) for key in reads]
        self._account_in(database, makers[0], schema, workload)
        self.need(
            "security group", (database.name, port) in self.world.reached, f"nodes do not reach {database.name}:{port}"
        )
        spoken = workload.says(_TLS_SPOKEN[engine])
        self.need(
            "TLS",
            spoken or not self._wants_tls(database),
            f"{workload.title} speaks no TLS, which {database.name} asks for",
        )

    def _wants_tls(self, database: Resource) -> bool:
        groups = [
            each
            for each in self.world.plan.of_type(PARAMETERS)
            if each.outputs["name"] == database.inputs["parameterGroupName"]
        ]
        flag = _TLS_FLAG[database.inputs["engine"]]
        values = {each["name"]: each["value"] for group in groups for each in group.inputs["parameters"]}
        # RDS for PostgreSQL asks for TLS by itself since version 15.
        return bool(values.get(flag, "1" if database.inputs["engine"] == "postgres" else "0") == "1")

    def _account_in(self, database: Resource, maker: Mapping[str, Any], schema: str, workload: Workload) -> None:
        """The Job that makes the account: on this database, with this password and this schema, as its master user."""
        held = {each["remoteRef"]["key"] for each in maker["spec"].get("data", ())}
        store = self.world.find("ClusterSecretStore", maker["spec"].get("secretStoreRef", {}).get("name", ""))
        space = (store or {}).get("spec", {}).get("provider", {}).get("kubernetes", {}).get("remoteNamespace")
        self.need("account", space, f"the password of {workload.title} is of no account that is made here")
        jobs = []
        for pod in bundles.pods(self.world.within(str(space))):
            secrets = {each.name for each in bundles.references(self.world.within(str(space))) if each.by == pod.owner}
            if held & secrets:
                jobs.append((self.pod(str(space), pod.owner), secrets - held))
        ((job, masters),) = self.need("account", jobs, f"no Job makes the account {', '.join(sorted(held))}")
        address = re.escape(database.outputs["address"])
        self.need("account", job.says(address), f"{job.title} makes the account on another database")
        made = job.says(rf"^SCHEMAS=(.* )?{re.escape(schema)}( |$)")
        self.need("account", made, f"{job.title} does not make {schema}")
        names_ = {each for name in held for each in self._secret_texts(str(space), name)}
        user = next(text.partition("=")[2] for text in job.texts if text.startswith("ACCOUNT="))
        self.need("account", user in names_, f"{job.title} makes {user}, and the service logs in as {sorted(names_)}")
        for name in masters:
            master = self.secret(str(space), name)
            of = {each["remoteRef"]["key"] for each in master["spec"]["data"]}
            self.need("master secret", of == {_master(database)}, f"{name} is another database's")
        self.need("master secret", masters, f"{job.title} has no master user")


def _master(database: Resource) -> str | None:
    """The ARN of the secret that RDS keeps of the master user."""
    found: Any = database.outputs.get("masterUserSecrets") or [{}]
    arn: str | None = found[0].get("secretArn")
    return arn


def _trusted(document: Mapping[str, Any], action: str) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"].get("Service") == "pods.eks.amazonaws.com"
        and action in statement["Action"]
        for statement in document["Statement"]
    )


def _at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def places(texts: Iterable[str]) -> Iterator[str]:
    """Every `s3://` address in texts."""
    for text in texts:
        yield from re.findall(r"s3://[\w./-]+", text)
