"""Words without their English endings: what is compared, never shown."""

from __future__ import annotations

from functools import lru_cache

_IRREGULAR = dict(
    pair.split(":")
    for pair in """
    ran:run mains:mains
    hung:hang froze:freez frozen:freez lost:los broke:break broken:break fell:fall fallen:fall died:die
    dying:die dies:die wrote:writ written:writ sent:send gave:giv given:giv took:tak taken:tak went:go goes:go
    gone:go kept:keep left:left built:build stuck:stuck found:find lying:lie isn:not doesn:not didn:not
    couldn:not wasn:not won:not aren:not don:not cannot:cannot indices:index retries:retry retrying:retry
    retried:retry tried:try bus:bus denial:deny heard:hear came:com began:begin grew:grow thrown:throw
    threw:throw became:becom said:say settings:settings setting:settings caught:catch ate:eat fed:feed knew:know
    held:hold met:meet""".split()  # noqa: SIM905 (read as text)
)
_SHORTEST = 3


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    known = _IRREGULAR.get(word)
    if known is not None:
        return known
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is", "os")) and len(word) > _SHORTEST:
        word = word[:-1]
    for ending in ("ingly", "edly", "ing", "ied", "ed"):
        if word.endswith(ending):
            rest = word[: -len(ending)]
            if len(rest) >= _SHORTEST and any(letter in "aeiouy" for letter in rest):
                word = rest + "y" if ending == "ied" else _single(rest)
            break
    return word[:-1] if word.endswith("e") and len(word) > _SHORTEST else word


def _single(rest: str) -> str:
    return rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
