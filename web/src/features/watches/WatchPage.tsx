import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client";
import { type Watch, type WatchChange, watches } from "../../api/insight";
import { me } from "../../api/queries";
import { ago } from "../../lib/time";
import { notify } from "../../shell/notice";
import { useNow } from "../../shell/store";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { BacktestPanel } from "./BacktestPanel";
import { WatchForm, type WatchValues } from "./WatchForm";
import { tells } from "./words";

export function WatchPage() {
  const { watch: name } = useParams({ from: "/shell/watches/$watch" });
  const list = useQuery(watches);
  const found = list.data?.items.find((one) => one.name === name);
  return (
    <Page>
      <QueryFailure what="Reading the watch" query={list} />
      {list.isPending ? <Skeleton rows={10} /> : null}
      {list.data && !found ? (
        <Empty title="There is no such watch">
          <Link to="/watches" className="link">
            Go to the watches
          </Link>
        </Empty>
      ) : null}
      {found ? <Detail key={found.name} one={found} /> : null}
    </Page>
  );
}

function Detail({ one }: { one: Watch }) {
  const client = useQueryClient();
  const user = useQuery(me);
  const now = useNow();
  const [draft, setDraft] = useState<WatchValues>({});
  const may = user.data?.role !== "viewer" && (user.data?.clusters === null || (!one.shipped && one.clusters !== null));
  const change = useMutation({
    mutationFn: (part: Partial<WatchChange>) =>
      call<Watch>(`watches/${one.name}`, { method: "PATCH", body: { ...part, revision: one.revision } }),
    onSuccess: () => notify({ text: "Saved" }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["watches"] }),
  });
  return (
    <>
      <PageHead
        title={one.title}
        note={
          <>
            <span className="font-mono">{one.name}</span>
            <span>{one.shipped ? "shipped" : `by ${one.owner}`}</span>
            {one.enabled ? null : <span className="font-medium text-high">switched off</span>}
            {one.updated_at ? <span>changed {ago(one.updated_at, now)}</span> : null}
          </>
        }
      >
        <Link to="/metrics-explorer" search={{ q: one.query, clusters: one.clusters ?? undefined }} className="button">
          Look at it in Metrics
        </Link>
        {may ? (
          <button
            type="button"
            className={`button ${one.enabled ? "" : "button-primary"}`}
            disabled={change.isPending}
            onClick={() => change.mutate({ enabled: !one.enabled })}
          >
            {one.enabled ? "Switch off" : "Switch on"}
          </button>
        ) : null}
        {may && !one.shipped ? <Remove one={one} /> : null}
      </PageHead>
      {one.failing.map(({ cluster, error }) => (
        <p key={cluster} role="alert" className="panel mb-2 border-critical px-3 py-2">
          <span className="font-medium text-critical">It can’t be evaluated on {cluster}:</span> {error}
        </p>
      ))}
      <div className="grid items-start gap-3 xl:grid-cols-[minmax(0,1fr)_440px]">
        <BacktestPanel watch={one} draft={draft} />
        <section className="panel p-3" aria-label="Settings">
          <h2 className="mb-2 font-semibold">What it tells</h2>
          {may ? (
            <WatchForm
              watch={one}
              problem={change.error}
              busy={change.isPending}
              submit="Save"
              onSubmit={(values) => change.mutate(values as Partial<WatchChange>)}
              onDraft={setDraft}
            />
          ) : (
            <>
              <p className="mb-2">When a series {tells(one).join("; or ")}.</p>
              <pre className="overflow-x-auto font-mono text-meta whitespace-pre-wrap">{one.query}</pre>
            </>
          )}
        </section>
      </div>
    </>
  );
}

function Remove({ one }: { one: Watch }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => call(`watches/${one.name}`, { method: "DELETE" }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["watches"] });
      void navigate({ to: "/watches" });
    },
  });
  if (remove.isError) return <Failure what="Deleting it" error={remove.error} />;
  if (!asking)
    return (
      <button type="button" className="button" onClick={() => setAsking(true)}>
        Delete…
      </button>
    );
  return (
    <span className="inline-flex items-center gap-2">
      What it found ends.
      <button type="button" className="button border-critical text-critical" onClick={() => remove.mutate()}>
        Delete
      </button>
      <button type="button" className="button" onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
