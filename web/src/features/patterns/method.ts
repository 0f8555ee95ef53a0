import type { PatternHit, PatternHits } from "../../api/patternSearch";
import { plural } from "../../lib/format";

/** What looked the patterns up. */
export function methodWords({ method }: Pick<PatternHits, "method">): string {
  if (method === "local_model") return "by meaning (local model)";
  return method === "endpoint" ? "by meaning (endpoint)" : "by words";
}

/** What people should know of it, or nothing. */
export function methodNote({ method, note, waiting }: Pick<PatternHits, "method" | "note" | "waiting">): string | null {
  if (method === "words") return note;
  return waiting ? `${plural(waiting, "pattern")} not given to the model yet, looked up by words` : null;
}

/** How near a pattern is, in words that a number needs. */
export function nearness({ by, score }: Pick<PatternHit, "by" | "score">): string {
  if (by === "words") return score === 1 ? "has these words" : `${Math.round(score * 100)} % of the words`;
  return `${Math.round(score * 100)} % alike`;
}
