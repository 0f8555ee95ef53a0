"""PromQL over samples in memory: `parse` a query, fetch what it selects, `evaluate` it over all steps at once."""

from aiops.observability.promql.evaluate import evaluate
from aiops.observability.promql.nodes import EvalResult, Plan, Selector
from aiops.observability.promql.parsing import check_vector, metric_names, parse

__all__ = ["EvalResult", "Plan", "Selector", "check_vector", "evaluate", "metric_names", "parse"]
