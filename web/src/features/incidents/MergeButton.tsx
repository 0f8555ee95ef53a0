import type { IncidentSummary } from "../../api/types";
import { plural } from "../../lib/format";
import { useHands } from "./hands";

/** Merges what is selected into the one that was opened first. */
export function MergeButton({ chosen, done }: { chosen: IncidentSummary[]; done: () => void }) {
  const { busy, run } = useHands();
  const [first, ...others] = [...chosen].sort((a, b) => a.detected_at.localeCompare(b.detected_at));
  if (!first || !others.length) return null;
  const merge = async () => {
    const ids = others.map(({ id }) => id);
    await run(`${plural(others.length, "incident")} merged into ${first.key}`, `incidents/${first.id}/merge`, { incident_ids: ids });
    done();
  };
  return (
    <button type="button" className="button h-7" disabled={busy} onClick={() => void merge()}>
      Merge into <span className="font-mono">{first.key}</span>
    </button>
  );
}
