"""A text as the search by words reads it, and the edition of all that explains texts."""

from __future__ import annotations

import hashlib

from aiops.intelligence.meaning import glossary, thesaurus


def in_words(text: str) -> str:
    """The text with what the glossary says that it means, and the names of its concepts."""
    return " ".join([glossary.explained(text), *thesaurus.concepts(text)])


def edition() -> str:
    """Changes with the glossary and the thesaurus, as do the words and vectors of what they explain."""
    return hashlib.sha256((glossary.text() + thesaurus.text()).encode()).hexdigest()[:8]
