import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { call } from "../../api/client";
import { clusters } from "../../api/queries";
import type { NewSource } from "../../api/types";
import { FormProblem } from "../../shell/SignIn";
import { Copyable } from "../../ui/Copyable";
import { Dialog, Field } from "../../ui/dialog";
import { snippetsOf } from "./snippets";

export function NewSourceDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const make = useMutation({
    mutationFn: (body: { name: FormDataEntryValue | null; cluster_id: FormDataEntryValue | null }) =>
      call<NewSource>("sources", { method: "POST", body }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["sources"] }),
  });
  const close = () => {
    make.reset();
    onClose();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    make.mutate({ name: form.get("name"), cluster_id: form.get("cluster_id") });
  };
  return (
    <Dialog open={open} onClose={close} title={make.data ? `${make.data.name} may send` : "New source"} sturdy={Boolean(make.data)}>
      {make.data ? (
        <Token token={make.data.token} onClose={close} />
      ) : (
        <Form onSubmit={submit} onClose={close} busy={make.isPending} problem={make.error?.message ?? null} />
      )}
    </Dialog>
  );
}

interface FormProps {
  onSubmit: (event: FormEvent<HTMLFormElement>) => void;
  onClose: () => void;
  busy: boolean;
  problem: string | null;
}

function Form({ onSubmit, onClose, busy, problem }: FormProps) {
  const fleet = useQuery(clusters);
  if (fleet.data?.length === 0)
    return (
      <p>
        What a source sends belongs to a cluster, and there is none yet.{" "}
        <Link to="/fleet" className="link">
          Add one to the fleet
        </Link>{" "}
        first.
      </p>
    );
  return (
    <form onSubmit={onSubmit} className="space-y-3">
      <Field label="Name" hint="Who sends, such as alertmanager-eu">
        <input name="name" className="field" required autoFocus />
      </Field>
      <Field label="Cluster" hint="All that it sends belongs to this cluster">
        <select name="cluster_id" className="field" required>
          {fleet.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </Field>
      <FormProblem text={problem} />
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={busy}>
          {busy ? "Making…" : "Make it"}
        </button>
      </div>
    </form>
  );
}

function Token({ token, onClose }: { token: string; onClose: () => void }) {
  const snippets = snippetsOf(location.origin, token);
  const [at, setAt] = useState(0);
  const shown = snippets[at];
  return (
    <div className="space-y-3">
      <p>
        This is its token, <strong>shown only now</strong>. Keep it where the sender reads it; if it gets lost, make a
        new source.
      </p>
      <Copyable label="Token" text={token} />
      <div role="group" aria-label="What sends" className="flex flex-wrap gap-1">
        {snippets.map(({ title }, index) => (
          <button key={title} type="button" className="button h-7 aria-pressed:bg-raised aria-pressed:font-medium" aria-pressed={index === at} onClick={() => setAt(index)}>
            {title}
          </button>
        ))}
      </div>
      {shown ? (
        <div>
          <p className="mb-1 text-muted">{shown.hint}</p>
          <Copyable label={shown.title} text={shown.text} />
        </div>
      ) : null}
      <div className="flex justify-end">
        <button type="button" className="button button-primary" onClick={onClose}>
          I have it
        </button>
      </div>
    </div>
  );
}
