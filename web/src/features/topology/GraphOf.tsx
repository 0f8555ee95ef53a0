import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { topologyAmong } from "../../api/topology";
import { Empty, QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { Graph } from "./Graph";
import { collapsed, isGroup } from "./collapse";

interface Props {
  /** Ids of nodes of the topology; those out of scope are left out. */
  nodes: string[];
  label: string;
  chosen?: string;
  /** Without it, a node opens on the page Topology. */
  onOpen?: (id: string) => void;
}

/** These nodes and what ties them together, for a place beside something else. Take it by `lazy`: the drawing is large. */
export function GraphOf({ nodes, label, chosen, onOpen }: Props) {
  const navigate = useNavigate();
  const among = useQuery(topologyAmong(nodes));
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => (among.data ? collapsed(among.data, chosen, opened) : undefined), [among.data, chosen, opened]);
  const open = useCallback(
    (id: string) => {
      if (isGroup(id)) setOpened((old) => new Set([...old, id]));
      else if (onOpen) onOpen(id);
      else void navigate({ to: "/topology", search: { node: id } });
    },
    [navigate, onOpen],
  );
  if (among.isError) return <QueryFailure what="Reading the topology" query={among} />;
  if (nodes.length && !shown) return <SkeletonBlock height={256} />;
  if (!shown?.boxes.length) return <Empty title="The topology knows none of these" />;
  return <Graph label={label} {...shown} chosen={chosen} onOpen={open} />;
}
