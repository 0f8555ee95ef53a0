"""Where the hub finds out by itself what depends on what: one file each, looked at on every cluster."""

from aiops.intelligence.needs_topology import TopologyFinder
from aiops.intelligence.topology_sources.calls import Calls
from aiops.intelligence.topology_sources.hosts import Hosts
from aiops.intelligence.topology_sources.kubernetes import Kubernetes

SHIPPED: tuple[TopologyFinder, ...] = (Kubernetes(), Calls(), Hosts())
