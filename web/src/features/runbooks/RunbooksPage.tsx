import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Runbook, runbooks } from "../../api/analysis";
import { me } from "../../api/queries";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { Markdown } from "../../ui/Markdown";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { RunbookForm } from "./RunbookForm";
import { writeMatchers } from "../../lib/matchers";

/** What people wrote down to do, and what for. */
export function RunbooksPage() {
  const query = useQuery(runbooks);
  const user = useQuery(me);
  const [openId, setOpen] = useState<string | null>(null);
  const [editing, setEditing] = useState<"new" | "this" | null>(null);
  const items = query.data?.items ?? [];
  const shown = items.find(({ id }) => id === openId) ?? items[0];
  const may = user.data !== undefined && user.data.role !== "viewer";
  const close = (saved?: Runbook) => {
    if (saved) setOpen(saved.id);
    setEditing(null);
  };
  return (
    <Page>
      <PageHead title="Runbooks" note="What to do, shown with the incidents that it is for">
        {may ? (
          <button type="button" className="button button-primary" onClick={() => setEditing("new")}>
            Write a runbook
          </button>
        ) : null}
      </PageHead>
      <QueryFailure what="Reading the runbooks" query={query} />
      {query.isPending ? <Skeleton rows={6} /> : null}
      {editing === "new" ? <RunbookForm onDone={close} /> : null}
      {query.data && !items.length && editing === null ? (
        <Empty title="No runbook yet">Write down what helps: it is suggested whenever what it is for fails again.</Empty>
      ) : null}
      {shown && editing !== "new" ? (
        <div className="grid items-start gap-3 lg:grid-cols-[280px_minmax(0,1fr)]">
          <nav aria-label="Runbooks" className="panel divide-y divide-line">
            {items.map((one) => (
              <button
                key={one.id}
                type="button"
                aria-current={one.id === shown.id}
                className={`block w-full px-3 py-1.5 text-left ${one.id === shown.id ? "bg-raised font-medium" : ""}`}
                onClick={() => {
                  setOpen(one.id);
                  setEditing(null);
                }}
              >
                {one.title}
              </button>
            ))}
          </nav>
          {editing === "this" ? (
            <RunbookForm key={shown.id} book={shown} onDone={close} />
          ) : (
            <Shown book={shown} onEdit={may ? () => setEditing("this") : undefined} />
          )}
        </div>
      ) : null}
    </Page>
  );
}

function Shown({ book, onEdit }: { book: Runbook; onEdit?: () => void }) {
  const now = useNow();
  return (
    <article className="panel min-w-0 p-3">
      <header className="mb-2 flex flex-wrap items-baseline gap-x-3">
        <h2 className="text-[15px] font-semibold">{book.title}</h2>
        <span className="text-muted">
          {book.owner ? `${book.owner} · ` : ""}changed by {book.changed_by} {ago(book.changed_at, now)}
        </span>
        {onEdit ? (
          <button type="button" className="button ml-auto h-7" onClick={onEdit}>
            Change
          </button>
        ) : null}
      </header>
      <p className="mb-2 font-mono text-meta whitespace-pre-wrap text-muted">
        {book.matchers.length ? `for ${writeMatchers(book.matchers)}` : "for nothing yet: it has no matcher"}
      </p>
      <Markdown source={book.markdown} />
    </article>
  );
}
