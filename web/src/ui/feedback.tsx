import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { ago } from "../lib/time";
import { useNow } from "../shell/store";

/** Rows of grey in the shape of what is to come. */
export function Skeleton({ rows = 6, height = 32 }: { rows?: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading" className="animate-pulse space-y-px">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex items-center px-3" style={{ height }}>
          <div className="h-3 rounded bg-raised" style={{ width: `${45 + ((row * 17) % 45)}%` }} />
        </div>
      ))}
    </div>
  );
}

export function SkeletonBlock({ height }: { height: number }) {
  return <div role="status" aria-label="Loading" className="animate-pulse rounded bg-raised" style={{ height }} />;
}

/** Says why there is nothing and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="mx-auto max-w-lg px-6 py-10 text-center">
      <p className="text-[16px] font-medium">{title}</p>
      {children ? <div className="mt-1 text-muted">{children}</div> : null}
    </div>
  );
}

interface FailureProps {
  what: string;
  error: unknown;
  /** When what is still shown was read, in milliseconds; nothing where nothing is shown. */
  since?: number;
  retry?: () => void;
}

/** Names what failed, how old what is shown has become, and offers to try again. */
export function Failure({ what, error, since, retry }: FailureProps) {
  const now = useNow();
  const known = error instanceof ApiError ? error : null;
  return (
    <div role="alert" className="panel flex flex-wrap items-center gap-x-3 gap-y-1 border-critical px-3 py-2">
      <span className="font-medium text-critical">{what} failed</span>
      <span className="min-w-0 break-words">{error instanceof Error ? error.message : String(error)}</span>
      {since ? <span className="text-muted">Shown: as of {ago(since, now)}</span> : null}
      {known?.traceId ? <span className="font-mono text-meta text-muted">trace {known.traceId.slice(0, 16)}</span> : null}
      {retry ? (
        <button type="button" className="button ml-auto h-7" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

interface Readable {
  isError: boolean;
  error: unknown;
  data: unknown;
  dataUpdatedAt: number;
  refetch: () => unknown;
}

/** The failure of a query, if it has one; stale data stays on the page below. */
export function QueryFailure({ what, query }: { what: string; query: Readable }) {
  if (!query.isError) return null;
  const since = query.data === undefined ? undefined : query.dataUpdatedAt;
  // The same question is refused the same way again.
  const refused = query.error instanceof ApiError && query.error.status === 422;
  const retry = refused ? undefined : () => void query.refetch();
  return <Failure what={what} error={query.error} since={since} retry={retry} />;
}
