"""Wires search by meaning; intelligence's `module.py` takes this into the context."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dishka import AsyncContainer, Provider, Scope, provide

from aiops.intelligence.http.pattern_search import PatternSearchController
from aiops.intelligence.meaning.job import MeaningJob
from aiops.intelligence.meaning.local import INSTALL, LocalModel, is_installed
from aiops.intelligence.meaning.needs import MeaningStore, Model
from aiops.intelligence.meaning.search import PatternSearch
from aiops.intelligence.store.log_meaning import SqlMeanings
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import Clock
from aiops.kernel.database import Database
from aiops.kernel.module import JobSpec
from aiops.settings import Settings


async def _job(container: AsyncContainer) -> MeaningJob:
    return await container.get(MeaningJob)


MEANING_JOBS = (JobSpec("intelligence.meaning", _job),)
MEANING_ROUTES = (PatternSearchController,)


class MeaningProvider(Provider):
    scope = Scope.APP

    @provide
    async def model(self, settings: Settings) -> AsyncIterator[Model]:
        if settings.embeddings == "off":
            yield Model(None, "It is turned off: AIOPS_EMBEDDINGS=off.")
        elif settings.embeddings_url is None:
            yield (
                Model(LocalModel()) if is_installed() else Model(None, f"The local model is not installed: {INSTALL}.")
            )
        else:
            # aiohttp takes long to import.
            from aiops.intelligence.meaning.endpoint import EndpointModel
            from aiops.kernel.outbound import Outbound

            outbound = Outbound(allow_loopback=settings.allow_local_targets)
            try:
                yield Model(
                    EndpointModel(outbound, settings.embeddings_url, settings.embeddings_model, settings.embeddings_key)
                )
            finally:
                await outbound.close()

    @provide
    def meanings(self) -> MeaningStore:
        return SqlMeanings()

    @provide
    def pattern_search(self, database: Database, meanings: MeaningStore, model: Model) -> PatternSearch:
        return PatternSearch(database, SqlLogPatterns(), meanings, model)

    @provide
    def meaning_job(self, database: Database, clock: Clock, meanings: MeaningStore, model: Model) -> MeaningJob:
        return MeaningJob(database, clock, meanings, model)
