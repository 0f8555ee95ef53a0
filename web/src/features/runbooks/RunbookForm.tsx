import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Runbook } from "../../api/analysis";
import { call } from "../../api/client";
import { Markdown } from "../../ui/Markdown";
import { parseMatchers, writeMatchers } from "../../lib/matchers";

interface Props {
  book?: Runbook;
  onDone: (saved?: Runbook) => void;
}

/** Writes a runbook, with how it will look beside it. */
export function RunbookForm({ book, onDone }: Props) {
  const client = useQueryClient();
  const [title, setTitle] = useState(book?.title ?? "");
  const [owner, setOwner] = useState(book?.owner ?? "");
  const [matching, setMatching] = useState(writeMatchers(book?.matchers ?? []));
  const [markdown, setMarkdown] = useState(book?.markdown ?? "");
  const { matchers, bad } = parseMatchers(matching);
  const done = (saved?: Runbook) => {
    void client.invalidateQueries({ queryKey: ["runbooks"] });
    void client.invalidateQueries({ queryKey: ["incident"] });
    onDone(saved);
  };
  const save = useMutation({
    mutationFn: () =>
      call<Runbook>(book ? `runbooks/${book.id}` : "runbooks", {
        method: book ? "PUT" : "POST",
        body: { title, owner, matchers, markdown },
      }),
    onSuccess: done,
  });
  const drop = useMutation({ mutationFn: () => call(`runbooks/${book?.id}`, { method: "DELETE" }), onSuccess: () => done() });
  const failure = save.error ?? drop.error;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="panel grid min-w-0 gap-3 p-3 xl:grid-cols-2" onSubmit={submit}>
      <div className="min-w-0 space-y-2">
        <label className="block">
          Title
          <input className="field mt-0.5 w-full" required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} />
        </label>
        <label className="block">
          Owner
          <input className="field mt-0.5 w-full" maxLength={200} value={owner} onChange={(event) => setOwner(event.target.value)} />
        </label>
        <label className="block">
          For what has these labels, one set a line; a value may end with *
          <textarea
            className="field mt-0.5 h-16 w-full py-1 font-mono"
            placeholder="alertname=HighErrorRate, service=cart*"
            aria-invalid={bad !== null}
            value={matching}
            onChange={(event) => setMatching(event.target.value)}
          />
        </label>
        {bad !== null ? <p role="alert">“{bad}” names no label with a value: write name=value.</p> : null}
        <label className="block">
          What to do, in Markdown
          <textarea className="field mt-0.5 h-64 w-full py-1 font-mono" value={markdown} onChange={(event) => setMarkdown(event.target.value)} />
        </label>
        {failure ? <p role="alert">{failure.message}</p> : null}
        <p className="flex gap-2">
          <button type="submit" className="button button-primary" disabled={!title.trim() || bad !== null || save.isPending}>
            Keep
          </button>
          <button type="button" className="button" onClick={() => onDone()}>
            Cancel
          </button>
          {book ? (
            <button type="button" className="button ml-auto" disabled={drop.isPending} onClick={() => drop.mutate()}>
              Delete
            </button>
          ) : null}
        </p>
      </div>
      <section className="min-w-0" aria-label="How it will look">
        <p className="mb-1 text-muted">How it will look</p>
        <Markdown source={markdown} />
      </section>
    </form>
  );
}
