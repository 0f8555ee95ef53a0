"""Search over log patterns: by meaning with and without pgvector, by words, within the scope of who asks."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from aiops.intelligence.meaning.job import MeaningJob
from aiops.intelligence.meaning.needs import Model
from aiops.intelligence.meaning.search import Found, PatternSearch
from aiops.intelligence.store.log_meaning import SqlMeanings
from aiops.intelligence.store.log_patterns import SqlLogPatterns
from aiops.kernel.clock import VirtualClock
from aiops.kernel.database import Database
from aiops.kernel.errors import Invalid, NotFound, Unavailable
from aiops.kernel.ids import new_id
from aiops.kernel.principal import Principal, PrincipalKind, Role
from tests.intelligence.meaning_seeds import DEADLOCK, FULL, LOGIN, ThemeModel, keep_patterns

ROOT = Principal.system("test")


class Bench:
    """A search with its job over one database; without a model it works by words."""

    def __init__(self, database: Database, clock: VirtualClock, model: ThemeModel | None) -> None:
        at_work = Model(model, None if model else "There is no model.")
        self.database = database
        self.job = MeaningJob(database, clock, SqlMeanings(), at_work)
        self.search = PatternSearch(database, SqlLogPatterns(), SqlMeanings(), at_work)

    async def learn(self) -> None:
        while await self.job.step():
            pass

    async def texts(self, question: str, who: Principal = ROOT, cluster_id: UUID | None = None) -> list[str]:
        return _texts(await self.search.search(who, question, cluster_id, 10))


@pytest.fixture(params=["pgvector", "plain SQL"])
async def by_meaning(request: pytest.FixtureRequest, database: Database, clock: VirtualClock) -> Bench:
    if request.param == "plain SQL":
        async with database.begin() as tx:
            await tx.connection.execute(text("DROP EXTENSION vector"))
            await tx.commit()
    return Bench(database, clock, ThemeModel())


@pytest.fixture
def by_words(database: Database, clock: VirtualClock) -> Bench:
    return Bench(database, clock, None)


def limited_to(*clusters: UUID) -> Principal:
    return Principal(PrincipalKind.USER, "u", "u", Role.VIEWER, frozenset(clusters))


def _texts(found: Found) -> list[str]:
    return [hit.pattern.pattern for hit in found.hits]


async def test_what_is_asked_in_other_words_is_found_by_meaning(by_meaning: Bench) -> None:
    await keep_patterns(by_meaning.database, new_id(), FULL, LOGIN, DEADLOCK)
    await by_meaning.learn()
    found = await by_meaning.search.search(ROOT, "the volume is full", None, 10)
    assert _texts(found) == [FULL]
    assert (found.model, found.local, found.note, found.waiting) == ("themes", True, None, 0)
    assert found.hits[0].by_meaning
    assert found.hits[0].score == pytest.approx(1)


async def test_the_very_words_come_first_whatever_the_model_thinks(by_meaning: Bench) -> None:
    await keep_patterns(by_meaning.database, new_id(), FULL, "is full_of_stars: 100% wait")
    await by_meaning.learn()
    found = await by_meaning.search.search(ROOT, "FULL_OF", None, 10)
    assert (_texts(found)[0], found.hits[0].by_meaning) == ("is full_of_stars: 100% wait", False)
    # Signs that LIKE gives a meaning are but themselves.
    assert not any(hit.score == 1 and not hit.by_meaning for hit in (await _search(by_meaning, "100_ w")).hits)


async def test_a_reader_finds_only_what_their_clusters_have(by_meaning: Bench) -> None:
    mine, theirs = new_id(), new_id()
    await keep_patterns(by_meaning.database, mine, FULL)
    await keep_patterns(by_meaning.database, theirs, FULL, LOGIN)
    await by_meaning.learn()
    found = await by_meaning.search.search(limited_to(mine), "full", None, 10)
    assert [(hit.pattern.cluster_id, hit.clusters) for hit in found.hits] == [(mine, 1)]
    assert await by_meaning.texts("sign-in", limited_to(mine)) == []
    assert await by_meaning.texts("sign-in", limited_to(mine), theirs) == []
    assert await by_meaning.texts("sign-in", limited_to()) == []
    assert await by_meaning.texts("sign-in", cluster_id=theirs) == [LOGIN]


async def test_a_text_that_many_clusters_have_is_one_hit_as_it_was_seen_last(by_meaning: Bench) -> None:
    early, late = new_id(), new_id()
    await keep_patterns(by_meaning.database, early, FULL, age_s=60)
    ids = await keep_patterns(by_meaning.database, late, FULL)
    await by_meaning.learn()
    [hit] = (await _search(by_meaning, "full")).hits
    assert (hit.pattern.id, hit.clusters) == (ids[0], 2)


async def test_patterns_like_one_leave_out_itself_and_those_out_of_scope(by_meaning: Bench) -> None:
    mine, theirs = new_id(), new_id()
    ids = await keep_patterns(by_meaning.database, mine, FULL, "volume <*> is full", LOGIN)
    other = await keep_patterns(by_meaning.database, theirs, "disk full on <*>")
    await by_meaning.learn()
    assert set(_texts(await by_meaning.search.alike(ROOT, ids[0], 10))) == {"volume <*> is full", "disk full on <*>"}
    assert _texts(await by_meaning.search.alike(limited_to(mine), ids[0], 10)) == ["volume <*> is full"]
    with pytest.raises(NotFound):
        await by_meaning.search.alike(limited_to(mine), other[0], 10)


async def test_without_a_model_the_glossary_still_finds_by_words_and_says_why(by_words: Bench) -> None:
    await keep_patterns(by_words.database, new_id(), FULL, LOGIN, DEADLOCK)
    await by_words.learn()
    found = await by_words.search.search(ROOT, "the volume is full", None, 10)
    assert _texts(found)[0] == FULL
    assert (found.model, found.note) == (None, "There is no model.")
    # A slip of the keyboard too.
    assert (await by_words.texts("deadlok"))[0] == DEADLOCK


async def test_what_has_no_vector_yet_is_found_by_its_words_and_counted(by_meaning: Bench) -> None:
    await keep_patterns(by_meaning.database, new_id(), FULL)
    await by_meaning.learn()
    await keep_patterns(by_meaning.database, new_id(), "volume group <*> is gone")
    found = await by_meaning.search.search(ROOT, "volume group gone", None, 10)
    hits = [(hit.pattern.pattern, hit.by_meaning) for hit in found.hits]
    assert (hits, found.waiting) == ([("volume group <*> is gone", False)], 1)


async def test_each_text_is_given_to_the_model_once_and_again_when_the_model_changes(
    database: Database, clock: VirtualClock
) -> None:
    first, again, other = ThemeModel(), ThemeModel(), ThemeModel("newer")
    await keep_patterns(database, new_id(), FULL, LOGIN)
    await keep_patterns(database, new_id(), FULL)
    await Bench(database, clock, first).learn()
    assert sorted(first.asked) == sorted([FULL, LOGIN])
    await Bench(database, clock, again).learn()
    assert again.asked == []
    newer = Bench(database, clock, other)
    assert (await newer.search.search(ROOT, "full", None, 10)).waiting == 2
    await newer.learn()
    assert sorted(other.asked[1:]) == sorted([FULL, LOGIN])
    assert (await newer.search.search(ROOT, "full", None, 10)).waiting == 0


async def test_a_model_that_fails_leaves_the_search_by_words_and_is_asked_again(
    database: Database, clock: VirtualClock
) -> None:
    model = ThemeModel()
    model.broken = True
    bench = Bench(database, clock, model)
    await keep_patterns(database, new_id(), FULL)
    with pytest.raises(Unavailable):
        await bench.job.step()
    found = await bench.search.search(ROOT, "the volume is full", None, 10)
    assert (_texts(found), found.model, found.note) == ([FULL], None, "It is out of order.")
    model.broken = False
    await bench.learn()
    assert (await bench.search.search(ROOT, "the volume is full", None, 10)).model == "themes"


async def test_meanings_of_texts_that_are_gone_are_dropped(by_meaning: Bench) -> None:
    cluster = new_id()
    await keep_patterns(by_meaning.database, cluster, FULL, LOGIN)
    await keep_patterns(by_meaning.database, new_id(), FULL)
    await by_meaning.learn()
    async with by_meaning.database.begin() as tx:
        await SqlLogPatterns().forget_cluster(tx, cluster)
        assert await SqlMeanings().forget_unused(tx) == 1
        assert await SqlMeanings().embedded(tx, "themes") == 1


async def test_a_question_without_words_is_refused(by_words: Bench) -> None:
    with pytest.raises(Invalid):
        await by_words.texts("   ")


async def _search(bench: Bench, question: str) -> Found:
    return await bench.search.search(ROOT, question, None, 10)
