import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { type Analysis, analysis } from "../../api/analysis";
import { call } from "../../api/client";
import { me } from "../../api/queries";
import type { Incident } from "../../api/types";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Markdown } from "../../ui/Markdown";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";

/** The incident in two sentences, what to do next, and what was done when something like it happened before. */
export function NextSteps({ one }: { one: Incident }) {
  const query = useQuery(analysis(one.id));
  const found = query.data;
  return (
    <>
      <QueryFailure what="Reading the analysis" query={query} />
      {query.isPending ? <SkeletonBlock height={120} /> : null}
      {found ? (
        <>
          <Summary found={found} />
          <Similar found={found} />
          <Runbooks found={found} />
          <Resolved one={one} found={found} />
        </>
      ) : null}
    </>
  );
}

function Summary({ found }: { found: Analysis }) {
  return (
    <section className="panel p-3" aria-label="In short">
      <h2 className="mb-1 font-semibold">In short</h2>
      <p>{found.executive_summary}</p>
      {found.suggested_actions.length ? (
        <>
          <h3 className="mt-2 font-medium">What to do next</h3>
          <ol className="mt-1 list-decimal space-y-1 pl-5">
            {found.suggested_actions.map((step) => (
              <li key={step.text}>
                {step.url ? (
                  <a className="link" href={step.url} target="_blank" rel="noopener noreferrer">
                    {step.text}
                  </a>
                ) : (
                  step.text
                )}
              </li>
            ))}
          </ol>
        </>
      ) : (
        <p className="mt-2 text-muted">
          Nothing is known that helped before.{" "}
          <Link to="/runbooks" className="link underline">
            Write a runbook
          </Link>{" "}
          for it.
        </p>
      )}
      {found.not_used.length ? <p className="mt-2 text-meta text-muted">Not used, since nobody keeps it here: {found.not_used.join(", ")}.</p> : null}
    </section>
  );
}

function Similar({ found }: { found: Analysis }) {
  const now = useNow();
  if (!found.similar_incidents.length) return null;
  return (
    <section className="panel p-3" aria-label="Similar incidents">
      <h2 className="mb-1 font-semibold">Like it before</h2>
      <ul className="space-y-2">
        {found.similar_incidents.map((other) => (
          <li key={other.id}>
            <Link to="/incidents/$incidentId" params={{ incidentId: other.id }} className="link">
              <span className="font-mono">{other.key}</span> {other.title}
            </Link>
            <p className="text-muted">
              {Math.round(other.alike * 100)} % alike ({other.in_common.slice(0, 4).join(", ")}), {ago(other.detected_at, now)}
            </p>
            {other.resolution ? <p>Resolved by: {other.resolution}</p> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Runbooks({ found }: { found: Analysis }) {
  return found.runbooks.map((book) => (
    <details key={book.id} className="panel p-3">
      <summary className="cursor-pointer font-semibold">
        {book.title}
        {book.owner ? <span className="font-normal text-muted"> · {book.owner}</span> : null}
      </summary>
      <div className="mt-2">
        <Markdown source={book.markdown} />
      </div>
    </details>
  ));
}

function Resolved({ one, found }: { one: Incident; found: Analysis }) {
  const user = useQuery(me);
  const client = useQueryClient();
  const [note, setNote] = useState("");
  const keep = useMutation({
    mutationFn: () => call(`analysis/${one.id}/resolution`, { method: "PUT", body: { note } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["incident", one.id] }),
  });
  if (found.resolution)
    return (
      <section className="panel p-3" aria-label="What resolved it">
        <h2 className="mb-1 font-semibold">What resolved it</h2>
        <p>{found.resolution.note}</p>
        <p className="text-muted">{found.resolution.by}</p>
      </section>
    );
  if (!user.data || user.data.role === "viewer" || one.status !== "RESOLVED") return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    keep.mutate();
  };
  return (
    <form className="panel p-3" onSubmit={submit}>
      <label className="font-semibold" htmlFor="resolution">
        What resolved it?
      </label>
      <textarea id="resolution" className="field mt-1 h-16 w-full py-1" value={note} onChange={(event) => setNote(event.target.value)} />
      <button type="submit" className="button mt-1" disabled={!note.trim() || keep.isPending}>
        Keep it for the next time
      </button>
      {keep.isError ? <p role="alert">{keep.error.message}</p> : null}
    </form>
  );
}
