import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, call } from "../../api/client";
import { credentials } from "../../api/queries";
import type { Cluster, CredentialsTried } from "../../api/types";
import { sentence } from "../../lib/format";
import { formatDuration, stamp } from "../../lib/time";
import { notify } from "../../shell/notice";
import { useNow } from "../../shell/store";
import { FormProblem } from "../../shell/SignIn";
import { Dialog } from "../../ui/dialog";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { FactList } from "./Facts";
import { SignFields } from "./SignFields";
import { Trials } from "./Trials";
import { FormFault, type Sign, credentialsOf, fieldOf } from "./draft";

const WEEK_S = 7 * 86_400;

/** What kind of credentials the hub has, until when, and whether they still work. They are never shown themselves. */
export function CredentialsPanel({ cluster, role }: { cluster: Cluster; role: string | undefined }) {
  const now = useNow();
  const shown = useQuery(credentials(cluster.id));
  const [rotating, setRotating] = useState(false);
  const validate = useMutation({
    mutationFn: () => call<CredentialsTried>(`clusters/${cluster.id}/credentials/validate`, { method: "POST" }),
    onError: (error) => notify({ text: `Trying them failed: ${error.message}`, failed: true }),
  });
  const none = cluster.credential_kind === "NONE";
  const expiry = shown.data?.expires_at;
  const left = expiry ? (Date.parse(expiry) - now) / 1000 : null;
  return (
    <section aria-label="Credentials" className="panel p-3">
      <h2 className="mb-2 font-semibold">Credentials</h2>
      <QueryFailure what="Reading their kind" query={shown} />
      {shown.isPending ? <Skeleton rows={2} /> : null}
      {shown.data ? (
        <FactList
          facts={[
            ["Kind", none ? "no sign-in" : sentence(shown.data.kind)],
            ...(none
              ? []
              : ([
                  [
                    "End",
                    left === null || !expiry ? (
                      <span className="text-muted">not known</span>
                    ) : (
                      <span className={left < WEEK_S ? "font-medium text-high" : ""}>
                        {stamp(expiry)}, {left > 0 ? `in ${formatDuration(left)}` : `${formatDuration(-left)} ago`}
                      </span>
                    ),
                  ],
                  ["Renewed", shown.data.renewed ? "by the hub itself" : "by hand"],
                ] as [string, React.ReactNode][])),
          ]}
        />
      ) : null}
      {shown.data?.problem ? <p className="mt-2 text-critical">{shown.data.problem}</p> : null}
      {role && role !== "viewer" ? (
        <div className="mt-3 flex flex-wrap gap-2">
          <button type="button" className="button h-7" disabled={validate.isPending} onClick={() => validate.mutate()}>
            {validate.isPending ? "Trying…" : none ? "Try its endpoints" : "Try them"}
          </button>
          {role === "admin" ? (
            <button type="button" className="button h-7" onClick={() => setRotating(true)}>
              {none ? "Set" : "Rotate"}
            </button>
          ) : null}
        </div>
      ) : null}
      {validate.data ? (
        <div className="mt-3">
          <Trials endpoints={validate.data.endpoints} />
        </div>
      ) : null}
      <Dialog
        open={rotating}
        onClose={() => setRotating(false)}
        title={none ? `Set the credentials of ${cluster.name}` : `Rotate the credentials of ${cluster.name}`}
        description={
          none
            ? "They are tried first: what an endpoint refuses is not kept."
            : "Only what is seen to work takes the place of what does. They are kept encrypted and never shown again."
        }
      >
        <Rotate cluster={cluster} onDone={() => setRotating(false)} />
      </Dialog>
    </section>
  );
}

function Rotate({ cluster, onDone }: { cluster: Cluster; onDone: () => void }) {
  const client = useQueryClient();
  const none = cluster.credential_kind === "NONE" || !cluster.credential_kind;
  const [sign, setSign] = useState<Sign>(none ? "BEARER" : (cluster.credential_kind ?? "BEARER"));
  const [secret, setSecret] = useState<Record<string, string>>({});
  const save = useMutation({
    mutationFn: async () =>
      call<CredentialsTried>(`clusters/${cluster.id}/credentials${none ? "" : "/rotate"}`, {
        method: none ? "PUT" : "POST",
        body: credentialsOf({ sign, secret }),
      }),
    onSuccess: (tried) => {
      for (const topic of ["clusters", "credentials"]) void client.invalidateQueries({ queryKey: [topic] });
      const until = tried.former_in_use_until;
      notify({
        text: until
          ? `The new ones are in use. Take the former ones away in the cluster after ${stamp(until)}.`
          : "The credentials are kept.",
      });
      onDone();
    },
  });
  const { error } = save;
  const field =
    error instanceof FormFault ? error.field : error instanceof ApiError ? fieldOf(withCredentials(error.details), sign) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const trials = error instanceof ApiError ? (error.details?.endpoints as CredentialsTried["endpoints"] | undefined) : undefined;
  return (
    <form onSubmit={submit} noValidate className="space-y-3">
      <SignFields
        sign={sign}
        secret={secret}
        label="The hub signs in with"
        onSign={(next) => {
          setSign(next);
          setSecret({});
        }}
        onSecret={setSecret}
        faultOf={(one) => (one === field && error ? error.message : undefined)}
      />
      <FormProblem text={error && !field ? error.message : null} />
      {trials ? <Trials endpoints={trials} /> : null}
      <div className="flex justify-end gap-2">
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={save.isPending || sign === "NONE"}>
          {save.isPending ? "Trying…" : none ? "Set" : "Rotate"}
        </button>
      </div>
    </form>
  );
}

/** Here every field is one of the credentials. */
function withCredentials(details: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  return typeof details?.field === "string" ? { field: `credentials.${details.field}` } : details;
}
