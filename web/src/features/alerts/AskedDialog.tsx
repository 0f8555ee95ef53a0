import { type FormEvent, useState } from "react";
import { plural } from "../../lib/format";
import { stamp } from "../../lib/time";
import { Dialog, Field } from "../../ui/dialog";
import { type On, SNOOZES, type Wish, snoozeEnd } from "./acting";

/** What must be asked before it can be done. */
export interface Asked {
  kind: "snooze" | "comment" | "assign" | "escalate";
  on: On;
}

const TITLES = { snooze: "Snooze", comment: "Comment", assign: "Assign", escalate: "Escalate" };
const DONE = { snooze: "snoozed", comment: "commented", assign: "assigned", escalate: "escalated" };

interface Props {
  asked: Asked | null;
  onClose: () => void;
  act: (wish: Wish, on: On, done: string) => Promise<boolean>;
  done: () => void;
}

export function AskedDialog({ asked, onClose, act, done }: Props) {
  const many = asked && Array.isArray(asked.on) ? plural(asked.on.length, "alert") : "all alerts of this filter";
  const title = asked ? `${TITLES[asked.kind]} ${many}` : "";
  const go = async (wish: Wish) => {
    if (!asked || !(await act(wish, asked.on, DONE[asked.kind]))) return;
    onClose();
    done();
  };
  return (
    <Dialog open={asked !== null} onClose={onClose} title={title}>
      {asked?.kind === "snooze" ? <Snooze go={go} /> : null}
      {asked && asked.kind !== "snooze" ? <Words kind={asked.kind} go={go} /> : null}
    </Dialog>
  );
}

function Snooze({ go }: { go: (wish: Wish) => Promise<void> }) {
  return (
    <>
      <p className="mb-3 text-muted">Out of sight and silent until then, also where they begin anew; then they come back by themselves.</p>
      <ul className="grid gap-2 sm:grid-cols-2">
        {SNOOZES.map(([words, minutes]) => {
          const until = snoozeEnd(minutes);
          return (
            <li key={words}>
              <button type="button" className="button w-full justify-between" onClick={() => void go({ snooze_until: snoozeEnd(minutes) })}>
                {words} <span className="text-meta text-muted">{stamp(until)}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Words({ kind, go }: { kind: "comment" | "assign" | "escalate"; go: (wish: Wish) => Promise<void> }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const said = text.trim();
    if (!said) return;
    setBusy(true);
    await go(kind === "comment" ? { comment: said } : kind === "assign" ? { assignee: said } : { escalate_to: said });
    setBusy(false);
  };
  const label = kind === "comment" ? "What others should know" : kind === "assign" ? "A user or team" : "Who is asked for help";
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Field label={label} hint={kind === "escalate" ? "It is noted and shown; nobody is written to yet." : undefined}>
        {kind === "comment" ? (
          <textarea autoFocus className="field h-24 py-1" maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} />
        ) : (
          <input autoFocus className="field" maxLength={128} value={text} onChange={(event) => setText(event.target.value)} />
        )}
      </Field>
      <button type="submit" className="button button-primary mt-3" disabled={busy || !text.trim()}>
        {TITLES[kind]}
      </button>
    </form>
  );
}
