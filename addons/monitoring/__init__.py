"""What is watched on accelerated nodes: alerts, dashboards and the exporter of EFA's counters, as data."""
