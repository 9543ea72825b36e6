"""Grafana dashboards as plain data: panels in rows, laid out from left to right.

Source: Grafana documentation, "JSON model" (schema version 41).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from addons.grafana import PROMETHEUS

_SCHEMA: Final = 41
_WIDTH: Final = 24
_HEIGHT: Final = 8
_STAT_HEIGHT: Final = 4

Unit = Literal["bytes", "Bps", "celsius", "currencyUSD", "ops", "percent", "s", "short", "watt"]


def query(expr: str, legend: str = "", *, instant: bool = False) -> dict[str, Any]:
    """A query of Prometheus; `legend` may hold labels, such as `{{node}}`."""
    target = {"datasource": {"type": "prometheus", "uid": PROMETHEUS}, "expr": expr, "legendFormat": legend}
    return {**target, "instant": True, "range": False} if instant else target


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: What it shows.
        targets: Queries, without their `refId`.
        unit: Grafana's name of the unit.
        kind: A graph over time, or the newest value as a number.
        width: Of 24 columns.
        description: What to make of it.
        datasource: Type and uid.
        maximum: The top of the scale, where it is fixed.
    """

    title: str
    targets: Sequence[Mapping[str, Any]]
    unit: Unit = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 12
    description: str = ""
    datasource: tuple[str, str] = ("prometheus", PROMETHEUS)
    maximum: float | None = None

    @property
    def height(self) -> int:
        """In Grafana's rows."""
        return _HEIGHT if self.kind == "timeseries" else _STAT_HEIGHT

    def at(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        kind, uid = self.datasource
        defaults: dict[str, Any] = {"unit": self.unit, "min": 0}
        if self.maximum is not None:
            defaults["max"] = self.maximum
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": {"type": kind, "uid": uid},
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": {},
            "targets": [{"refId": chr(ord("A") + i), **target} for i, target in enumerate(self.targets)],
        }


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of a dashboard: all values that a label of a metric has."""

    name: str
    metric: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A choice at the top of a dashboard among values that are known; all of them stand for these alone."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard.

    Attributes:
        uid: Its address in Grafana.
        title: In lists.
        panels: Laid out in this order.
        variables: Choices.
    """

    uid: str
    title: str
    panels: Sequence[Panel]
    variables: Sequence[Variable | Choice] = field(default_factory=tuple)

    def build(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["slipway"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "timezone": "browser",
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [_variable(each) for each in self.variables]},
            "panels": list(_laid_out(self.panels)),
        }


def _variable(variable: Variable | Choice) -> dict[str, Any]:
    common = {
        "name": variable.name,
        "label": variable.name,
        "includeAll": True,
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }
    if isinstance(variable, Choice):
        # Without `allValue` all are the values themselves: `.*` would be every namespace.
        return {**common, "type": "custom", "query": ",".join(variable.values)}
    return {
        **common,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": PROMETHEUS},
        "query": {"query": f"label_values({variable.metric}, {variable.label})", "refId": variable.name},
        "refresh": 2,
        "allValue": ".*",
        "sort": 1,
    }


def _laid_out(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    x = y = height = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _WIDTH:
            x, y, height = 0, y + height, 0
        found.append(panel.at(number, x, y))
        x, height = x + panel.width, max(height, panel.height)
    return found
