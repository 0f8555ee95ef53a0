import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../../api/client";
import { incident } from "../../api/queries";
import type { Alert, AlertPlace, TimelineEntry } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Dialog } from "../../ui/dialog";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { LabelList } from "../../ui/labels";
import { AlertStateMark, HandledMark, SeverityMark } from "../../ui/marks";
import type { Asked } from "./AskedDialog";
import { ACTS, type useAlertActing } from "./acting";
import { happened, idOf } from "./words";

interface Props {
  alert: Alert | undefined;
  clusterName: string | undefined;
  /** `cluster id/fingerprint` of the address. */
  wanted: string | undefined;
  acting: ReturnType<typeof useAlertActing>;
  ask: (kind: Asked["kind"], on: string[]) => void;
  onClose: () => void;
}

export function AlertDrawer({ alert: listed, clusterName, wanted, acting, ask, onClose }: Props) {
  const [clusterId = "", fingerprint = ""] = wanted?.split("/") ?? [];
  // The list knows nothing of the original, and may no longer hold the alert.
  const single = useQuery({
    queryKey: ["alert", clusterId, fingerprint],
    queryFn: ({ signal }) => call<Alert>(`alerts/${fingerprint}`, { query: { cluster_id: clusterId }, signal }),
    enabled: Boolean(wanted),
  });
  const alert = single.data ?? listed;
  return (
    <Dialog open={Boolean(wanted)} onClose={onClose} title={alert?.name ?? "Alert"} drawer>
      <QueryFailure what="Reading the alert" query={single} />
      {alert ? <Detail alert={alert} clusterName={alert.cluster ?? clusterName} acting={acting} ask={ask} /> : null}
      {wanted && !alert && !single.isError ? <Skeleton rows={8} /> : null}
    </Dialog>
  );
}

interface DetailProps extends Pick<Props, "acting" | "ask" | "clusterName"> {
  alert: Alert;
}

function Detail({ alert, clusterName, acting, ask }: DetailProps) {
  const { summary, description, runbook_url, ...rest } = alert.annotations;
  return (
    <div className="space-y-4">
      <p className="flex flex-wrap items-center gap-x-4">
        <SeverityMark severity={alert.severity} />
        <AlertStateMark state={alert.state} />
        <HandledMark status={alert.status} />
        <span className="font-mono">{clusterName}</span>
        <span className="text-muted">since {stamp(alert.starts_at)}</span>
        {alert.ends_at ? <span className="text-muted">until {stamp(alert.ends_at)}</span> : null}
        <span className="text-muted">seen {plural(alert.occurrences, "time")}</span>
        {alert.members ? <span className="text-muted">{plural(alert.members, "alert")} in one</span> : null}
        {alert.maintained_by.length ? (
          <Link to="/maintenance" className="link">
            in maintenance: told to nobody
          </Link>
        ) : null}
        {alert.flapping ? <span className="text-medium">flapping: told as one until it is calm</span> : null}
      </p>
      <Handling alert={alert} />
      {acting.may ? <Acts alert={alert} acting={acting} ask={ask} /> : null}
      {summary ? <p className="font-medium">{summary}</p> : null}
      {description ? <p>{description}</p> : null}
      <LikelyCause alert={alert} />
      {runbook_url && /^https?:/.test(runbook_url) ? (
        <p>
          <a className="link" href={runbook_url} target="_blank" rel="noreferrer">
            Runbook
          </a>
        </p>
      ) : null}
      <LabelList title="Labels" labels={alert.labels} />
      <LabelList title="Annotations" labels={rest} />
      {alert.generator_url && /^https?:/.test(alert.generator_url) ? (
        <p>
          <a className="link" href={alert.generator_url} target="_blank" rel="noreferrer">
            Open where it was made
          </a>
        </p>
      ) : null}
      <Original alert={alert} />
      <Timeline alert={alert} />
    </div>
  );
}

function Handling({ alert }: { alert: Alert }) {
  const parts = [
    alert.assignee ? `Assigned to ${alert.assignee}` : null,
    alert.escalated_to ? `Escalated to ${alert.escalated_to}` : null,
    alert.snoozed_until ? `Snoozed until ${stamp(alert.snoozed_until)}` : null,
  ].filter(Boolean);
  return parts.length ? <p>{parts.join(" · ")}</p> : null;
}

