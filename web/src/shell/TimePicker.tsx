import * as Popover from "@radix-ui/react-popover";
import { type FormEvent, useState } from "react";
import { PRESETS, describeRange, parseRange, zone } from "../lib/time";
import { useRange } from "./store";

export function TimePicker() {
  const [range, setRange] = useRange();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = parseRange(typed);
    setProblem(read === null);
    if (!read) return;
    setRange(read);
    setOpen(false);
  };
  const show = (next: boolean) => {
    setOpen(next);
    setProblem(false);
    setTyped(range.to === "now" ? range.from : `${range.from} to ${range.to}`);
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
                aria-invalid={problem}
                aria-describedby="typed-help"
                onChange={(event) => setTyped(event.target.value)}
              />
              <button type="submit" className="button">
                Set
              </button>
            </div>
            <p id="typed-help" className={`mt-1 text-meta ${problem ? "text-critical" : "text-muted"}`}>
              {problem ? "Not understood. Say " : "Say "}
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
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
