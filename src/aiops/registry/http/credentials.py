"""Credentials of a cluster: written, tried and taken away, never read; but by the hub's own services."""

from __future__ import annotations

from uuid import UUID

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from aiops.kernel.http import Caller
from aiops.registry.service.description import Given
from aiops.registry.service.sign_ins import CredentialsShown, CredentialsTried, Revealed, SignIns


class CredentialsController(Controller):
    path = "/api/v1/clusters/{cluster_id:uuid}/credentials"
    tags = ("registry",)

    @get(summary="What kind of credentials a cluster has, and until when")
    @inject
    async def show(
        self, principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID]
    ) -> CredentialsShown:
        return await sign_ins.show(principal, cluster_id)

    @put(summary="Set a cluster's credentials, unless the cluster refuses them")
    @inject
    async def set(
        self, principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID], data: JSONBody[Given]
    ) -> CredentialsTried:
        return await sign_ins.put(principal, cluster_id, data)

    @delete(summary="Take a cluster's credentials away")
    @inject
    async def remove(self, principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID]) -> None:
        await sign_ins.remove(principal, cluster_id)

    @post("/rotate", status_code=200, summary="Replace a cluster's credentials by others that it has taken")
    @inject
    async def rotate(
        self, principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID], data: JSONBody[Given]
    ) -> CredentialsTried:
        return await sign_ins.rotate(principal, cluster_id, data)

    @post("/validate", status_code=200, summary="Try a cluster's credentials at every endpoint")
    @inject
    async def validate(
        self, principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID]
    ) -> CredentialsTried:
        return await sign_ins.validate(principal, cluster_id)


@get("/internal/v1/clusters/{cluster_id:uuid}/credentials", include_in_schema=False, opt={"service": True})
@inject
async def reveal(principal: Caller, sign_ins: FromDishka[SignIns], cluster_id: FromPath[UUID]) -> Response[Revealed]:
    return Response(await sign_ins.reveal(principal, cluster_id), headers={"Cache-Control": "no-store"})
