"""What the dashboard and the profiles' controller are told of this stack, and the way out of a session."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.istio import KUBEFLOW_GATEWAY, USER_HEADER, authorization_policy
from addons.kubeflow import ENTRY, GATEWAY_PRINCIPAL, NAMESPACE, NOTEBOOKS_PRINCIPAL, PIPELINES_PRINCIPAL
from addons.profiles import namespace_labels
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle, Edge, Login
from infra.kubernetes import Email
from infra.model import Model

_DASHBOARD: Final = {"app": "kubeflow-dashboard", "app.kubernetes.io/component": "dashboard"}
"""Labels of its pods."""
_LOGOUT: Final = "/logout"
_PAGES: Final = {
    "kubeflow-notebooks": (
        ("Notebooks", "/jupyter/", "book"),
        ("TensorBoards", "/tensorboards/", "assessment"),
        ("Volumes", "/volumes/", "device:storage"),
    ),
    "katib": (("Katib Experiments", "/katib/", "kubeflow:katib"),),
    "kserve-models-web-app": (("KServe Endpoints", "/kserve-endpoints/", "kubeflow:models"),),
    "model-registry": (("Model Registry", "/model-registry/", "assignment"),),
}
"""Add-on to its pages: text, path and icon."""
_RUNS: Final = ("Pipelines", "Experiments", "Runs", "Recurring Runs", "Artifacts", "Executions")
_ELSEWHERE: Final = {
    "argo": ("Argo Workflows", "device:developer-mode"),
    "grafana": ("Grafana", "assessment"),
    "jupyterhub": ("JupyterHub", "book"),
    "mlflow": ("MLflow", "assignment"),
}
"""Entry to the text and the icon of the link to it."""
_GUIDES: Final = "https://www.kubeflow.org/docs/components"

Link = Annotated[str, Field(pattern=r"^https://\S+$")]


class LinkSettings(Model):
    """A link in the dashboard's menu."""

    text: Annotated[str, Field(min_length=1, max_length=40)]
    """What people read."""
    link: Link
    """Where it leads."""


class DashboardSettings(AddOnSettings):
    """Settings of the dashboard."""

    registration: bool = False
    """Whether whoever logs in may make a profile of their own. Otherwise profiles are those of `kubeflow-profiles`, and
    people without one see an empty dashboard. A profile that somebody made has no permissions in AWS."""
    admins: tuple[Email, ...] = ()
    """Who sees every profile in the dashboard and may let people into it."""
    links: tuple[LinkSettings, ...] = ()
    """More links in the menu."""


def _objects(handle: ClusterHandle, settings: DashboardSettings) -> list[dict[str, Any]]:
    """The configuration under the names of the makers' own, and what follows from it.

    Source: applications/dashboard/upstream of kubeflow/community-distribution 26.03.1.
    """
    edge = handle.edge
    login = edge.login if edge else None
    identity = {"USERID_HEADER": USER_HEADER, "USERID_PREFIX": ""}
    found = [
        _config("dashboard-config", {"links": json.dumps(_links(handle, settings)), "settings": _FRAMES}),
        _config(
            "dashboard-parameters",
            {
                **identity,
                "COLLECT_METRICS": "true",
                "LOGOUT_URL": _LOGOUT if login else "/oauth2/sign_out",
                "REGISTRATION_FLOW": json.dumps(settings.registration),
            },
        ),
        _config(
            "profiles-config",
            {
                **identity,
                "ADMIN": ",".join(settings.admins),
                "ISTIO_INGRESS_GATEWAY_PRINCIPAL": GATEWAY_PRINCIPAL,
                "KFP_UI_PRINCIPAL": PIPELINES_PRINCIPAL,
                "NOTEBOOK_CONTROLLER_PRINCIPAL": NOTEBOOKS_PRINCIPAL,
                "WORKLOAD_IDENTITY": "",
            },
        ),
        # JSON is YAML too.
        _config(
            "profiles-namespace-labels-data",
            {"namespace-labels.yaml": json.dumps(namespace_labels(), indent=2)},
        ),
    ]
    if not settings.registration:
        found.append(_no_registration())
    if edge and login and ENTRY in edge.entries:
        found.append(_logout(edge, login))
    return found


_FRAMES: Final = json.dumps({"DASHBOARD_FORCE_IFRAME": True})


