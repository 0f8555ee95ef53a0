import type { ReactNode } from "react";
import type { GpuSummary } from "../../api/devices";
import { formatValue, plural } from "../../lib/format";

/** The fleet's GPUs in numbers; a share of those that are measured says so. */
export function Totals({ totals }: { totals: GpuSummary["totals"] }) {
  const models = Object.entries(totals.models).map(([name, count]) => `${count} ${name}`);
  const unmeasured = totals.gpus - totals.measured;
  return (
    <dl className="grid grid-cols-2 gap-2 md:grid-cols-3 xl:grid-cols-6">
      <Total name="GPUs" value={totals.gpus} note={models.join(", ") || plural(totals.nodes, "node")} />
      <Total name="At work" value={totals.in_use} note={`on ${plural(totals.nodes, "node")}`} />
      <Total
        name="In use"
        value={formatValue(totals.utilization_percent, "%")}
        note={unmeasured > 0 ? `${unmeasured} not measured` : "mean of all"}
      />
      <Total
        name="Memory"
        value={formatValue(totals.memory_used_bytes, "bytes")}
        note={totals.memory_total_bytes === null ? "" : `of ${formatValue(totals.memory_total_bytes, "bytes")}`}
      />
      <Total name="Power" value={formatValue(totals.power_watts, "W")} note="drawn now" />
      <Total name="Hottest" value={formatValue(totals.hottest_celsius, "°C")} note="of all" />
    </dl>
  );
}

function Total({ name, value, note }: { name: string; value: ReactNode; note: string }) {
  return (
    <div className="panel px-3 py-2">
      <dt className="text-meta text-muted">{name}</dt>
      <dd>
        <span className="block text-[20px] leading-6 font-semibold">{value}</span>
        <span className="block truncate text-meta text-muted" title={note}>
          {note}
        </span>
      </dd>
    </div>
  );
}
