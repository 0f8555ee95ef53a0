import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Incident } from "../../api/types";
import { plural } from "../../lib/format";
import { clock, stamp } from "../../lib/time";
import { AlertStateMark, SeverityMark } from "../../ui/marks";
import { Box } from "../../ui/selection";
import { Why } from "../insights/Why";
import { FindingMember } from "./FindingMember";
import { OtherIncident } from "./OtherIncident";
import { about } from "./Timeline";
import { type Member, keyOf, membersOf, useHands } from "./hands";

const SHOWN = 25;

/** What an incident is made of, each with the reason why it is in it; people may move it elsewhere. */
export function Members({ one, may }: { one: Incident; may: boolean }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const picker = (member: Member, what: string) =>
    may ? <Box label={`Select ${what}`} checked={chosen.has(keyOf(member))} onChange={() => toggle(keyOf(member))} /> : null;
  const row = `grid items-start gap-x-2 ${may ? "grid-cols-[24px_minmax(0,1fr)]" : ""}`;
  const shown = all ? one.alerts : one.alerts.slice(0, SHOWN);
  const toggle = (key: string) =>
    setChosen((old) => {
      const next = new Set(old);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  return (
    <section className="panel p-3" aria-label="Members">
      <h2 className="mb-2 font-semibold">
        {plural(one.anomaly_count, "anomaly", "anomalies")}, {plural(one.alert_count, "alert")}
        {one.finding_count ? `, ${plural(one.finding_count, "finding")}` : null}
      </h2>
      {chosen.size ? <Moving one={one} chosen={chosen} clear={() => setChosen(new Set())} /> : null}
      <ul className="space-y-2.5">
        {one.anomalies.map((anomaly) => (
          <li key={anomaly.id} className={row}>
            {picker(anomaly, `${anomaly.title} of ${stamp(anomaly.started_at)}`)}
            <div className="min-w-0">
              <Why anomaly={anomaly} />
              <Reason text={anomaly.reason} />
            </div>
          </li>
        ))}
        {shown.map((alert) => (
          <li key={keyOf(alert)} className={row}>
            {picker(alert, `${alert.name} of ${stamp(alert.started_at)}`)}
            <div className="min-w-0">
              <div className="flex flex-wrap items-center gap-x-3">
                <AlertStateMark state={alert.ended_at ? "RESOLVED" : "FIRING"} />
                <SeverityMark severity={alert.severity} />
                <Link to="/alerts" search={{ open: `${alert.cluster_id}/${alert.fingerprint}` }} className="link min-w-0 truncate">
                  {alert.name}
                </Link>
                <span className="min-w-0 truncate font-mono text-muted">{[alert.cluster, about(alert.labels)].filter(Boolean).join(" · ")}</span>
                <time className="ml-auto text-muted" dateTime={alert.started_at} title={stamp(alert.started_at)}>
                  {clock(alert.started_at)}
                </time>
              </div>
              <Reason text={alert.reason} />
            </div>
          </li>
        ))}
        {one.findings.map((finding) => (
          <li key={finding.id} className={row}>
            {picker(finding, `${finding.name} of ${stamp(finding.started_at)}`)}
            <FindingMember finding={finding} />
          </li>
        ))}
      </ul>
      {one.alerts.length > shown.length ? (
        <button type="button" className="link mt-2" onClick={() => setAll(true)}>
          Show {one.alerts.length - shown.length} more
        </button>
      ) : one.alert_count > one.alerts.length ? (
        <p className="mt-2 text-muted">The first {one.alerts.length} alerts are shown.</p>
      ) : null}
    </section>
  );
}

function Reason({ text }: { text: string | null }) {
  return text ? <p className="text-meta break-words text-muted">{text}.</p> : null;
}

function Moving({ one, chosen, clear }: { one: Incident; chosen: ReadonlySet<string>; clear: () => void }) {
  const { busy, run } = useHands();
  const navigate = useNavigate();
  const [choosing, setChoosing] = useState(false);
  const move = async (to: string | null, where: string) => {
    const done = `${plural(chosen.size, "member")} moved to ${where}`;
    const target = await run<Incident>(done, `incidents/${one.id}/move`, { to, ...membersOf(one, chosen) });
    clear();
    if (target && to === null) void navigate({ to: "/incidents/$incidentId", params: { incidentId: target.id } });
  };
  return (
    <div role="status" className="mb-3 flex flex-wrap items-center gap-2 border-y border-accent py-1.5">
      <span className="mr-1 font-medium">{plural(chosen.size, "member")} selected</span>
      <button type="button" className="button h-7" disabled={busy} onClick={() => void move(null, "an incident of their own")}>
        Split off
      </button>
      <button type="button" className="button h-7" disabled={busy} onClick={() => setChoosing(true)}>
        Move to…
      </button>
      <button type="button" className="button-quiet h-7" onClick={clear}>
        Clear
      </button>
      <OtherIncident
        open={choosing}
        title="Move to which incident?"
        not={one.id}
        onClose={() => setChoosing(false)}
        onChoose={(other) => {
          setChoosing(false);
          void move(other.id, other.key);
        }}
      />
    </div>
  );
}
