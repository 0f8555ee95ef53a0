import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type Forecast, forecastPages, forecastScores } from "../../api/forecasts";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { ForecastRow } from "./ForecastRow";
import { ForecastScore } from "./ForecastScore";

interface Props {
  clusterId?: string;
  /** Which one is open, by its id. */
  open?: string;
  onOpen: (id: string | undefined) => void;
}

/** What will run out, the most urgent first, and how well the hub has foreseen so far. */
export function Forecasts({ clusterId, open, onOpen }: Props) {
  const crossing = useInfiniteQuery(forecastPages("CROSSES", clusterId));
  const found = crossing.data?.pages.flatMap(({ items }) => items) ?? [];
  const total = crossing.data?.pages[0]?.total;
  const looked = useQuery(forecastScores).data?.surveys.some((one) => !clusterId || one.cluster_id === clusterId);
  return (
    <section aria-labelledby="forecasts" className="panel">
      <div className="flex flex-wrap items-baseline gap-x-3 px-3 py-2">
        <h2 id="forecasts" className="font-semibold">
          Forecasts by urgency
        </h2>
        <Looked clusterId={clusterId} />
      </div>
      <div className="px-3">
        <QueryFailure what="Reading the forecasts" query={crossing} />
      </div>
      {crossing.isPending ? <Skeleton rows={4} /> : null}
      {found.length ? <Rows items={found} label="Foreseen" open={open} onOpen={onOpen} /> : null}
      {total === 0 ? (
        <Empty title={looked ? "Nothing is foreseen to run out" : "Nothing has been looked at yet"}>
          Disks, volumes, memory, quotas, certificates and watches with a limit are looked at every few minutes.
        </Empty>
      ) : null}
      {crossing.hasNextPage ? (
        <p className="border-t border-line px-3 py-2">
          <button type="button" className="button h-7" disabled={crossing.isFetchingNextPage} onClick={() => void crossing.fetchNextPage()}>
            {crossing.isFetchingNextPage ? "Reading…" : `Show more of ${total}`}
          </button>
        </p>
      ) : null}
      <Refused clusterId={clusterId} open={open} onOpen={onOpen} />
      <ForecastScore />
    </section>
  );
}

function Rows({ items, label, open, onOpen }: { items: Forecast[]; label: string; open?: string; onOpen: Props["onOpen"] }) {
  return (
    <ul aria-label={label} className="border-t border-line">
      {items.map((item) => (
        <ForecastRow key={item.id} forecast={item} open={item.id === open} onToggle={() => onOpen(item.id === open ? undefined : item.id)} />
      ))}
    </ul>
  );
}

/** How much was looked at, and how long ago: what is not listed keeps away from its limit, or was not looked at. */
function Looked({ clusterId }: { clusterId?: string }) {
  const now = useNow();
  const answer = useQuery(forecastScores);
  const surveys = answer.data?.surveys.filter((one) => !clusterId || one.cluster_id === clusterId) ?? [];
  if (!surveys.length) return <span className="text-muted">{answer.data ? "Nothing has been looked at yet" : null}</span>;
  const sum = (of: "series" | "left_out") => surveys.reduce((all, one) => all + one[of], 0);
  const clusters = new Set(surveys.map(({ cluster_id }) => cluster_id)).size;
  const oldest = Math.min(...surveys.map(({ looked_at }) => Date.parse(looked_at)));
  const failed = surveys.filter(({ error }) => error);
  return (
    <span className="text-muted">
      {plural(sum("series"), "series", "series")} of {plural(clusters, "cluster")} looked at, the longest ago {ago(oldest, now)}
      {sum("left_out") ? `; ${sum("left_out")} left out past the bound` : ""}
      {failed.length ? `; ${failed.map(({ cluster, title, error }) => `${title} of ${cluster}: ${error}`).join("; ")}` : ""}
    </span>
  );
}

function Refused({ clusterId, open, onOpen }: Props) {
  const refused = useInfiniteQuery(forecastPages("REFUSED", clusterId));
  const found = refused.data?.pages.flatMap(({ items }) => items) ?? [];
  if (!found.length) return null;
  return (
    <details className="border-t border-line">
      <summary className="cursor-pointer px-3 py-2 text-muted">
        {plural(refused.data?.pages[0]?.total ?? found.length, "series", "series")} that can’t be foreseen, and why
      </summary>
      <Rows items={found} label="Not foreseen" open={open} onOpen={onOpen} />
      {refused.hasNextPage ? (
        <p className="px-3 py-2">
          <button type="button" className="button h-7" onClick={() => void refused.fetchNextPage()}>
            Show more
          </button>
        </p>
      ) : null}
    </details>
  );
}
