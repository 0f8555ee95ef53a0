import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { incidents } from "../../api/queries";
import type { IncidentSummary } from "../../api/types";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { StatusMark } from "../../ui/marks";

interface Props {
  open: boolean;
  title: string;
  /** The incident that can't be chosen. */
  not: string;
  onClose: () => void;
  onChoose: (one: IncidentSummary) => void;
}

/** Choose one of the newest hundred incidents. */
export function OtherIncident({ open, title, not, onClose, onChoose }: Props) {
  const [wanted, setWanted] = useState("");
  const list = useQuery({ ...incidents({}), enabled: open });
  const words = wanted.toLowerCase();
  const items = (list.data?.items ?? []).filter(
    (one) => one.id !== not && `${one.key} ${one.title}`.toLowerCase().includes(words),
  );
  return (
    <Dialog open={open} onClose={onClose} title={title}>
      <input
        className="field mb-2"
        aria-label="Find by key or title"
        placeholder="Find by key or title"
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <QueryFailure what="Reading incidents" query={list} />
      {list.isPending ? <Skeleton rows={4} /> : null}
      <ul className="max-h-[50vh] divide-y divide-line overflow-y-auto">
        {items.map((one) => (
          <li key={one.id}>
            <button type="button" className="flex w-full items-center gap-3 px-2 py-1.5 text-left hover:bg-raised" onClick={() => onChoose(one)}>
              <span className="font-mono text-muted">{one.key}</span>
              <span className="min-w-0 flex-1 truncate">{one.title}</span>
              <StatusMark status={one.status} />
            </button>
          </li>
        ))}
      </ul>
      {list.data && !items.length ? <Empty title="No other incident">{wanted ? "None has these words." : "There is only this one."}</Empty> : null}
    </Dialog>
  );
}
