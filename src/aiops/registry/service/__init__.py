"""The use cases of the registry: looking at the fleet, changing who is in it, and finding out how its members are."""

from aiops.registry.service.fleet import Fleet
from aiops.registry.service.membership import CredentialsGiven, Membership, NewCluster
from aiops.registry.service.probing import Offer, ProbeJob, Probing

__all__ = ["CredentialsGiven", "Fleet", "Membership", "NewCluster", "Offer", "ProbeJob", "Probing"]
