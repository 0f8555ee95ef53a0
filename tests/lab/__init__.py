"""The lab: real Prometheus, node_exporter and Alertmanager, and exporters of ours whose faults are scripted."""
