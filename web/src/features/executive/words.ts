import type { CauseAccuracy } from "../../api/analysis";
import { plural } from "../../lib/format";

/** A share as people read it; what is not known is said. */
export function percent(share: number | null | undefined, digits = 0): string {
  return share === null || share === undefined ? "unknown" : `${(share * 100).toFixed(digits)} %`;
}

/** How a figure stands to the one before; shares differ by points, all else by its part. */
export function change(now: number | null | undefined, before: number | null | undefined): string {
  if (now === null || now === undefined) return "";
  if (before === null || before === undefined) return "nothing to compare with";
  if (now === before) return "as before";
  if (before === 0) return "none before";
  const part = Math.round(((now - before) / before) * 100);
  if (part === 0) return "about as before";
  return `${Math.abs(part)} % ${part > 0 ? "more" : "less"} than before`;
}

/** `12 of 15 first causes were right, 13 were to be expected by how sure they were; of 16 incidents judged …`. */
export function causeWords({ judged, right, expected_right, incidents, found }: CauseAccuracy): string {
  if (!incidents) return "Nobody has said of a ranked cause yet whether it was right. Each incident asks.";
  const first = judged
    ? `${right} of ${plural(judged, "first cause")} that people judged ${right === 1 ? "was" : "were"} right; by how sure the hub was of them, ${expected_right.toFixed(1)} should have been. `
    : "";
  return `${first}In ${found} of ${plural(incidents, "incident")} that people judged, the right cause was in the list.`;
}
