import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/client";
import type { Alert, AlertChange, Page } from "../../api/types";
import { plural, sentence } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Dialog } from "../../ui/dialog";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { LabelList } from "../../ui/labels";
import { AlertStateMark, SeverityMark } from "../../ui/marks";

interface Props {
  alert: Alert | undefined;
  clusterName: string | undefined;
  /** `cluster id/fingerprint` of the address: an alert that the list no longer holds is read by itself. */
  wanted: string | undefined;
  onClose: () => void;
}

export function AlertDrawer({ alert: listed, clusterName, wanted, onClose }: Props) {
  const [clusterId = "", fingerprint = ""] = wanted?.split("/") ?? [];
  const single = useQuery({
    queryKey: ["alert", clusterId, fingerprint],
    queryFn: ({ signal }) => call<Alert>(`alerts/${fingerprint}`, { query: { cluster_id: clusterId }, signal }),
    enabled: Boolean(wanted) && !listed,
  });
  const alert = listed ?? single.data;
  return (
    <Dialog open={Boolean(wanted)} onClose={onClose} title={alert?.name ?? "Alert"} drawer>
      <QueryFailure what="Reading the alert" query={single} />
      {alert ? <Detail alert={alert} clusterName={alert.cluster ?? clusterName} /> : null}
      {wanted && !alert && !single.isError ? <Skeleton rows={8} /> : null}
    </Dialog>
  );
}

function Detail({ alert, clusterName }: { alert: Alert; clusterName: string | undefined }) {
  const { summary, description, ...rest } = alert.annotations;
  return (
    <div className="space-y-4">
      <p className="flex flex-wrap items-center gap-x-4">
        <SeverityMark severity={alert.severity} />
        <AlertStateMark state={alert.state} />
        <span className="font-mono">{clusterName}</span>
        <span className="text-muted">since {stamp(alert.starts_at)}</span>
        {alert.ends_at ? <span className="text-muted">until {stamp(alert.ends_at)}</span> : null}
        <span className="text-muted">seen {plural(alert.occurrences, "time")}</span>
      </p>
      {summary ? <p className="font-medium">{summary}</p> : null}
      {description ? <p>{description}</p> : null}
      <LabelList title="Labels" labels={alert.labels} />
      <LabelList title="Annotations" labels={rest} />
      {alert.generator_url && /^https?:/.test(alert.generator_url) ? (
        <p>
          <a className="link" href={alert.generator_url} target="_blank" rel="noreferrer">
            Open where it was made
          </a>
        </p>
      ) : null}
      <History alert={alert} />
    </div>
  );
}

function History({ alert }: { alert: Alert }) {
  const history = useQuery({
    queryKey: ["alert", "history", alert.cluster_id, alert.fingerprint],
    queryFn: ({ signal }) =>
      call<Page<AlertChange>>("alerts/history", {
        query: { cluster_id: alert.cluster_id, fingerprint: alert.fingerprint },
        signal,
      }),
  });
  return (
    <section>
      <h3 className="mb-1 font-semibold">History</h3>
      <QueryFailure what="Reading the history" query={history} />
      {history.isPending ? <Skeleton rows={3} height={24} /> : null}
      <ol className="divide-y divide-line">
        {history.data?.items.map((change) => (
          <li key={`${change.at}${change.state}`} className="flex h-7 items-center gap-4">
            <span className="w-32 text-muted">{stamp(change.at)}</span>
            <AlertStateMark state={change.state} />
            {change.severity ? <span className="text-muted">{sentence(change.severity)}</span> : null}
          </li>
        ))}
      </ol>
      {history.data?.items.length === 0 ? <p className="text-muted">No change since it arrived.</p> : null}
    </section>
  );
}
