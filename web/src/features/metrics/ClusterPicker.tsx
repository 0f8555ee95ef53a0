import * as Popover from "@radix-ui/react-popover";
import { useState } from "react";
import type { Cluster } from "../../api/types";
import { plural } from "../../lib/format";

interface Props {
  clusters: Cluster[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** None chosen means all. */
export function ClusterPicker({ clusters, chosen, onChange }: Props) {
  const toggle = (id: string) => onChange(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  const [wanted, setWanted] = useState("");
  const shown = clusters.filter(({ name, region }) => `${name} ${region ?? ""}`.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <Popover.Root>
      <Popover.Trigger className="button">
        {chosen.length ? plural(chosen.length, "cluster") : "All clusters"} ▾
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={4} className="menu max-h-80 min-w-48 overflow-y-auto" aria-label="Clusters">
          {clusters.length > 10 ? (
            <div className="sticky -top-1 -mx-1 -mt-1 mb-1 flex gap-1 border-b border-line bg-panel p-1">
              <input
                className="field h-7"
                placeholder="Find"
                aria-label="Find a cluster"
                value={wanted}
                onChange={(event) => setWanted(event.target.value)}
              />
              {wanted && shown.length ? (
                <button type="button" className="button h-7" onClick={() => onChange(shown.map(({ id }) => id))}>
                  These {shown.length}
                </button>
              ) : null}
            </div>
          ) : null}
          <label className="flex h-8 items-center gap-2 rounded px-2 hover:bg-raised">
            <input type="checkbox" checked={chosen.length === 0} onChange={() => onChange([])} /> All
          </label>
          {shown.map((one) => (
            <label key={one.id} className="flex h-8 items-center gap-2 rounded px-2 font-mono hover:bg-raised">
              <input type="checkbox" checked={chosen.includes(one.id)} onChange={() => toggle(one.id)} /> {one.name}
            </label>
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
