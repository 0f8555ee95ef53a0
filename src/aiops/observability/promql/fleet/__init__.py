"""PromQL over many clusters as over one: what each cluster computes itself, and what the hub makes of it."""

from aiops.observability.promql.fleet.planning import FleetPlan, Push, Subquery, plan_for_fleet

__all__ = ["FleetPlan", "Push", "Subquery", "plan_for_fleet"]
