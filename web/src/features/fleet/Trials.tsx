import type { EndpointTrial } from "../../api/types";
import { sentence } from "../../lib/format";
import { OutcomeMark } from "../../ui/marks";
import { endpointName } from "./grid";

const STEP_NAMES: Record<string, string> = { url: "Address", dns: "Name (DNS)", tls: "TLS" };

type Step = EndpointTrial["steps"][number];

/** How far the hub got at each endpoint; those that failed stand open. */
export function Trials({ endpoints }: { endpoints: Record<string, EndpointTrial | undefined> }) {
  const all = Object.entries(endpoints).flatMap(([kind, trial]) => (trial ? [[kind, trial] as const] : []));
  return (
    <div className="space-y-2" aria-live="polite">
      {all.map(([kind, trial]) => (
        <details key={kind} open={!trial.ok || all.length === 1} className="panel">
          <summary className="flex h-8 cursor-pointer items-center gap-3 px-3 font-medium">
            <OutcomeMark ok={trial.ok} />
            {endpointName(kind)}
          </summary>
          <Steps steps={trial.steps} />
        </details>
      ))}
    </div>
  );
}

export function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol className="divide-y divide-line border-t border-line" aria-label="Steps of the test">
      {steps.map((step) => (
        <li key={step.name} className="grid grid-cols-[88px_140px_1fr] gap-2 px-3 py-1.5 max-sm:grid-cols-1">
          <OutcomeMark ok={step.ok} />
          <span className="font-medium">{STEP_NAMES[step.name] ?? sentence(step.name)}</span>
          <span className="min-w-0 break-words text-muted">{step.detail}</span>
        </li>
      ))}
    </ol>
  );
}
