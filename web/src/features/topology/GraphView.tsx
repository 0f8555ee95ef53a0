import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import type { TopologyGraph } from "../../api/topology";
import { Graph } from "./Graph";
import { collapsed, isGroup } from "./collapse";

interface Props {
  graph: TopologyGraph;
  label: string;
  chosen?: string;
  /** A word at some nodes, by their ids. */
  marks?: ReadonlyMap<string, string>;
  /** From top to bottom, for a narrow place. */
  down?: boolean;
  /** Without it, a node opens on the page Topology. */
  onOpen?: (id: string) => void;
}

/** A part of the topology, drawn; what is alike is one box, which opens. Take it by `lazy`: the drawing is large. */
export function GraphView({ graph, label, chosen, marks, down, onOpen }: Props) {
  const navigate = useNavigate();
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => collapsed(graph, chosen, opened), [graph, chosen, opened]);
  const boxes = useMemo(() => shown.boxes.map((box) => ({ ...box, mark: marks?.get(box.id) })), [shown, marks]);
  const open = useCallback(
    (id: string) => {
      if (isGroup(id)) setOpened((old) => new Set([...old, id]));
      else if (onOpen) onOpen(id);
      else void navigate({ to: "/topology", search: { node: id } });
    },
    [navigate, onOpen],
  );
  return <Graph label={label} boxes={boxes} ties={shown.ties} chosen={chosen} onOpen={open} down={down} />;
}
