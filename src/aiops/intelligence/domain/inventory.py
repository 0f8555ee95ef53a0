"""What a topology file says: things of a network or a plant, and what they need. The format is in docs/topology.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiops.intelligence.domain.topology import Edge, EdgeKind, Node, NodeKind

MOST_NODES, MOST_EDGES = 50_000, 200_000
_MOST_FAULTS = 20
_LONGEST = 253
_MOST_LABELS = 40
_WAYS = {kind.value.lower(): kind for kind in EdgeKind}
_KINDS = {kind.value.lower(): kind for kind in NodeKind}
_IN_NAMESPACES = frozenset({NodeKind.POD, NodeKind.WORKLOAD, NodeKind.SERVICE})
_NODE_KEYS = frozenset({"kind", "name", "names", "cluster", "namespace", "attributes", "match", *_WAYS})
_EDGE_KEYS = frozenset({"from", "to", "kind"})
_REFERENCE_KEYS = frozenset({"kind", "name", "names", "cluster", "namespace"})


@dataclass(frozen=True)
class Fault:
    """`line` is 0 where it is not known."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass
class Inventory:
    """`nodes` hold also those that edges only refer to. Where there are faults, nothing of it is to be used."""

    nodes: dict[UUID, Node] = field(default_factory=dict)
    edges: dict[tuple[UUID, UUID, EdgeKind], Edge] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_inventory(document: Any, clusters: Mapping[str, UUID], origin: str) -> Inventory:
    """`document` is plain text, lists and mappings; what of it has a `line` is named by it. Ends after 20 faults."""
    reader = _Reader(clusters, origin)
    with suppress(_TooMany):
        reader.read(document)
    return reader.found


class _TooMany(Exception):
    pass


