"""The rules that shape alerts as they come in."""

from __future__ import annotations

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.observability.needs_alerts import IntakeRule
from aiops.observability.service.intake_rules import IntakeRules, RuleChange, RuleWish, Trial, Tried


class IntakeRuleList(msgspec.Struct):
    items: list[IntakeRule]


class IntakeRuleController(Controller):
    path = "/api/v1/alert-intake-rules"
    tags = ("observability",)

    @get(summary="The rules that shape alerts as they come in, in their order")
    @inject
    async def list_intake_rules(self, principal: Caller, rules: FromDishka[IntakeRules]) -> IntakeRuleList:
        return IntakeRuleList(await rules.all(principal))

    @post(summary="Extract labels, look them up in a table, or say which alerts are one")
    @inject
    async def add_intake_rule(
        self, principal: Caller, rules: FromDishka[IntakeRules], data: JSONBody[RuleWish]
    ) -> IntakeRule:
        return await rules.add(principal, data)

    @post("/try", status_code=200, summary="What an alert would become")
    @inject
    async def try_intake_rules(self, principal: Caller, rules: FromDishka[IntakeRules], data: JSONBody[Trial]) -> Tried:
        return await rules.tried(principal, data)

    @put("/{intake_rule_id:uuid}", summary="Change a rule")
    @inject
    async def change_intake_rule(
        self,
        principal: Caller,
        rules: FromDishka[IntakeRules],
        intake_rule_id: FromPath[UUID],
        data: JSONBody[RuleChange],
    ) -> IntakeRule:
        return await rules.change(principal, intake_rule_id, data)

    @delete("/{intake_rule_id:uuid}", summary="Delete a rule")
    @inject
    async def delete_intake_rule(
        self, principal: Caller, rules: FromDishka[IntakeRules], intake_rule_id: FromPath[UUID]
    ) -> None:
        await rules.delete(principal, intake_rule_id)
