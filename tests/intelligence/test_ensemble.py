"""The ensemble's engine streams: what it says does not depend on how the stretch is cut or on its neighbours."""

from __future__ import annotations

import numpy as np

from aiops.intelligence.ensemble.engine import MEMBERS, advance, fresh
from bench.ordinary import DAY, INTERVAL_S, KINDS, Floats, made

_ROWS = 9 * DAY
_TIMES = 1.7e9 + INTERVAL_S * np.arange(float(_ROWS))


def series() -> Floats:
    values = np.concatenate([made(kind, 1, _ROWS) for kind in KINDS])
    values[0, 700:760] = np.nan
    values[1, 2000:2003] *= 9
    return values


def test_a_stretch_may_be_cut_anywhere() -> None:
    values = series()
    whole = advance(fresh(len(values)), _TIMES, values)[1]
    state, parts = fresh(len(values)), []
    for cut in np.split(np.arange(_ROWS), [1, 2, 30, 33, 500, 501, 1700]):
        state, scored = advance(state, _TIMES[cut], values[:, cut])
        parts.append(scored)
    for name in ("score", "expected", "lower", "upper"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-6, atol=1e-6)


def test_a_series_is_judged_by_itself_alone() -> None:
    values = series()
    together = advance(fresh(len(values)), _TIMES, values)[1]
    for row in (0, 1, 5):
        alone = advance(fresh(1), _TIMES, values[row : row + 1])[1]
        np.testing.assert_allclose(alone.score[0], together.score[row], rtol=1e-6, atol=1e-6)


def test_each_member_sees_what_it_is_named_after() -> None:
    rng = np.random.default_rng(4)
    calm = 50 + 20 * np.sin(np.arange(_ROWS) / DAY * 2 * np.pi) + rng.normal(0, 1, _ROWS)
    at = 8 * DAY
    high, still, night = calm.copy(), calm.copy(), calm.copy()
    high[at : at + 3] += 60
    still[at : at + 24] = still[at]
    night[at : at + DAY // 2] = calm[at - DAY // 2 : at]
    scored = advance(fresh(3), _TIMES, np.stack([high, still, night]))[1]
    evidence = scored.evidence[:, :, at : at + DAY // 2].max(axis=2)
    assert evidence[0, MEMBERS.index("high")] > 3
    assert evidence[0, MEMBERS.index("jump")] > 3
    assert evidence[1, MEMBERS.index("still")] > 3
    assert evidence[2, MEMBERS.index("outside all days")] > 3
    assert evidence[2, MEMBERS.index("high")] < 3
