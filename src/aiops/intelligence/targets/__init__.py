"""What is shipped to be forecast on every cluster: queries, each with the limit that it must not pass.

A cluster without the metrics of a query gives nothing, and is asked again after an hour. People's own watches with a
fixed limit are forecast too.
"""

from aiops.intelligence.targets.certificates import CERTIFICATES
from aiops.intelligence.targets.disks import DISKS
from aiops.intelligence.targets.memory import MEMORY
from aiops.intelligence.targets.quotas import QUOTAS

SHIPPED = (*DISKS, *MEMORY, *QUOTAS, *CERTIFICATES)
