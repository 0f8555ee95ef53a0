import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { type Window, type WindowWish, windows } from "../../api/maintenance";
import { me } from "../../api/queries";
import { plural } from "../../lib/format";
import { Dialog } from "../../ui/dialog";
import { Empty, Failure, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { Calendar } from "./Calendar";
import { Reminders } from "./Reminders";
import { Silences } from "./Silences";
import { WindowForm } from "./WindowForm";
import { matcherText, ruleWords } from "./terms";

export function MaintenancePage() {
  const client = useQueryClient();
  const list = useQuery(windows);
  const user = useQuery(me);
  const operator = user.data !== undefined && user.data.role !== "viewer";
  /** The window that is opened, or that one is made. */
  const [open, setOpen] = useState<string | null>(null);
  const opened = list.data?.items.find(({ id }) => id === open);
  const save = useMutation({
    mutationFn: (wish: WindowWish) =>
      opened
        ? call<Window>(`maintenance/${opened.id}`, { method: "PUT", body: { ...wish, revision: opened.revision } })
        : call<Window>("maintenance", { method: "POST", body: wish }),
    onSuccess: () => close(),
    onSettled: () => void client.invalidateQueries({ queryKey: ["maintenance"] }),
  });
  const close = () => {
    setOpen(null);
    save.reset();
  };
  return (
    <Page>
      <PageHead title="Maintenance" note="While these last, what matches is listed and alarms nobody">
        {operator ? (
          <button type="button" className="button button-primary" onClick={() => setOpen("new")}>
            New window
          </button>
        ) : null}
      </PageHead>
      <div className="space-y-3">
        <Reminders operator={operator} />
        <Calendar onOpen={setOpen} />
        <section aria-label="Windows" className="panel overflow-x-auto">
          <QueryFailure what="Reading the windows" query={list} />
          {list.isPending ? <Skeleton rows={4} /> : null}
          {list.data?.items.length ? <Rows items={list.data.items} operator={operator} onOpen={setOpen} /> : null}
          {list.data?.items.length === 0 ? (
            <Empty title="No window is planned">
              {operator
                ? "Plan the time when you work on something, once or every week: its alerts alarm nobody, and what still burns at the end fires then."
                : "An operator can plan the time of works."}
            </Empty>
          ) : null}
        </section>
        <Silences operator={operator} />
      </div>
      <Dialog open={open === "new" || opened !== undefined} onClose={close} title={opened ? opened.title : "New window"}>
        {opened && !(operator && opened.may_change) ? (
          <p className="text-muted">
            {ruleWords(opened)}, in {opened.timezone}. {opened.comment} You can’t change it: it also hides what is not in your scope, or
            your role only reads.
          </p>
        ) : (
          <WindowForm key={open} window={opened} problem={save.error} busy={save.isPending} onSubmit={(wish) => save.mutate(wish)} onCancel={close} />
        )}
      </Dialog>
    </Page>
  );
}

function Rows({ items, operator, onOpen }: { items: Window[]; operator: boolean; onOpen: (id: string) => void }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<string | null>(null);
  const again = () => void client.invalidateQueries({ queryKey: ["maintenance"] });
  const cut = useMutation({
    mutationFn: ({ id, starts_at }: { id: string; starts_at: string }) => call(`maintenance/${id}/cut`, { method: "POST", body: { starts_at } }),
    onSettled: again,
  });
  const remove = useMutation({ mutationFn: (id: string) => call(`maintenance/${id}`, { method: "DELETE" }), onSettled: again });
  return (
    <>
      {cut.isError ? <Failure what="Ending it" error={cut.error} /> : null}
      {remove.isError ? <Failure what="Deleting it" error={remove.error} /> : null}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col">Now</th>
            <th scope="col">Next</th>
            <th scope="col">Repeats</th>
            <th scope="col">Where</th>
            <th scope="col">Alerts</th>
            <th scope="col">
              <span className="sr-only">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => {
            const due = one.active ?? one.following;
            return (
              <tr key={one.id} className={due ? "" : "text-muted"}>
                <td>
                  <button type="button" className="link text-left" onClick={() => onOpen(one.id)}>
                    {one.title}
                  </button>
                  <Pushed window={one} />
                </td>
                <td>{one.active ? <Running window={one} until={one.active.ends_at} /> : due ? "—" : "over"}</td>
                <td>{one.following ? at(one.following.starts_at) : "—"}</td>
                <td title={one.rrule || undefined}>
                  {ruleWords(one)} <span className="text-meta text-muted">{one.timezone}</span>
                </td>
                <td className="font-mono text-meta">{one.clusters === null ? "everywhere" : one.clusters.map(({ name }) => name).join(", ")}</td>
                <td className="font-mono text-meta">{one.matchers.length ? one.matchers.map(matcherText).join(", ") : "all"}</td>
                <td className="whitespace-nowrap">
                  {operator && one.may_change ? (
                    <span className="flex justify-end gap-1">
                      {due ? (
                        <button type="button" className="button h-7" disabled={cut.isPending} onClick={() => cut.mutate({ id: one.id, starts_at: due.starts_at })}>
                          {one.active ? "End now" : "Skip the next"}
                        </button>
                      ) : null}
                      <button
                        type="button"
                        className="button h-7"
                        disabled={remove.isPending}
                        onBlur={() => setAsked(null)}
                        onClick={() => (asked === one.id ? remove.mutate(one.id) : setAsked(one.id))}
                      >
                        {asked === one.id ? "Really delete" : "Delete"}
                      </button>
                    </span>
                  ) : null}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

function Running({ window, until }: { window: Window; until: string }) {
  return (
    <span className="font-medium text-medium">
      until {at(until)}
      {window.hides ? `, hides ${plural(window.hides, "alert")}` : ", hides nothing"}
    </span>
  );
}

/** What the clusters' Alertmanagers were told, where that failed. */
function Pushed({ window }: { window: Window }) {
  const failed = window.pushed.filter(({ error }) => error);
  if (!failed.length) return null;
  return (
    <p className="text-meta text-critical" title={failed.map(({ error }) => error).join("\n")}>
      not silenced in {plural(failed.length, "Alertmanager")}
    </p>
  );
}

function at(text: string): string {
  return new Date(text).toLocaleString(undefined, { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });
}
