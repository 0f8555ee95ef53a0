import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy, useEffect, useState } from "react";
import { sentence } from "../../lib/format";
import { Field } from "../../ui/dialog";
import { PanelAnswer } from "./PanelAnswer";
import { QueryEditor } from "./QueryEditor";
import { type PanelState, UNITS, WIDTHS, guessUnit, widthOf } from "./panels";

const PanelForecast = lazy(async () => ({ default: (await import("./PanelForecast")).PanelForecast }));

interface Props {
  panel: PanelState;
  at: number;
  count: number;
  clusterIds: string[] | undefined;
  onChange: (panel: PanelState) => void;
  onMove: (by: number) => void;
  onCopy: () => void;
  onRemove: () => void;
}

/** A query in its editor, and what the fleet answers to it. */
export function PanelCard({ panel, at, count, clusterIds, onChange, onMove, onCopy, onRemove }: Props) {
  const client = useQueryClient();
  const [typed, setTyped] = useState(panel.q);
  const [options, setOptions] = useState(false);
  const [ahead, setAhead] = useState(false);
  useEffect(() => setTyped(panel.q), [panel.q]);
  const [fault, setFault] = useState<number | null>(null);
  const run = () => {
    const q = typed.trim();
    if (q !== panel.q) return onChange({ ...panel, q });
    for (const kind of ["range", "instant"]) void client.invalidateQueries({ queryKey: [kind, q] });
  };
  const name = panel.title || (count > 1 ? `Panel ${at + 1}` : "");
  return (
    <section aria-label={name || "Query"} className="panel min-w-0 space-y-2 p-2">
      {name ? (
        <div className="flex items-center gap-1">
          <h2 className="min-w-0 truncate px-1 font-semibold">{name}</h2>
          <span className="ml-auto" />
          {at > 0 ? <Act word={`Move ${name} before`} sign="↑" onClick={() => onMove(-1)} /> : null}
          {at < count - 1 ? <Act word={`Move ${name} after`} sign="↓" onClick={() => onMove(1)} /> : null}
          <Act word={`Copy ${name}`} sign="Copy" onClick={onCopy} />
          {count > 1 ? <Act word={`Remove ${name}`} sign="✕" onClick={onRemove} /> : null}
        </div>
      ) : null}
      <div className="flex flex-wrap items-start gap-2">
        <QueryEditor
          value={typed}
          label={count > 1 ? `PromQL of ${name}` : "PromQL"}
          fault={typed.trim() === panel.q ? fault : null}
          clusterIds={clusterIds}
          first={at === 0}
          onChange={setTyped}
          onRun={run}
        />
        <button type="button" className="button button-primary" onClick={run}>
          Run
        </button>
        <div role="group" aria-label="Shown as" className="flex">
          {([undefined, "table"] as const).map((view) => (
            <button
              key={view ?? "lines"}
              type="button"
              aria-pressed={panel.view === view}
              className={`button first:rounded-r-none last:-ml-px last:rounded-l-none ${panel.view === view ? "bg-raised font-medium" : ""}`}
              onClick={() => onChange({ ...panel, view })}
            >
              {sentence(view ?? "lines")}
            </button>
          ))}
        </div>
        {panel.q ? (
          <button type="button" className="button" aria-expanded={ahead} onClick={() => setAhead(!ahead)}>
            Forecast
          </button>
        ) : null}
        <button type="button" className="button" aria-expanded={options} onClick={() => setOptions(!options)}>
          Options
        </button>
      </div>
      {options ? <Options panel={panel} count={count} onChange={onChange} /> : null}
      {panel.q ? (
        <PanelAnswer
          panel={panel}
          clusterIds={clusterIds}
          height={count === 1 ? 320 : 220}
          beside={count}
          onFault={setFault}
        />
      ) : null}
      {ahead && panel.q ? (
        <Suspense>
          <PanelForecast panel={panel} clusterIds={clusterIds} />
        </Suspense>
      ) : null}
    </section>
  );
}

function Act({ word, sign, onClick }: { word: string; sign: string; onClick: () => void }) {
  return (
    <button type="button" className="button-quiet h-7" aria-label={word} title={word} onClick={onClick}>
      {sign}
    </button>
  );
}

function Options({ panel, count, onChange }: { panel: PanelState; count: number; onChange: (panel: PanelState) => void }) {
  const guess = guessUnit(panel.q);
  const set = (part: Partial<PanelState>) => onChange({ ...panel, ...part });
  return (
    <div className="grid gap-2 border-t border-line pt-2 sm:grid-cols-2 lg:grid-cols-4">
      <Lazily label="Title" value={panel.title} onChange={(title) => set({ title })} />
      <Field label="Unit">
        <select className="field" value={panel.unit ?? ""} onChange={(event) => set({ unit: event.target.value || undefined })}>
          <option value="">By its name{guess ? `: ${guess}` : ""}</option>
          {UNITS.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </Field>
      <Lazily label="Legend" value={panel.legend} placeholder="{{cluster}} {{instance}}" onChange={(legend) => set({ legend })} />
      <Field label="Width">
        <select className="field" value={widthOf(panel, count)} onChange={(event) => set({ width: Number(event.target.value) })}>
          {WIDTHS.map((one) => (
            <option key={one} value={one}>
              {one === 12 ? "whole" : one === 6 ? "half" : "a third"}
            </option>
          ))}
        </select>
      </Field>
    </div>
  );
}

/** A text that counts once it is written: each letter of it would be a step in the browser's history. */
function Lazily({
  label,
  value,
  placeholder,
  onChange,
}: {
  label: string;
  value: string | undefined;
  placeholder?: string;
  onChange: (value: string | undefined) => void;
}) {
  const [typed, setTyped] = useState(value ?? "");
  useEffect(() => setTyped(value ?? ""), [value]);
  const done = () => {
    if (typed !== (value ?? "")) onChange(typed.trim() || undefined);
  };
  return (
    <Field label={label}>
      <input
        className="field"
        value={typed}
        placeholder={placeholder}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={done}
        onKeyDown={(event) => (event.key === "Enter" ? done() : undefined)}
      />
    </Field>
  );
}
