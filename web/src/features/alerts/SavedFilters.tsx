import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { defaultParseSearch, defaultStringifySearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiError, call } from "../../api/client";
import { me, savedFilters } from "../../api/queries";
import type { SavedFilter } from "../../api/types";
import type { AlertsSearch } from "../../router/search";
import { notify } from "../../shell/notice";
import { FormProblem } from "../../shell/SignIn";
import { Dialog, Field } from "../../ui/dialog";
import { asQuery } from "./words";

interface Props {
  search: AlertsSearch;
  /** In place of all that narrows the page now. */
  use: (search: AlertsSearch) => void;
}

const SAVE = "save";

/** Filters that people keep: their own, then those that others share. */
export function SavedFilters({ search, use }: Props) {
  const filters = useQuery(savedFilters);
  const user = useQuery(me);
  const client = useQueryClient();
  const [saving, setSaving] = useState(false);
  const now = asQuery(search, defaultStringifySearch);
  const items = filters.data ?? [];
  const mine = (one: SavedFilter) => one.owner_id === user.data?.id;
  const chosen = items.find((one) => one.query === now);
  const remove = useMutation({
    mutationFn: (one: SavedFilter) => call(`alert-filters/${one.id}`, { method: "DELETE" }),
    onSuccess: (_, one) => {
      void client.invalidateQueries({ queryKey: savedFilters.queryKey });
      notify({ text: `The filter ${one.name} is deleted` });
    },
    onError: (error) => notify({ text: error.message, failed: true }),
  });
  const choose = (value: string) => {
    if (value === SAVE) return setSaving(true);
    const wanted = items.find((one) => one.id === value);
    use(wanted ? (defaultParseSearch(`?${wanted.query}`) as AlertsSearch) : {});
  };
  const group = (label: string, of: SavedFilter[]) =>
    of.length ? (
      <optgroup label={label}>
        {of.map((one) => (
          <option key={one.id} value={one.id}>
            {mine(one) ? one.name : `${one.name} (${one.owner})`}
          </option>
        ))}
      </optgroup>
    ) : null;
  return (
    <>
      <select
        aria-label="Saved filters"
        className="field w-auto max-w-44"
        value={chosen?.id ?? ""}
        onChange={(event) => choose(event.target.value)}
      >
        <option value="">{filters.isError ? "Saved filters can't be read" : "Saved filters"}</option>
        {group("Yours", items.filter(mine))}
        {group("Shared by others", items.filter((one) => !mine(one)))}
        {now && !chosen ? <option value={SAVE}>Save this filter…</option> : null}
      </select>
      {chosen && (mine(chosen) || user.data?.role === "admin") ? (
        <button type="button" className="button px-2" disabled={remove.isPending} onClick={() => remove.mutate(chosen)}>
          Delete filter
        </button>
      ) : null}
      <Dialog
        open={saving}
        onClose={() => setSaving(false)}
        title="Save this filter"
        description="It keeps what is asked for, not the alerts. One of yours with the same name is replaced."
      >
        <SaveForm query={now} mayShare={user.data !== undefined && user.data.role !== "viewer"} onDone={() => setSaving(false)} />
      </Dialog>
    </>
  );
}

function SaveForm({ query, mayShare, onDone }: { query: string; mayShare: boolean; onDone: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const save = useMutation({
    mutationFn: () => call<SavedFilter>("alert-filters", { method: "POST", body: { name, query, shared } }),
    onSuccess: (kept) => {
      void client.invalidateQueries({ queryKey: savedFilters.queryKey });
      notify({ text: `The filter ${kept.name} is saved` });
      onDone();
    },
  });
  const field = save.error instanceof ApiError ? save.error.details?.field : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit} noValidate className="space-y-3">
      <Field label="Name" fault={field === "name" ? save.error?.message : undefined}>
        <input className="field" value={name} maxLength={100} autoFocus onChange={(event) => setName(event.target.value)} />
      </Field>
      {mayShare ? (
        <label className="flex items-center gap-2">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={shared}
            onChange={(event) => setShared(event.target.checked)}
          />
          Everyone may use it
        </label>
      ) : null}
      <FormProblem text={save.error && field !== "name" ? save.error.message : null} />
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={save.isPending || !name.trim()}>
          {save.isPending ? "Saving…" : "Save"}
        </button>
      </div>
    </form>
  );
}
