import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { NewIncident as Draft } from "../../api/correlation";
import { clusters } from "../../api/queries";
import type { Incident, Severity } from "../../api/types";
import { sentence } from "../../lib/format";
import { Dialog, Field } from "../../ui/dialog";
import { useHands } from "./hands";

/** Opens an incident of which no alert tells. */
export function NewIncident() {
  const [open, setOpen] = useState(false);
  const fleet = useQuery({ ...clusters, enabled: open });
  const navigate = useNavigate();
  const { busy, run } = useHands();
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const draft: Draft = {
      title: String(form.get("title")),
      severity: form.get("severity") as Severity,
      clusters: form.getAll("clusters").map(String),
      note: String(form.get("note")),
    };
    const made = await run<Incident>("Incident opened", "incidents", draft);
    if (!made) return;
    setOpen(false);
    void navigate({ to: "/incidents/$incidentId", params: { incidentId: made.id } });
  };
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        New incident
      </button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="New incident"
        description="For what no alert tells of. It stays open until somebody resolves it."
      >
        <form onSubmit={(event) => void send(event)} className="space-y-3">
          <Field label="Title">
            <input name="title" className="field" required maxLength={300} />
          </Field>
          <Field label="Severity">
            <select name="severity" className="field" defaultValue="HIGH">
              {["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"].map((each) => (
                <option key={each} value={each}>
                  {sentence(each)}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Clusters" hint="Which it concerns: whoever sees one of them sees the incident.">
            <select name="clusters" className="field h-28" multiple required>
              {fleet.data?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
          <Field label="What is known">
            <textarea name="note" className="field h-20 py-1" rows={3} maxLength={4000} />
          </Field>
          <button type="submit" className="button button-primary" disabled={busy}>
            Open it
          </button>
        </form>
      </Dialog>
    </>
  );
}
