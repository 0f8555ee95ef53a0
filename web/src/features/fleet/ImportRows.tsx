import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ImportOutcome } from "../../api/types";
import { plural } from "../../lib/format";
import { OutcomeMark } from "../../ui/marks";
import { Box } from "../../ui/selection";

export interface Candidate {
  key: string;
  name: ReactNode;
  /** What stands beside the name for those who hear the page. */
  called: string;
  where: ReactNode;
  /** Why it can't be added, or is there already. */
  hindrance: string | null;
}

interface Props {
  candidates: Candidate[];
  chosen: ReadonlySet<string>;
  onChosen: (chosen: Set<string>) => void;
}

/** What can be added, each with its box. */
export function ImportRows({ candidates, chosen, onChosen }: Props) {
  const free = candidates.filter(({ hindrance }) => hindrance === null);
  const all = free.length > 0 && free.every(({ key }) => chosen.has(key));
  const toggle = (key: string) => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    onChosen(next);
  };
  return (
    <div className="panel max-h-[50vh] overflow-auto">
      <table className="table" aria-label="Clusters that were found">
        <thead>
          <tr>
            <th scope="col" className="w-8">
              <Box
                label="All"
                checked={all}
                partly={chosen.size > 0}
                onChange={() => onChosen(new Set(all ? [] : free.map(({ key }) => key)))}
              />
            </th>
            <th scope="col">Name</th>
            <th scope="col">Where</th>
            <th scope="col" className="w-1/3">
              State
            </th>
          </tr>
        </thead>
        <tbody>
          {candidates.map((one) => (
            <tr key={one.key}>
              <td>
                {one.hindrance === null ? (
                  <Box label={`Add ${one.called}`} checked={chosen.has(one.key)} onChange={() => toggle(one.key)} />
                ) : null}
              </td>
              <td>{one.name}</td>
              <td className="font-mono text-meta break-all">{one.where}</td>
              <td className="text-muted">{one.hindrance ?? "can be added"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What came of each; those that failed say why, and the rest are in the fleet. */
export function Outcomes({ outcomes }: { outcomes: ImportOutcome[] }) {
  const added = outcomes.filter((one) => one.added).length;
  const failed = outcomes.filter((one) => !one.added);
  return (
    <div role="status" className="panel p-3">
      <p className="font-medium">
        {plural(added, "cluster")} added{failed.length ? `, ${failed.length} not` : ""}.{" "}
        <Link to="/fleet" search={{ sort: "seen" }} className="link font-normal underline">
          See the fleet
        </Link>
      </p>
      {failed.length ? (
        <ul className="mt-2 space-y-1">
          {failed.map((one) => (
            <li key={one.name} className="flex gap-3">
              <OutcomeMark ok={false} />
              <span className="font-mono">{one.name}</span>
              <span className="text-muted">{one.problem}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
