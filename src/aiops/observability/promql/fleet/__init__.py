"""PromQL over many clusters as over one: what each cluster computes itself, and what the hub makes of it."""

from aiops.observability.promql.fleet.planning import FleetPlan, Order, Push, Subquery, plan_for_fleet, text_alone

__all__ = ["FleetPlan", "Order", "Push", "Subquery", "plan_for_fleet", "text_alone"]
