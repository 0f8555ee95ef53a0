"""A hub with one of everything, and what a request needs to reach it: real ids, real tokens, bodies that are taken."""

from tests.gateway.furnished.drafts import Operation
from tests.gateway.furnished.hub import FurnishedHub

__all__ = ["FurnishedHub", "Operation"]
