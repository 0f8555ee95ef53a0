import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError } from "../../api/client";
import { incident } from "../../api/queries";
import type { Incident } from "../../api/types";
import { ago, stamp } from "../../lib/time";
import { usePageKeys } from "../../shell/pageKeys";
import { useNow } from "../../shell/store";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark, StatusMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { CauseCard } from "./CauseCard";
import { Handling } from "./Handling";
import { Members } from "./Members";
import { NextSteps } from "./NextSteps";
import { Place } from "./Place";
import { Timeline } from "./Timeline";
import { ACTS, type Act, actsOn, useActing } from "./acting";
import { rulesOf, useChanges } from "./changes";

export function IncidentPage() {
  const { incidentId } = useParams({ from: "/shell/incidents/$incidentId" });
  const query = useQuery(incident(incidentId));
  if (query.error instanceof ApiError && query.error.status === 404 && !query.data)
    return (
      <Page>
        <Empty title="There is no such incident">
          It was forgotten past its time, or is of a cluster that you may not see.{" "}
          <Link to="/incidents" className="link">
            Go to the incidents
          </Link>
        </Empty>
      </Page>
    );
  return (
    <Page>
      <QueryFailure what="Reading the incident" query={query} />
      {query.isPending ? <Skeleton rows={12} /> : query.data ? <Detail one={query.data} /> : null}
    </Page>
  );
}

function Detail({ one }: { one: Incident }) {
  const now = useNow();
  const { may } = useActing();
  const changes = useChanges(one);
  // The likeliest cause that can be drawn: an alert as such has no samples.
  const shown = one.causes.find(({ evidence }) => evidence.length);
  const units = new Map(one.anomalies.map(({ watch, unit }) => [watch, unit]));
  return (
    <>
      <PageHead
        title={one.title}
        note={
          <>
            <span className="font-mono">{one.key}</span>
            <SeverityMark severity={one.severity} />
            <StatusMark status={one.status} />
            <span title={stamp(one.detected_at)}>opened {ago(one.detected_at, now)}</span>
            {one.resolved_at ? <span>resolved {ago(one.resolved_at, now)}</span> : null}
            {one.clusters.map(({ id, name }) => (
              <Link key={id} to="/fleet/$clusterId" params={{ clusterId: id }} className="link font-mono">
                {name}
              </Link>
            ))}
          </>
        }
      >
        <Actions one={one} />
      </PageHead>
      {one.merged_into ? (
        <p className="panel mb-3 px-3 py-2">
          It was merged into{" "}
          <Link to="/incidents/$incidentId" params={{ incidentId: one.merged_into }} className="link underline">
            another incident
          </Link>
          , where its alerts are now.
        </p>
      ) : null}
      <div className="grid items-start gap-3 xl:grid-cols-[minmax(0,1fr)_440px]">
        <section aria-label="Causes" className="min-w-0 space-y-3">
          <h2 className="font-semibold">Likely causes</h2>
          {one.causes.length ? (
            one.causes.map((cause) => (
              <CauseCard
                key={cause.rank}
                cause={cause}
                units={units}
                first={cause === shown}
                incidentId={one.id}
                changes={rulesOf(changes, cause.cluster_id)}
              />
            ))
          ) : (
            <div className="panel">
              <Empty title="No cause ranked yet">{one.causes_note ?? "It is worked out as soon as enough samples around it are there."}</Empty>
            </div>
          )}
          {one.causes.length && one.causes_note ? <p className="text-muted">{one.causes_note}</p> : null}
        </section>
        <div className="min-w-0 space-y-3">
          <Place incidentId={one.id} />
          <NextSteps one={one} />
          <Handling one={one} may={may} />
          <Timeline one={one} changes={changes} />
          <Members one={one} may={may} />
        </div>
      </div>
    </>
  );
}

function Actions({ one }: { one: Incident }) {
  const { may, act } = useActing();
  const [busy, setBusy] = useState(false);
  const run = async (wanted: Act) => {
    setBusy(true);
    await act(wanted, [one]);
    setBusy(false);
  };
  usePageKeys(Object.fromEntries(ACTS.flatMap((each) => (each.key ? [[each.key, () => void run(each)]] : []))));
  if (!may) return null;
  return actsOn(one.status).map((each) => (
    <button
      key={each.status}
      type="button"
      className={`button ${each.status === "ACKNOWLEDGED" ? "button-primary" : ""}`}
      disabled={busy}
      onClick={() => void run(each)}
    >
      {each.word}
      {each.key ? <kbd className="font-mono text-meta opacity-80">{each.key}</kbd> : null}
    </button>
  ));
}
