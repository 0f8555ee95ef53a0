"""PromQL over many clusters as over one: what each cluster computes itself, and what the hub makes of it."""

from aiops.observability.promql.fleet.planning import FleetPlan, Order, Push, Subquery, plan_for_fleet, text_alone
from aiops.observability.promql.fleet.rendering import selector_of

__all__ = ["FleetPlan", "Order", "Push", "Subquery", "plan_for_fleet", "selector_of", "text_alone"]
