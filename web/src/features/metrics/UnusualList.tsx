import { plural } from "../../lib/format";
import { Why } from "../insights/Why";
import type { Unusual } from "./unusual";

const SHOWN = 8;

/** The anomalies of a shown watch in the range, each with its reason. */
export function UnusualList({ unusual }: { unusual: Unusual }) {
  const { anomalies } = unusual;
  if (!anomalies.length) return null;
  return (
    <section aria-label="Anomalies" className="border-t border-line pt-2">
      <h2 className="mb-1 font-semibold">{plural(anomalies.length, "anomaly", "anomalies")} in this range</h2>
      <ul className="space-y-2">
        {anomalies.slice(0, SHOWN).map((one) => (
          <li key={one.id}>
            <Why anomaly={one} />
          </li>
        ))}
      </ul>
      {anomalies.length > SHOWN ? <p className="text-meta text-muted">and {anomalies.length - SHOWN} more</p> : null}
    </section>
  );
}
