import { Dialog } from "../ui/dialog";

const KEYS: [string, string][] = [
  ["Ctrl K", "Search pages, clusters, incidents"],
  ["/", "Go to the page's search"],
  ["j, k", "Next row, row before"],
  ["Enter", "Open the row"],
  ["↑ ↓ ← →", "Walk the fleet’s tiles; walk, fold and unfold the spans of a trace"],
  ["x", "Select the row (incidents, alerts)"],
  ["a, m, s", "Incident: acknowledge, mark mitigated, resolve"],
  ["a, w, r", "Alert: acknowledge, work on it, mark resolved"],
  ["m, s, c", "Alert: assign to me, snooze, comment"],
  ["Ctrl Enter", "Run the query that is being written"],
  ["p", "Pause or go on"],
  ["g f", "Fleet"],
  ["g m", "Metrics"],
  ["g l", "Logs"],
  ["g p", "Log patterns"],
  ["g t", "Traces"],
  ["g d", "Dashboards"],
  ["g u", "GPUs"],
  ["g n", "Network functions"],
  ["g a", "Alerts"],
  ["g i", "Incidents"],
  ["g s", "Sources"],
  ["Esc", "Close; clear the selection"],
  ["?", "This list"],
];

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard">
      <dl className="grid grid-cols-[96px_1fr] gap-y-1.5">
        {KEYS.map(([key, does]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-control px-1.5 font-mono text-meta">{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-3 text-muted">Drag on a chart to look closer; Back undoes it.</p>
    </Dialog>
  );
}
