import * as Popover from "@radix-ui/react-popover";
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
  return (
    <Popover.Root>
      <Popover.Trigger className="button">
        {chosen.length ? plural(chosen.length, "cluster") : "All clusters"} ▾
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={4} className="menu max-h-80 min-w-48 overflow-y-auto" aria-label="Clusters">
          <label className="flex h-8 items-center gap-2 rounded px-2 hover:bg-raised">
            <input type="checkbox" checked={chosen.length === 0} onChange={() => onChange([])} /> All
          </label>
          {clusters.map((one) => (
            <label key={one.id} className="flex h-8 items-center gap-2 rounded px-2 font-mono hover:bg-raised">
              <input type="checkbox" checked={chosen.includes(one.id)} onChange={() => toggle(one.id)} /> {one.name}
            </label>
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
