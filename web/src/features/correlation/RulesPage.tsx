import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type CorrelationRule, type RuleDraft, rules } from "../../api/correlation";
import { ApiError, call } from "../../api/client";
import { me } from "../../api/queries";
import { plural, sentence } from "../../lib/format";
import { ago, stamp } from "../../lib/time";
import { notify } from "../../shell/notice";
import { useNow } from "../../shell/store";
import { Dialog } from "../../ui/dialog";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { RuleForm } from "./RuleForm";
import { span } from "./words";

/** The rules by which people gather alerts beside what the hub finds out by itself. */
export function RulesPage() {
  const list = useQuery(rules);
  const user = useQuery(me);
  const may = user.data !== undefined && user.data.role !== "viewer";
  const [open, setOpen] = useState<CorrelationRule | "new" | null>(null);
  return (
    <Page>
      <PageHead title="Correlation rules" note={list.data ? plural(list.data.length, "rule") : null}>
        {may ? (
          <button type="button" className="button button-primary" onClick={() => setOpen("new")}>
            New rule
          </button>
        ) : null}
      </PageHead>
      <p className="mb-3 max-w-3xl text-muted">
        Alerts come together by themselves: the same place, time, topology, or the same alert across clusters. A rule says
        more: what it matches becomes one incident, or stays apart. The first rule that matches decides.
      </p>
      <QueryFailure what="Reading the rules" query={list} />
      <div className="panel">
        {list.isPending ? <Skeleton rows={4} /> : null}
        {list.data?.length ? (
          <ul aria-label="Rules" className="divide-y divide-line">
            {list.data.map((rule) => (
              <Row key={rule.id} rule={rule} may={may} onOpen={() => setOpen(rule)} />
            ))}
          </ul>
        ) : null}
        {list.data && !list.data.length ? (
          <Empty title="No rules yet">
            None is needed. Write one where you know better than the hub what belongs together, and try it on the last day
            first.
          </Empty>
        ) : null}
      </div>
      <Dialog drawer open={open !== null} onClose={() => setOpen(null)} title={open === "new" || !open ? "New rule" : open.name}>
        {open ? <Editing rule={open === "new" ? undefined : open} may={may} onDone={() => setOpen(null)} /> : null}
      </Dialog>
    </Page>
  );
}

function Row({ rule, may, onOpen }: { rule: CorrelationRule; may: boolean; onOpen: () => void }) {
  const now = useNow();
  const how = rule.action === "APART" ? "keeps apart" : `gathers ${rule.group_by.length ? `by ${rule.group_by.join(", ")}` : "all"}, ${span(rule.within_s)} apart at most`;
  return (
    <li className="grid gap-x-4 gap-y-0.5 px-3 py-2 md:grid-cols-[minmax(0,220px)_minmax(0,1fr)_auto] md:items-center">
      <span className={`min-w-0 truncate font-medium ${rule.enabled ? "" : "text-muted"}`}>
        <button type="button" className="link" onClick={onOpen}>
          {rule.name}
        </button>
        {rule.enabled ? null : <span className="ml-2 font-normal">(off)</span>}
      </span>
      <span className="min-w-0">
        <code className="block truncate font-mono" title={rule.expression}>
          {rule.expression}
        </code>
        <span className="text-muted">
          {sentence(how)}
          {rule.failures ? (
            <span className="text-critical" title={rule.last_failure ?? undefined}>
              {" "}
              · could not judge {plural(rule.failures, "alert")}
            </span>
          ) : null}
          {rule.failures && rule.last_failure ? <span className="block">Last: {rule.last_failure}</span> : null}
          {rule.enabled && rule.left_out_until && new Date(rule.left_out_until).getTime() > now ? (
            <span className="block text-critical">Took too long: left out until {stamp(rule.left_out_until)}</span>
          ) : null}
        </span>
      </span>
      <span className="text-muted">
        {rule.changed_by}, {ago(rule.changed_at, now)}
        {may ? null : <span className="sr-only"> read only</span>}
      </span>
    </li>
  );
}

function Editing({ rule, may, onDone }: { rule?: CorrelationRule; may: boolean; onDone: () => void }) {
  const client = useQueryClient();
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (done: string, method: string, body?: RuleDraft) => {
    setBusy(true);
    try {
      await call(rule ? `correlation-rules/${rule.id}` : "correlation-rules", { method, body });
      notify({ text: done });
      onDone();
    } catch (error) {
      if (error instanceof ApiError) setProblem(error);
      else throw error;
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: rules.queryKey });
    }
  };
  return (
    <RuleForm
      rule={rule}
      may={may}
      busy={busy}
      problem={problem}
      onSubmit={(draft) => void run(rule ? "Rule changed" : "Rule added", rule ? "PUT" : "POST", draft)}
      onDelete={rule ? () => void run(`Rule ${rule.name} deleted`, "DELETE") : undefined}
    />
  );
}
