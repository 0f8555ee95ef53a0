"""Rules of correlation over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.intelligence.domain.correlation_rules import CorrelationRule, RuleDraft
from aiops.intelligence.service.rules import Rules, RuleTrial, RuleTried
from aiops.kernel.http import Caller


class RuleList(msgspec.Struct, frozen=True):
    items: list[CorrelationRule]


class CorrelationRulesController(Controller):
    path = "/api/v1/correlation-rules"
    tags = ("intelligence",)

    @get(summary="The rules by which people gather alerts, in the order in which they are tried")
    @inject
    async def list_rules(self, principal: Caller, rules: FromDishka[Rules]) -> RuleList:
        return RuleList(await rules.all(principal))

    @post(summary="Add a rule, written in CEL")
    @inject
    async def add_rule(self, principal: Caller, rules: FromDishka[Rules], data: JSONBody[RuleDraft]) -> CorrelationRule:
        """Over `alert` (name, severity, fingerprint), `labels` and `cluster` (name, environment, region). Where it has
        a fault, the details of the error are its `line` and `column`."""
        return await rules.put(principal, data)

    @post("/test", status_code=200, summary="What a rule would have gathered of the alerts of the last hours")
    @inject
    async def try_rule(self, principal: Caller, rules: FromDishka[Rules], data: JSONBody[RuleTrial]) -> RuleTried:
        return await rules.rehearse(principal, data)

    @put("/{rule_id:uuid}", summary="Change a rule")
    @inject
    async def change_rule(
        self, principal: Caller, rules: FromDishka[Rules], rule_id: FromPath[UUID], data: JSONBody[RuleDraft]
    ) -> CorrelationRule:
        return await rules.put(principal, data, rule_id)

    @delete("/{rule_id:uuid}", summary="Delete a rule")
    @inject
    async def delete_rule(self, principal: Caller, rules: FromDishka[Rules], rule_id: FromPath[UUID]) -> None:
        await rules.delete(principal, rule_id)


RULE_ROUTES = (CorrelationRulesController,)
