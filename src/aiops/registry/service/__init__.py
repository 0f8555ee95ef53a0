"""The use cases of the registry: looking at the fleet, changing who is in it, and finding out how its members are."""

from aiops.registry.service.description import ClusterChange, CredentialsGiven, NewCluster
from aiops.registry.service.fleet import Fleet
from aiops.registry.service.membership import Membership
from aiops.registry.service.probing import Offer, ProbeJob, Probing

__all__ = ["ClusterChange", "CredentialsGiven", "Fleet", "Membership", "NewCluster", "Offer", "ProbeJob", "Probing"]
