import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ApiError, call } from "../../api/client";
import { type IntakeRule, type IntakeWish, intakeRules } from "../../api/intake";
import { clusters, me } from "../../api/queries";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { notify } from "../../shell/notice";
import { useNow } from "../../shell/store";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { IntakeForm } from "./IntakeForm";
import { does } from "./words";

/** The rules that shape alerts as they come in. */
export function IntakePage() {
  const list = useQuery(intakeRules);
  const user = useQuery(me);
  const fleet = useQuery(clusters);
  const names = useMemo(() => new Map(fleet.data?.map(({ id, name }) => [id, name])), [fleet.data]);
  const may = user.data !== undefined && user.data.role !== "viewer";
  const [open, setOpen] = useState<IntakeRule | "new" | null>(null);
  return (
    <Page>
      <PageHead title="Intake rules" note={list.data ? plural(list.data.length, "rule") : null}>
        {may ? (
          <button type="button" className="button button-primary" onClick={() => setOpen("new")}>
            New rule
          </button>
        ) : null}
      </PageHead>
      <p className="mb-3 max-w-3xl text-muted">
        Alerts are shaped as they come in, pushed and read ones alike: labels are taken out of texts or looked up in a table, and what is the
        same becomes one. Rules work in this order, on what comes from then on; what the sender wrote stays with the alert.
      </p>
      <QueryFailure what="Reading the rules" query={list} />
      <div className="panel">
        {list.isPending ? <Skeleton rows={4} /> : null}
        {list.data?.length ? (
          <ul aria-label="Rules" className="divide-y divide-line">
            {list.data.map((rule) => (
              <Row key={rule.id} rule={rule} names={names} onOpen={() => setOpen(rule)} />
            ))}
          </ul>
        ) : null}
        {list.data && !list.data.length ? (
          <Empty title="No rules yet">Alerts are kept as they are sent. Write a rule where they lack a team, or where one fault comes as many.</Empty>
        ) : null}
      </div>
      <Dialog drawer open={open !== null} onClose={() => setOpen(null)} title={open === "new" || !open ? "New rule" : open.name}>
        {open ? <Editing rule={open === "new" ? undefined : open} names={names} may={may} onDone={() => setOpen(null)} /> : null}
      </Dialog>
    </Page>
  );
}

function Row({ rule, names, onOpen }: { rule: IntakeRule; names: Map<string, string>; onOpen: () => void }) {
  const now = useNow();
  const whose = rule.cluster_ids?.map((id) => names.get(id) ?? id.slice(0, 8)).join(", ") ?? "all clusters";
  return (
    <li className="grid gap-x-4 gap-y-0.5 px-3 py-2 md:grid-cols-[48px_minmax(0,220px)_minmax(0,1fr)_auto] md:items-center">
      <span className="text-muted tabular-nums max-md:hidden" title="Its place in the order">
        {rule.position}
      </span>
      <span className={`min-w-0 truncate font-medium ${rule.enabled ? "" : "text-muted"}`}>
        <button type="button" className="link" onClick={onOpen}>
          {rule.name}
        </button>
        {rule.enabled ? null : <span className="ml-2 font-normal">(off)</span>}
      </span>
      <span className="min-w-0">
        <span className="block truncate" title={does(rule)}>
          {does(rule)}
        </span>
        <span className="block truncate text-meta text-muted">
          {whose}
          {rule.source ? `, from ${rule.source}` : ""}
          {rule.matchers.length ? `, ${plural(rule.matchers.length, "matcher")}` : ""}
        </span>
      </span>
      <span className="text-muted">
        {rule.changed_by}, {ago(rule.changed_at, now)}
      </span>
    </li>
  );
}

interface EditingProps {
  rule?: IntakeRule;
  names: Map<string, string>;
  may: boolean;
  onDone: () => void;
}

function Editing({ rule, names, may, onDone }: EditingProps) {
  const client = useQueryClient();
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (done: string, method: string, wish?: IntakeWish) => {
    setBusy(true);
    try {
      const body = wish && rule ? { ...wish, revision: rule.revision } : wish;
      await call(rule ? `alert-intake-rules/${rule.id}` : "alert-intake-rules", { method, body });
      notify({ text: done });
      onDone();
    } catch (error) {
      if (error instanceof ApiError) setProblem(error);
      else throw error;
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: intakeRules.queryKey });
    }
  };
  return (
    <IntakeForm
      rule={rule}
      names={names}
      may={may}
      busy={busy}
      problem={problem}
      onSubmit={(wish) => void run(rule ? "Rule changed" : "Rule added", rule ? "PUT" : "POST", wish)}
      onDelete={rule ? () => void run(`Rule ${rule.name} deleted`, "DELETE") : undefined}
    />
  );
}