function Acts({ alert, acting, ask }: { alert: Alert } & Pick<Props, "acting" | "ask">) {
  const on = [idOf(alert)];
  return (
    <p className="flex flex-wrap gap-2">
      {ACTS.map((act) => (
        <button
          key={act.key}
          type="button"
          className="button"
          disabled={alert.status === act.status}
          onClick={() => void acting.act({ status: act.status }, on, act.done)}
        >
          {act.word}
        </button>
      ))}
      {alert.assignee === acting.name ? (
        <button type="button" className="button" onClick={() => void acting.act({ assignee: null }, on, "given back")}>
          Give back
        </button>
      ) : (
        <button type="button" className="button" onClick={() => void acting.act({ assignee: acting.name ?? null }, on, "assigned to you")}>
          Assign to me
        </button>
      )}
      <button type="button" className="button" onClick={() => ask("assign", on)}>
        Assign…
      </button>
      {alert.snoozed_until ? (
        <button type="button" className="button" onClick={() => void acting.act({ snooze_until: null }, on, "back in sight")}>
          End the snooze
        </button>
      ) : (
        <button type="button" className="button" onClick={() => ask("snooze", on)}>
          Snooze…
        </button>
      )}
      <button type="button" className="button" onClick={() => ask("escalate", on)}>
        Escalate…
      </button>
      <button type="button" className="button" onClick={() => ask("comment", on)}>
        Comment…
      </button>
    </p>
  );
}

/** The incident that holds the alert, and what is ranked first in it. */
function LikelyCause({ alert }: { alert: Alert }) {
  const { cluster_id, fingerprint } = alert;
  const places = useQuery({
    queryKey: ["incidents", "of-alert", cluster_id, fingerprint],
    queryFn: ({ signal }) =>
      call<{ items: AlertPlace[] }>("alert-incidents", { query: { cluster_id, fingerprint }, signal }),
  });
  const [place] = places.data?.items ?? [];
  const held = useQuery({ ...incident(place?.incident_id ?? ""), enabled: place !== undefined });
  if (!place || !held.data) return null;
  const [cause] = held.data.causes;
  return (
    <section className="rounded border border-line p-2">
      <h3 className="font-semibold">
        <Link to="/incidents/$incidentId" params={{ incidentId: place.incident_id }} className="link">
          {held.data.key}: {held.data.title}
        </Link>
      </h3>
      {place.reason ? <p className="text-muted">{place.reason}</p> : null}
      {cause ? (
        <p>
          Likely cause: {cause.title}
          <span className="text-muted"> ({Math.round(cause.confidence * 100)} %)</span>
        </p>
      ) : (
        <p className="text-muted">{held.data.causes_note ?? "No cause is ranked in it yet."}</p>
      )}
    </section>
  );
}

function Original({ alert }: { alert: Alert }) {
  const { original } = alert;
  if (!original) return null;
  return (
    <details>
      <summary className="cursor-pointer font-semibold">
        As it came, from {alert.source}
        {original.rules?.length ? <span className="font-normal text-muted"> · shaped by {original.rules.join(", ")}</span> : null}
      </summary>
      <div className="mt-2 space-y-2">
        <LabelList title="Labels" labels={original.labels} />
        {original.payload ? (
          <pre className="overflow-x-auto rounded bg-raised p-2 font-mono text-meta">{JSON.stringify(original.payload, null, 2)}</pre>
        ) : null}
      </div>
    </details>
  );
}

function Timeline({ alert }: { alert: Alert }) {
  const { cluster_id, fingerprint } = alert;
  const timeline = useInfiniteQuery({
    queryKey: ["alert", "timeline", cluster_id, fingerprint],
    queryFn: ({ pageParam, signal }) =>
      call<{ items: TimelineEntry[]; next_cursor: string | null }>(`alerts/${fingerprint}/timeline`, {
        query: { cluster_id, cursor: pageParam, page_size: 50 },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = timeline.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section>
      <h3 className="mb-1 font-semibold">History</h3>
      <QueryFailure what="Reading the history" query={timeline} />
      {timeline.isPending ? <Skeleton rows={3} height={24} /> : null}
      <ol className="divide-y divide-line">
        {items.map((entry) => (
          <li key={entry.id} className="flex min-h-7 items-baseline gap-4 py-1">
            <span className="w-32 shrink-0 text-muted">{stamp(entry.at)}</span>
            {entry.by === null ? <AlertStateMark state={entry.kind} /> : <span className="min-w-0 break-words">{happened(entry)}</span>}
            {entry.by === null && entry.became ? <span className="text-muted">{sentence(entry.became)}</span> : null}
          </li>
        ))}
      </ol>
      {timeline.data && items.length === 0 ? <p className="text-muted">No change since it arrived.</p> : null}
      {timeline.hasNextPage ? (
        <button type="button" className="link" onClick={() => void timeline.fetchNextPage()}>
          Show older
        </button>
      ) : null}
    </section>
  );
}
