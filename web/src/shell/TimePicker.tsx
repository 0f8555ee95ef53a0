import * as Popover from "@radix-ui/react-popover";
import { type FormEvent, useState } from "react";
import { DEFAULT_RANGE, PRESETS, type TimeRange, describeRange, moved, parseRange, rangeProblem, resolve, typedForm, typedProblem, wider, zone } from "../lib/time";
import { useRange } from "./store";

/** Only a page that asks for a stretch of time has the picker; the range stays in the address of all. */
export function hasRange(path: string): boolean {
  if (/^\/fleet\/(add|import|.*\/edit)$/.test(path)) return false;
  return path.startsWith("/fleet/") || path.startsWith("/metrics-explorer") || path.startsWith("/dashboards/") || ["/logs", "/traces", "/insights"].includes(path);
}

function Steps({ set }: { set: (range: TimeRange) => void }) {
  const [range] = useRange();
  const now = Date.now();
  const span = resolve(range, now);
  if (!span) return null;
  const live = range.to === "now";
  return (
    <div className="mt-1 grid grid-cols-3 gap-1">
      <button type="button" className="button h-7 px-0" onClick={() => set(moved(span, -0.5, now))}>
        ◂ Earlier
      </button>
      <button
        type="button"
        className="button h-7 px-0"
        onClick={() => set(live ? { from: `now-${Math.ceil((span.end - span.start) / 30)}m`, to: "now" } : wider(span, now))}
      >
        Wider
      </button>
      <button type="button" className="button h-7 px-0" disabled={live} onClick={() => set(moved(span, 0.5, now))}>
        Later ▸
      </button>
    </div>
  );
}

/** An address with a range that cannot be read is told, and not quietly answered with another range. */
export function RangeProblem() {
  const [range, setRange] = useRange();
  const problem = rangeProblem(range, Date.now());
  if (!problem) return null;
  return (
    <p role="alert" className="flex flex-wrap items-center gap-3 border-b border-high px-3 py-1 text-high md:px-4">
      The time range of this address can’t be read: {problem} The last 30 min are shown instead.
      <button type="button" className="button h-7 text-text" onClick={() => setRange(DEFAULT_RANGE)}>
        Take the last 30 min
      </button>
    </p>
  );
}

export function TimePicker() {
  const [range, setRange] = useRange();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = parseRange(typed);
    setProblem(typedProblem(typed));
    if (!read) return;
    setRange(read);
    setOpen(false);
  };
  const show = (next: boolean) => {
    setOpen(next);
    setProblem(null);
    setTyped(typedForm(range));
  };
  return (
    <Popover.Root open={open} onOpenChange={show}>
      <Popover.Trigger className="button h-7 px-2" title={`Time range, in ${zone}`}>
        {describeRange(range)}
        <span className="text-meta text-muted max-md:hidden">{zone}</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content align="end" sideOffset={4} className="menu w-72 p-3" aria-label="Time range">
          <form onSubmit={submit}>
            <label className="text-meta font-medium" htmlFor="typed-range">
              Typed
            </label>
            <div className="mt-1 flex gap-2">
              <input
                id="typed-range"
                className="field font-mono"
                value={typed}
                aria-invalid={problem !== null}
                aria-describedby="typed-help"
                onChange={(event) => setTyped(event.target.value)}
              />
              <button type="submit" className="button">
                Set
              </button>
            </div>
            <p id="typed-help" className={`mt-1 text-meta ${problem ? "text-critical" : "text-muted"}`}>
              {problem ? <span role="alert">{problem} </span> : null}Say{" "}
              <code>90m</code>, <code>now-6h</code>, <code>now-6h to now-1h</code> or two dates with “to” between. Times
              are in {zone}.
            </p>
          </form>
          <div className="mt-3 grid grid-cols-4 gap-1">
            {PRESETS.map((preset) => (
              <button
                key={preset}
                type="button"
                className="button h-7 px-0"
                aria-pressed={range.from === `now-${preset}` && range.to === "now"}
                onClick={() => {
                  setRange({ from: `now-${preset}`, to: "now" });
                  setOpen(false);
                }}
              >
                {preset}
              </button>
            ))}
          </div>
          <Steps set={setRange} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
