"""LogQL that finds the lines of a pattern again."""

from __future__ import annotations

import re

from aiops.intelligence.patterns.masking import VALUE
from aiops.observability.ports import Labels

_MOST_LABELS, _MOST_WORDS = 4, 4
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# Put there by Loki or the hub, not by the stream.
_NOT_OF_STREAMS = frozenset({"cluster", "detected_level", "level", "__stream_shard__"})
# Which of the labels tell most, where there are many.
_FIRST = ("namespace", "service_name", "app", "job", "container", "unit")


def query_of(pattern: str, labels: Labels, cluster: str) -> str:
    """Streams with the labels that all its lines had, lines with the longest words that all of them have."""
    names = [name for name in labels if name not in _NOT_OF_STREAMS and _LABEL.fullmatch(name) and labels[name]]
    names.sort(key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    matchers = [f"{name}={_quoted(labels[name])}" for name in names[:_MOST_LABELS]] or ['service_name=~".+"']
    selector = "{" + ", ".join([f"cluster={_quoted(cluster)}", *matchers]) + "}"
    # Spaces between words may be more than one, and marks may be escaped in what was logged as JSON.
    words = [word for word in pattern.split() if VALUE not in word and not set(word) & set("\"'\\`") and len(word) > 2]
    chosen = set(sorted(set(words), key=len, reverse=True)[:_MOST_WORDS])
    in_order = [word for word in dict.fromkeys(words) if word in chosen]
    return " ".join([selector, *(f"|= {_quoted(word)}" for word in in_order)])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
