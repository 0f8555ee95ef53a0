"""LogQL over many clusters: what each is asked, and what the hub makes of their answers."""

from aiops.observability.logql.fleet import NumbersPlan, plan_numbers
from aiops.observability.logql.query import LogQuery, check_carved, selector_text

__all__ = ["LogQuery", "NumbersPlan", "check_carved", "plan_numbers", "selector_text"]
