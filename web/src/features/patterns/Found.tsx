import type { UseQueryResult } from "@tanstack/react-query";
import type { PatternHit, PatternHits } from "../../api/patternSearch";
import { plural } from "../../lib/format";
import { ago, stamp } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { methodNote, methodWords, nearness } from "./method";

interface Props {
  query: UseQueryResult<PatternHits>;
  label: string;
  /** What to say where there is none. */
  nothing: string;
  onOpen: (hit: PatternHit) => void;
}

/** Patterns as a search found them, the nearest first, with what found them. */
export function FoundPatterns({ query, label, nothing, onOpen }: Props) {
  const { data } = query;
  return (
    <>
      <QueryFailure what="Searching patterns" query={query} />
      {query.isPending && query.fetchStatus !== "idle" ? <Skeleton rows={4} /> : null}
      {data?.items.length ? (
        <ul aria-label={label} className={query.isPlaceholderData ? "opacity-60" : undefined}>
          {data.items.map((hit) => (
            <Row key={hit.id} hit={hit} onOpen={onOpen} />
          ))}
        </ul>
      ) : data && !query.isError ? (
        <Empty title={nothing}>Looked up {methodWords(data)}.</Empty>
      ) : null}
    </>
  );
}

/** What is at work, where people type. */
export function Method({ found }: { found: PatternHits | undefined }) {
  if (!found) return null;
  const note = methodNote(found);
  return (
    <span role="status" className="text-meta text-muted" title={found.model ?? undefined}>
      {methodWords(found)}
      {note ? `: ${note}` : ""}
    </span>
  );
}

function Row({ hit, onOpen }: { hit: PatternHit; onOpen: (hit: PatternHit) => void }) {
  const now = useNow();
  return (
    <li className="border-b border-line last:border-b-0">
      <button
        type="button"
        className="block w-full cursor-pointer px-3 py-1.5 text-left hover:bg-raised focus-visible:-outline-offset-2"
        onClick={() => onOpen(hit)}
      >
        <span className="block font-mono text-meta break-words">{hit.pattern}</span>
        <span className="mt-0.5 flex flex-wrap items-center gap-x-3 text-meta text-muted">
          <span className="w-32 font-medium text-text tabular-nums">{nearness(hit)}</span>
          <SeverityMark severity={hit.severity} />
          <span>{hit.clusters > 1 ? `${hit.cluster} and ${plural(hit.clusters - 1, "other cluster")}` : hit.cluster}</span>
          <span>{plural(hit.count, "line")}</span>
          <span title={stamp(hit.last_seen)}>seen {ago(hit.last_seen, now)}</span>
        </span>
      </button>
    </li>
  );
}
