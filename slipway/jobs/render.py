"""An example as a manifest: its template, filled from what the plan has. Pure but for reading the template."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2

from addons.kubeflow import EDITOR
from addons.kueue import LOCAL_QUEUE
from infra.handle import mount_path
from slipway.errors import CannotRunError
from slipway.jobs import choose as choosing
from slipway.jobs import real
from slipway.jobs.choose import Choice, Wish, choose
from slipway.jobs.cluster import Cluster
from slipway.jobs.examples import Example, example
from slipway.jobs.planned import cluster
from slipway.plan.model import Plan


def render(name: str, source: Plan | Cluster, /, **wishes: Any) -> str:  # noqa: ANN401  # fields of Wish
    """An example as text that `kubectl apply -f -` takes, or a Python program.

    Args:
        name: Of the example.
        source: Where it is to run.
        **wishes: Fields of `Wish`, such as `tenant` or `workers`.

    Raises:
        CannotRunError: There is no such example, or it cannot run there; the message says why.
    """
    found = example(name)
    here = cluster(source) if isinstance(source, Plan) else source
    return rendered(choose(found, here, Wish(**wishes)), here)


def rendered(choice: Choice, here: Cluster) -> str:
    """The example at its place.

    Raises:
        CannotRunError: It names something that the stack does not have.
    """
    template = choice.example.template
    # It makes YAML and Python, not HTML.
    environment = jinja2.Environment(  # noqa: S701
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["yaml"] = _inline
    try:
        text = environment.from_string(template).render(context(choice, here))
    except jinja2.UndefinedError as error:
        raise CannotRunError(
            f"{choice.example.name} needs what the stack does not have: {_said(error, choice.example)}"
        ) from error
    return "".join(f"# {line}\n" for line in _marks(text, here)) + text


def _marks(text: str, here: Cluster) -> Iterator[str]:
    """What a reader of the text must know before it is applied."""
    found = real.stand_ins(text, here)
    if found:
        yield "Only AWS knows these. What stands here is made up, and does not run:"
        yield from (f"  {each}" for each in found)
        yield f"For the real ones: {real.HOW}"


def _said(error: jinja2.UndefinedError, found: Example) -> str:
    return f"{error.message} ({found.path.name})"


def context(choice: Choice, here: Cluster) -> dict[str, Any]:
    """What a template is given: plain values."""
    flavor, size, pool = choice.flavor, choice.size, choice.flavor.pools[0]
    launcher = choosing.plain(here, flavor, choice.queue)
    small = choosing.small(launcher)
    space = here.namespaces.get(choice.namespace)
    tenant = here.details.get(choice.namespace, {})
    volumes = list(_volumes(choice, here))
    priority = str(tenant.get("priority", "training"))
    return {
        "name": choice.name,
        "tenant": choice.namespace,
        "prefix": str(tenant.get("prefix", choice.namespace)),
        "queue": LOCAL_QUEUE if choice.queue else "",
        "priority": _priority(priority, here) if choice.queue else "",
        "service_account": EDITOR if space and EDITOR in space.accounts else "default",
        "platform": here.platform,
        "region": here.region,
        "workers": choice.workers,
        "size": size.name,
        "group": flavor.group,
        "flavor": flavor.name,
        "instance_type": pool.instance_types[0],
        "zone": choosing.zone(flavor),
        "spot": pool.capacity == "spot",
        "selector": dict(flavor.labels),
        "tolerations": [taint.toleration for taint in flavor.taints],
        "resources": size.resources,
        "accelerators": size.accelerators,
        "device": next(iter(size.devices), ""),
        "neuron_cores": choosing.neuron_cores(flavor, size),
        "efa": size.efa_interfaces,
        "hugepages_mib": size.hugepages_mib,
        "shm_gib": choosing.shm_gib(size),
        "launcher": {
            "selector": dict(launcher.labels),
            "tolerations": [taint.toleration for taint in launcher.taints],
            "resources": {"requests": small, "limits": small},
        },
        "volumes": volumes,
        "scratch": volumes[0]["path"] if volumes else "",
        "buckets": dict(here.buckets),
        "image": here.images,
        "topology": _topology(choice, here),
        **({"sagemaker": here.sagemaker} if here.sagemaker else {}),
    }


def _inline(value: object) -> str:
    """A value as YAML in one line, which JSON is."""
    return json.dumps(value, ensure_ascii=False)


def _priority(priority: str, here: Cluster) -> str:
    """The name of the class of workloads for what a tenant's jobs are."""
    found = [each for each in here.workload_priorities if each == priority or each.endswith(f"-{priority}")]
    return min(found, default=priority)


def _volumes(choice: Choice, here: Cluster) -> Iterator[dict[str, str]]:
    """The namespace's claims of file systems that every node of the flavour reaches, those beside it first."""
    space = here.namespaces.get(choice.namespace)
    claims: Mapping[str, Any] = space.claims if space else {}
    kinds = ("lustre-", "efs-")
    for kind in kinds:
        # A file system's own claim before those of parts of it.
        for claim, spec in sorted(claims.items(), key=lambda each: (len(each[0]), each[0])):
            if not claim.startswith(kind) or "ReadOnlyMany" in (spec.get("accessModes") or ()):
                continue
            system = claim.removeprefix(kind)
            where = here.claim_zones(spec)
            if where is not None and not set(choice.flavor.zones) <= where:
                continue
            yield {"name": claim.replace(".", "-"), "claim": claim, "path": mount_path(system.replace(".", "/"))}


def _topology(choice: Choice, here: Cluster) -> dict[str, str]:
    """What keeps a gang's pods near each other, and without which a flavour with a topology takes no job."""
    found = here.flavors.get(choice.flavor.name) if choice.queue else None
    return dict(found.packing) if found else {}
