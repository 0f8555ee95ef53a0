"""The watches that are shipped: queries whose results detectors look at, on every cluster that has their metrics.

A query may carry `$window`, the range that suits the cluster's sampling, and `$good`, the matchers of answers that are
no server error by the labels that the cluster uses. Both are filled in per cluster, so a batch's query can be re-run.
"""

from aiops.observability.watches.clocks import CLOCK_WATCHES
from aiops.observability.watches.containers import CONTAINER_WATCHES
from aiops.observability.watches.dns import DNS_WATCHES
from aiops.observability.watches.gpus import GPU_WATCHES
from aiops.observability.watches.nodes import NODE_WATCHES
from aiops.observability.watches.services import SERVICE_WATCHES

CATALOGUE = (*NODE_WATCHES, *SERVICE_WATCHES, *CONTAINER_WATCHES, *DNS_WATCHES, *GPU_WATCHES, *CLOCK_WATCHES)
