import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { teams } from "../../api/correlation";
import { me } from "../../api/queries";
import type { Incident, Severity } from "../../api/types";
import { sentence } from "../../lib/format";
import { Dialog, Field } from "../../ui/dialog";
import { OtherIncident } from "./OtherIncident";
import { useHands } from "./hands";

const SEVERITIES: Severity[] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"];
const LINKS: Record<string, string> = {
  FOLLOWS: "follows",
  FOLLOWED_BY: "came back as",
  RELATED: "belongs with",
  MERGED: "merged into",
  MERGED_FROM: "merged from",
  SPLIT_FROM: "split from",
  SPLIT_INTO: "split into",
};

/** Who is on it, what it belongs with, and what people say. */
export function Handling({ one, may }: { one: Incident; may: boolean }) {
  const { busy, run } = useHands();
  const user = useQuery(me);
  const known = useQuery(teams);
  const [editing, setEditing] = useState(false);
  const [picking, setPicking] = useState<"merge" | "link" | null>(null);
  const change = (done: string, body: object) => run(done, `incidents/${one.id}`, body, "PATCH");
  const mine = user.data?.username;
  return (
    <section className="panel p-3" aria-label="Handling">
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <h2 className="mr-auto font-semibold">Who is on it</h2>
        {may && mine && one.owner !== mine ? (
          <button type="button" className="button h-7" disabled={busy} onClick={() => void change("It is yours", { owner: mine })}>
            Take it
          </button>
        ) : null}
        {may ? (
          <>
            <button type="button" className="button h-7" onClick={() => setEditing(true)}>
              Edit
            </button>
            <button type="button" className="button h-7" onClick={() => setPicking("merge")}>
              Merge…
            </button>
            <button type="button" className="button h-7" onClick={() => setPicking("link")}>
              Link…
            </button>
          </>
        ) : null}
      </div>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-0.5">
        <dt className="text-muted">Owner</dt>
        <dd>{one.owner ?? "nobody yet"}</dd>
        <dt className="text-muted">Team</dt>
        <dd>
          {one.team ? (
            <Link to="/settings/teams" className="link">
              {one.team}
            </Link>
          ) : (
            "none owns what it strikes"
          )}
        </dd>
        <dt className="text-muted">Strikes</dt>
        <dd>
          {one.clusters.length} of {one.fleet} clusters{one.workloads ? `, ${one.workloads} workloads` : ""}
        </dd>
        {one.links.map((link) => (
          <Linked key={link.other_id + link.kind} kind={link.kind} id={link.other_id} name={link.key} />
        ))}
      </dl>
      {may ? <Say one={one} /> : null}
      <Dialog open={editing} onClose={() => setEditing(false)} title={`Edit ${one.key}`}>
        <Edit
          one={one}
          teams={known.data?.map(({ id, name }) => ({ id, name })) ?? []}
          busy={busy}
          onSubmit={(body) => {
            setEditing(false);
            if (Object.keys(body).length) void change("Saved", body);
          }}
        />
      </Dialog>
      <OtherIncident
        open={picking !== null}
        title={picking === "merge" ? `Merge which incident into ${one.key}?` : `Link ${one.key} to which incident?`}
        not={one.id}
        onClose={() => setPicking(null)}
        onChoose={(other) => {
          setPicking(null);
          if (picking === "merge")
            void run(`${other.key} merged into ${one.key}`, `incidents/${one.id}/merge`, { incident_ids: [other.id] });
          else void run(`Linked to ${other.key}`, `incidents/${one.id}/links`, { other_id: other.id });
        }}
      />
    </section>
  );
}

function Linked({ kind, id, name }: { kind: string; id: string; name: string }) {
  return (
    <>
      <dt className="text-muted">{sentence(LINKS[kind] ?? kind)}</dt>
      <dd>
        <Link to="/incidents/$incidentId" params={{ incidentId: id }} className="link font-mono">
          {name}
        </Link>
      </dd>
    </>
  );
}

function Say({ one }: { one: Incident }) {
  const { busy, run } = useHands();
  const [text, setText] = useState("");
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (await run("Comment kept", `incidents/${one.id}/comments`, { text })) setText("");
  };
  return (
    <form onSubmit={(event) => void send(event)} className="mt-3 flex items-start gap-2">
      <textarea
        className="field h-14 flex-1 py-1"
        rows={2}
        maxLength={4000}
        aria-label="Comment"
        placeholder="What have you seen or tried?"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="button" disabled={busy || !text.trim()}>
        Comment
      </button>
    </form>
  );
}

interface EditProps {
  one: Incident;
  teams: { id: string; name: string }[];
  busy: boolean;
  onSubmit: (body: Record<string, string | null>) => void;
}

function Edit({ one, teams: known, busy, onSubmit }: EditProps) {
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "").trim() || null;
    const body: Record<string, string | null> = {};
    if (value("title") !== one.title) body.title = value("title");
    if (value("severity") !== one.severity) body.severity = value("severity");
    if (value("owner") !== one.owner) body.owner = value("owner");
    if (value("team_id") !== one.team_id) body.team_id = value("team_id");
    onSubmit(body);
  };
  return (
    <form onSubmit={send} className="space-y-3">
      <Field label="Title" hint="Leave it empty for the title that its members give it.">
        <input name="title" className="field" maxLength={300} defaultValue={one.title} />
      </Field>
      <Field label="Severity">
        <select name="severity" className="field" defaultValue={one.severity}>
          {SEVERITIES.map((each) => (
            <option key={each} value={each}>
              {sentence(each)}
            </option>
          ))}
          <option value="">As its members say</option>
        </select>
      </Field>
      <Field label="Owner" hint="A user’s name.">
        <input name="owner" className="field" maxLength={200} defaultValue={one.owner ?? ""} />
      </Field>
      <Field label="Team">
        <select name="team_id" className="field" defaultValue={one.team_id ?? ""}>
          <option value="">None</option>
          {known.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <button type="submit" className="button button-primary" disabled={busy}>
        Save
      </button>
    </form>
  );
}
