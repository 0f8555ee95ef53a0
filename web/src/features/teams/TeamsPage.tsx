import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Team, ownedNow, teams } from "../../api/correlation";
import { me } from "../../api/queries";
import { plural } from "../../lib/format";
import { writeMatchers } from "../../lib/matchers";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { Page, PageHead } from "../../ui/page";
import { TeamForm } from "./TeamForm";

/** Who owns what, and what of it burns now. */
export function TeamsPage() {
  const list = useQuery(teams);
  const user = useQuery(me);
  const may = user.data?.role === "admin" && user.data.clusters === null;
  const [open, setOpen] = useState<Team | "new" | null>(null);
  return (
    <Page>
      <PageHead title="Teams" note="What strikes a team’s services is its incident">
        {may ? (
          <button type="button" className="button button-primary" onClick={() => setOpen("new")}>
            New team
          </button>
        ) : null}
      </PageHead>
      <QueryFailure what="Reading the teams" query={list} />
      {list.isPending ? <Skeleton rows={4} /> : null}
      {list.data && !list.data.length ? (
        <Empty title="No team yet">
          Add one with what it owns, by labels: each new incident goes to the team that owns most of what it strikes.
        </Empty>
      ) : null}
      {list.data?.length ? (
        <ul aria-label="Teams" className="panel divide-y divide-line">
          {list.data.map((team) => (
            <Row key={team.id} team={team} onEdit={may ? () => setOpen(team) : undefined} />
          ))}
        </ul>
      ) : null}
      <Dialog drawer open={open !== null} onClose={() => setOpen(null)} title={open === "new" || !open ? "New team" : open.name}>
        {open ? <TeamForm team={open === "new" ? undefined : open} onDone={() => setOpen(null)} /> : null}
      </Dialog>
    </Page>
  );
}

function Row({ team, onEdit }: { team: Team; onEdit?: () => void }) {
  const now = useNow();
  return (
    <li className="grid gap-x-6 gap-y-2 px-3 py-2.5 lg:grid-cols-[minmax(0,220px)_minmax(0,1fr)_minmax(0,1.4fr)]">
      <div className="min-w-0">
        <h2 className="truncate font-medium" title={team.name}>
          {onEdit ? (
            <button type="button" className="link" onClick={onEdit}>
              {team.name}
            </button>
          ) : (
            team.name
          )}
        </h2>
        <p className="text-muted">{team.members.length ? team.members.join(", ") : "no members"}</p>
        <p className="text-meta text-muted">
          changed by {team.changed_by} {ago(team.changed_at, now)}
        </p>
      </div>
      <div className="min-w-0">
        <p className="text-meta text-muted">Owns what has</p>
        {team.matchers.length ? (
          <p className="font-mono break-words whitespace-pre-wrap">{writeMatchers(team.matchers)}</p>
        ) : (
          <p>nothing yet: incidents are given to it by hand</p>
        )}
      </div>
      <Owned team={team} />
    </li>
  );
}

function Owned({ team }: { team: Team }) {
  const found = useQuery(ownedNow(team.id));
  const now = useNow();
  if (found.isError) return <p className="text-critical">Its incidents could not be read: {found.error.message}</p>;
  if (!found.data) return <Skeleton rows={1} />;
  const { items, total } = found.data;
  return (
    <div className="min-w-0">
      <p className="text-meta text-muted">
        {total ? (
          <Link to="/incidents" search={{ team: team.id }} className="link">
            {plural(total, "open incident")}
          </Link>
        ) : (
          "No open incident"
        )}
      </p>
      {items.length ? (
        <ul aria-label={`Incidents of ${team.name}`} className="space-y-0.5">
          {items.map((one) => (
            <li key={one.id} className="grid grid-cols-[80px_minmax(0,1fr)_auto] items-center gap-x-3">
              <SeverityMark severity={one.severity} />
              <Link to="/incidents/$incidentId" params={{ incidentId: one.id }} className="link truncate" title={one.title}>
                {one.title}
              </Link>
              <span className="text-muted">
                {one.owner ?? "nobody"} · {ago(one.detected_at, now)}
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
