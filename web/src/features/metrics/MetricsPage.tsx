import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { clusters, dashboard } from "../../api/queries";
import { copyText } from "../../lib/copy";
import { absolute, resolveOrDefault } from "../../lib/time";
import type { MetricsSearch } from "../../router/search";
import { notify } from "../../shell/notice";
import { useRange } from "../../shell/store";
import { Empty } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { SaveDialog } from "../dashboards/SaveDialog";
import { ClusterPicker } from "./ClusterPicker";
import { PanelCard } from "./PanelCard";
import { SPANS } from "./spans";
import { type PanelState, panelsOf, searchOf, widthOf } from "./panels";

const EXAMPLES = [
  "1 - avg by (cluster) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))",
  "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
  "rate(node_network_receive_bytes_total[1m])",
  "count by (cluster) (up == 0)",
];

export function MetricsPage() {
  const search: MetricsSearch = useSearch({ from: "/shell/metrics-explorer" });
  const navigate = useNavigate({ from: "/metrics-explorer" });
  const fleet = useQuery(clusters);
  const panels = panelsOf(search);
  const [saving, setSaving] = useState(false);
  const board = useQuery({ ...dashboard(search.board ?? ""), enabled: search.board !== undefined });
  const set = (next: PanelState[]) => void navigate({ search: (old) => ({ ...old, ...searchOf(next) }) });
  const moved = (from: number, to: number) => {
    const next = [...panels];
    next.splice(to, 0, ...next.splice(from, 1));
    set(next);
  };
  const empty = panels.every(({ q }) => q === "");
  return (
    <Page>
      <PageHead title="Metrics" note={board.data ? <span>changing the dashboard {board.data.name}</span> : null}>
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={search.clusters ?? []}
          onChange={(chosen) =>
            void navigate({ search: (old) => ({ ...old, clusters: chosen.length ? chosen : undefined }) })
          }
        />
        <button type="button" className="button" disabled={empty} onClick={() => set([...panels, { q: "" }])}>
          Add panel
        </button>
        <Share />
        <button type="button" className="button" disabled={empty} onClick={() => setSaving(true)}>
          Save
        </button>
        <Link to="/dashboards" className="button">
          Dashboards
        </Link>
      </PageHead>
      <div className="grid grid-cols-12 gap-3">
        {panels.map((panel, at) => (
          <div key={`${at} of ${panels.length}`} className={SPANS[widthOf(panel, panels.length)]}>
            <PanelCard
              panel={panel}
              at={at}
              count={panels.length}
              clusterIds={search.clusters}
              onChange={(next) => set(panels.with(at, next))}
              onMove={(by) => moved(at, at + by)}
              onCopy={() => set(panels.toSpliced(at + 1, 0, panel))}
              onRemove={() => set(panels.toSpliced(at, 1))}
            />
          </div>
        ))}
      </div>
      {empty ? (
        <div className="panel mt-3">
          <Empty title="Ask all clusters at once">
            <ul className="mt-2 space-y-1">
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button type="button" className="link font-mono" onClick={() => set([{ q: example }])}>
                    {example}
                  </button>
                </li>
              ))}
            </ul>
          </Empty>
        </div>
      ) : null}
      <SaveDialog
        open={saving}
        onClose={() => setSaving(false)}
        panels={panels.filter(({ q }) => q !== "")}
        board={board.data}
      />
    </Page>
  );
}

/** A link to what is seen now: the range stands still in it, so that the other sees the same. */
function Share() {
  const [range] = useRange();
  const share = async () => {
    const url = new URL(location.href);
    const { from, to } = absolute(resolveOrDefault(range, Date.now()));
    url.searchParams.set("from", from);
    url.searchParams.set("to", to);
    const done = await copyText(url.href);
    notify(done ? { text: "The link is copied, with this very time range." } : { text: "The browser lets nothing be copied.", failed: true });
  };
  return (
    <button type="button" className="button" onClick={() => void share()}>
      Copy link
    </button>
  );
}