def _config(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def _links(handle: ClusterHandle, settings: DashboardSettings) -> dict[str, Any]:
    """The menu: pages of the add-ons that are there."""
    there = handle.addons
    menu: list[dict[str, Any]] = [
        {"type": "item", "text": text, "link": link, "icon": icon}
        for addon, pages in _PAGES.items()
        if addon in there
        for text, link, icon in pages
    ]
    quick, guides = [], []
    if "kubeflow-notebooks" in there:
        quick.append({"text": "Create a new notebook", "desc": "Notebooks", "link": "/jupyter/new"})
        guides.append(("Notebooks", f"{_GUIDES}/notebooks/"))
    if "kubeflow-pipelines" in there:
        items = [
            {"type": "item", "text": text, "link": f"/pipeline/#/{text.lower().replace(' ', '')}"} for text in _RUNS
        ]
        menu.append({"type": "section", "text": "Pipelines", "icon": "kubeflow:pipeline-centered", "items": items})
        quick.append({"text": "Upload a pipeline", "desc": "Pipelines", "link": "/pipeline/#/pipelines"})
        quick.append({"text": "View all pipeline runs", "desc": "Pipelines", "link": "/pipeline/#/runs"})
        guides.append(("Pipelines", f"{_GUIDES}/pipelines/"))
    if "katib" in there:
        guides.append(("Katib", f"{_GUIDES}/katib/"))
    return {
        "menuLinks": menu,
        "externalLinks": list(_elsewhere(handle.edge, settings)),
        "quickLinks": quick,
        "documentationItems": [
            {"text": f"Kubeflow {text}", "desc": f"Documentation of Kubeflow {text}", "link": link}
            for text, link in guides
        ],
    }


def _elsewhere(edge: Edge | None, settings: DashboardSettings) -> Iterator[dict[str, Any]]:
    """Other entries that an add-on answers, and the settings' own links."""
    for entry in sorted(edge.target_groups) if edge else ():
        if edge and entry in _ELSEWHERE:
            text, icon = _ELSEWHERE[entry]
            yield {"type": "item", "iframe": False, "text": text, "link": f"https://{edge.host(entry)}/", "icon": icon}
    for link in settings.links:
        yield {"type": "item", "iframe": False, "text": link.text, "link": link.link, "icon": "launch"}


def _no_registration() -> dict[str, Any]:
    """Refuse what makes and removes profiles, which is all that may be changed here but who contributes to one.

    The dashboard hides the page without REGISTRATION_FLOW and still answers its request, for any name and owner; and
    everybody may remove the profile that is named like their address. Its paths may be spelt in capitals too, so that
    what is allowed is listed.

    Source: centraldashboard/app/{api,api_workgroup}.ts and access-management/kfam/api_default.go below components of
    kubeflow/dashboard v2.0.0.
    """
    allowed = ["/api/workgroup/add-contributor/*", "/api/workgroup/remove-contributor/*"]
    operation = {"notMethods": ["GET", "HEAD"], "notPaths": allowed}
    return authorization_policy(
        "dashboard-no-registration",
        namespace=NAMESPACE,
        selects=_DASHBOARD,
        spec={"action": "DENY", "rules": [{"to": [{"operation": operation}]}]},
    )


def _logout(edge: Edge, login: Login) -> dict[str, Any]:
    """End the load balancer's session, then Cognito's, which sends people back to log in.

    A session's cookie is cut in parts; without its first ones the load balancer does not know it.

    Sources: ELB user guide, "Authentication logout and session timeout"; Cognito developer guide, "Logout endpoint".
    """

    def ended(part: int) -> str:
        return f"{login.session_cookie}-{part}=; Path=/; Max-Age=0; Secure; HttpOnly"

    redirect = {
        "scheme": "https",
        "authority": login.url.apply(lambda url: url.removeprefix("https://")),
        "uri": pulumi.Output.concat(
            "/logout?client_id=", login.client_id, f"&logout_uri=https%3A%2F%2F{edge.host(ENTRY)}%2F"
        ),
        "redirectCode": 302,
    }
    headers = {"response": {"set": {"set-cookie": ended(0)}, "add": {"set-cookie": ended(1)}}}
    route = {"name": "logout", "match": [{"uri": {"exact": _LOGOUT}}], "redirect": redirect, "headers": headers}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "logout", "namespace": NAMESPACE},
        "spec": {"gateways": [KUBEFLOW_GATEWAY], "hosts": ["*"], "http": [route]},
    }


ADDON = AddOn(
    name="kubeflow-dashboard-settings",
    group="kubeflow",
    summary="what the dashboard shows, who administers it, and whether people make profiles for themselves",
    docs="https://www.kubeflow.org/docs/components/central-dash/",
    source=Objects(build=_objects),
    settings=DashboardSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    needs=("istio-base", "istiod", "kubeflow"),
    creates=frozenset({"AuthorizationPolicy", "ConfigMap", "VirtualService"}),
)