class _Reader:
    def __init__(self, clusters: Mapping[str, UUID], origin: str) -> None:
        self.found = Inventory()
        self._clusters = clusters
        self._origin = origin
        self._by_name: dict[str, list[Node]] = defaultdict(list)

    def read(self, document: Any) -> None:
        if not isinstance(document, dict):
            self._fault(document, "it is a mapping with `nodes` and `edges`")
            return
        self._check_keys(document, frozenset({"name", "nodes", "edges"}), "topology file")
        listed = [(entry, self._listed(entry)) for entry in self._entries(document, "nodes")]
        for entry, nodes in listed:
            for way in _WAYS.keys() & entry.keys() if isinstance(entry, dict) else ():
                self._connect(nodes, entry[way], _WAYS[way])
        for entry in self._entries(document, "edges"):
            self._edge(entry)

    def _entries(self, document: dict[str, Any], key: str) -> list[Any]:
        entries = document.get(key)
        if entries is None:
            return []
        if not isinstance(entries, list):
            self._fault(entries, f"`{key}` is a list")
            return []
        return entries

    def _listed(self, entry: Any) -> list[Node]:
        if not isinstance(entry, dict):
            self._fault(entry, "a node is a mapping with `kind` and `name`")
            return []
        self._check_keys(entry, _NODE_KEYS, "node")
        attributes = self._labels(entry.get("attributes"), "attributes")
        given = entry.get("match") or []
        matchers = tuple(
            labels for one in (given if isinstance(given, list) else [given]) if (labels := self._labels(one, "match"))
        )
        nodes = list(self._named(entry, attributes, matchers))
        for node in nodes:
            if node.id in self.found.nodes:
                self._fault(entry, f"{node.kind.lower()} {node.name} is listed twice")
            self._keep(node, entry)
            self._by_name[node.name].append(node)
        return nodes

    def _named(
        self, entry: dict[str, Any], attributes: Mapping[str, str], matchers: tuple[Mapping[str, str], ...]
    ) -> Iterator[Node]:
        """The nodes of a mapping with `kind`, `name` or `names`, `cluster` and `namespace`; none where one is wrong."""
        kind = self._kind(entry)
        names = entry.get("names", [entry["name"]] if "name" in entry else None)
        if not isinstance(names, list) or not names or ("name" in entry and "names" in entry):
            self._fault(entry, "it needs a `name`, or a list of `names`")
            return
        cluster = entry.get("cluster")
        if cluster is not None and cluster not in self._clusters:
            self._fault(cluster, f"there is no cluster {cluster!s}")
            return
        namespace = entry.get("namespace") or ""
        if kind is None or not self._is_word(namespace, "namespace", empty=True):
            return
        if namespace and kind not in _IN_NAMESPACES:
            self._fault(namespace, f"a {kind.lower()} has no namespace; pods, workloads and services have")
            return
        if len(names) > 1 and matchers:
            self._fault(entry, "`match` would name several at once: give each node its own")
            return
        for name in names:
            if self._is_word(name, "name"):
                identity = self._clusters[cluster] if cluster is not None else None
                yield Node.of(
                    kind, str(name), cluster_id=identity, namespace=str(namespace), attributes=attributes,
                    matchers=matchers,
                )  # fmt: skip

    def _kind(self, entry: dict[str, Any]) -> NodeKind | None:
        word = entry.get("kind")
        kind = _KINDS.get(word.lower()) if isinstance(word, str) else None
        if kind is None:
            wrong = "it has no kind" if word is None else f"there is no kind {word!s}"
            self._fault(entry if word is None else word, f"{wrong}; kinds are {', '.join(_KINDS)}")
        return kind

    def _edge(self, entry: Any) -> None:
        if not isinstance(entry, dict) or "from" not in entry or "to" not in entry:
            self._fault(entry, "an edge has `from`, `to` and a `kind`")
            return
        self._check_keys(entry, _EDGE_KEYS, "edge")
        word = entry.get("kind", "depends_on")
        way = _WAYS.get(word.lower()) if isinstance(word, str) else None
        if way is None:
            self._fault(word, f"there is no kind of edge {word!s}; there are {', '.join(_WAYS)}")
            return
        self._connect(list(self._referred(entry["from"], None)), entry["to"], way)

    def _connect(self, sources: list[Node], targets: Any, way: EdgeKind) -> None:
        for source in sources:
            for target in self._referred(targets, source):
                if target.id == source.id:
                    self._fault(targets, f"{source.name} can't depend on itself")
                    return
                if len(self.found.edges) >= MOST_EDGES:
                    self._fault(targets, f"there are more than {MOST_EDGES:,} edges: make several files of it")
                    raise _TooMany
                self.found.edges[source.id, target.id, way] = Edge(source.id, target.id, way, self._origin)

    def _keep(self, node: Node, where: Any) -> Node:
        if len(self.found.nodes) >= MOST_NODES:
            self._fault(where, f"there are more than {MOST_NODES:,} nodes: make several files of it")
            raise _TooMany
        self.found.nodes[node.id] = node
        return node

    def _referred(self, reference: Any, beside: Node | None) -> Iterator[Node]:
        """The nodes of a word, of a mapping, or of a list of these."""
        if isinstance(reference, list):
            for one in reference:
                yield from self._referred(one, beside)
        elif isinstance(reference, dict):
            self._check_keys(reference, _REFERENCE_KEYS, "reference")
            for node in self._named(reference, {}, ()):
                yield self.found.nodes.get(node.id) or self._keep(node, reference)
        elif isinstance(reference, str):
            found = self._by_word(reference, beside)
            if found is not None:
                yield found
        else:
            self._fault(reference, "it refers to nothing: give a name, or kind, name and cluster")

    def _by_word(self, word: str, beside: Node | None) -> Node | None:
        named = self._by_name.get(word, [])
        near = [node for node in named if beside is not None and node.cluster_id == beside.cluster_id]
        common = [node for node in named if node.cluster_id is None]
        for some in (near, common, named):
            if len(some) == 1:
                return some[0]
        if named:
            self._fault(word, f"{word!s} may be {len(named)} nodes of this file: say its kind, cluster and namespace")
        else:
            self._fault(
                word, f"no node of this file is named {word!s}; one that is found elsewhere needs kind and cluster"
            )
        return None

    def _labels(self, given: Any, what: str) -> dict[str, str]:
        if given is None:
            return {}
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            self._fault(given, f"`{what}` is a mapping of words to words")
            return {}
        if len(given) > _MOST_LABELS or any(len(value) > 4 * _LONGEST for value in given.values()):
            self._fault(given, f"`{what}` is too long")
            return {}
        return {str(key): str(value) for key, value in given.items()}

    def _is_word(self, value: Any, what: str, *, empty: bool = False) -> bool:
        good = isinstance(value, str) and (empty or value) and len(value) <= _LONGEST and value.isprintable()
        if not good:
            self._fault(value, f"a {what} is text of 1 to {_LONGEST} characters")
        return bool(good)

    def _check_keys(self, entry: dict[str, Any], allowed: frozenset[str], what: str) -> None:
        for key in entry:
            if key not in allowed:
                line = getattr(entry, "lines", {}).get(key, 0)
                self._add(Fault(line, f"a {what} has no {key!r}; it may have {', '.join(sorted(allowed))}"))

    def _fault(self, where: Any, text: str) -> None:
        self._add(Fault(getattr(where, "line", 0), text))

    def _add(self, fault: Fault) -> None:
        if fault not in self.found.faults:
            self.found.faults.append(fault)
        if len(self.found.faults) >= _MOST_FAULTS:
            raise _TooMany
