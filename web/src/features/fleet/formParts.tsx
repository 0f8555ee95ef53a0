import { type ReactNode, useState } from "react";
import type { Form } from "./draft";

/** What every part of the form of a cluster is given. */
export interface PartProps {
  form: Form;
  set: (part: Partial<Form>) => void;
  faultOf: (field: string) => string | undefined;
}

/** A part that most never need; a fault in it opens it. */
export function Folded({ title, note, faulty, children }: { title: string; note: string; faulty: boolean; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="panel" open={open || faulty} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="flex min-h-9 cursor-pointer flex-wrap items-center gap-x-3 px-3 font-semibold">
        {title} <span className="font-normal text-muted">{note}</span>
      </summary>
      <div className="grid gap-3 border-t border-line p-3 sm:grid-cols-2">{children}</div>
    </details>
  );
}
