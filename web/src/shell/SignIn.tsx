import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError, call } from "../api/client";
import { me } from "../api/queries";
import type { User } from "../api/types";
import { Field } from "../ui/dialog";

/** Only a path of this console: never another host. */
function safe(next: string | undefined): string {
  return next && next.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/fleet";
}

export function SignIn() {
  useEffect(() => {
    document.title = "Sign in · AIOps";
  }, []);
  const user = useQuery({ ...me, retry: false });
  const mustChange = user.data?.must_change_password ?? false;
  return (
    <main className="grid min-h-full place-items-center p-4">
      <div className="panel w-full max-w-sm p-6">
        <p className="mb-1 flex items-center gap-2 font-semibold">
          <img src="/icon.svg" alt="" className="size-5" /> AIOps
        </p>
        {mustChange ? <ChangePassword username={user.data?.username ?? ""} /> : <Credentials />}
      </div>
    </main>
  );
}

function useArrive() {
  const client = useQueryClient();
  const router = useRouter();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/sign-in" });
  return async (user: User) => {
    // Nothing that the one before could see stays for the next.
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== me.queryKey[0] });
    client.setQueryData(me.queryKey, user);
    if (user.must_change_password) return;
    await navigate({ to: "/fleet", replace: true, ignoreBlocker: true });
    router.history.replace(safe(next));
  };
}

function Credentials() {
  const arrive = useArrive();
  const { ended } = useSearch({ from: "/sign-in" });
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      await call("auth/login", {
        method: "POST",
        body: { username: form.get("username"), password: form.get("password") },
      });
      await arrive(await call<User>("auth/me"));
    } catch (error) {
      setProblem(said(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="space-y-3">
      <h1 className="text-title font-semibold">Sign in</h1>
      {ended && !problem ? (
        <p role="status" className="text-muted">
          Your session has ended. Sign in and you are back where you were.
        </p>
      ) : null}
      <Field label="User name">
        <input name="username" className="field" autoComplete="username" autoFocus required />
      </Field>
      <Field label="Password" hint="The first start printed one for admin.">
        <input name="password" type="password" className="field" autoComplete="current-password" required />
      </Field>
      <FormProblem text={problem} />
      <button type="submit" className="button button-primary w-full" disabled={busy}>
        {busy ? "Signing in…" : "Sign in"}
      </button>
    </form>
  );
}

function ChangePassword({ username }: { username: string }) {
  const arrive = useArrive();
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (form.get("new") !== form.get("again")) return setProblem("The two new passwords differ");
    setBusy(true);
    setProblem(null);
    try {
      const body = { current_password: form.get("current"), new_password: form.get("new") };
      await call("auth/password", { method: "POST", body });
      await arrive(await signedIn(username, String(form.get("new"))));
    } catch (error) {
      setProblem(said(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className="space-y-3">
      <h1 className="text-title font-semibold">Choose your own password</h1>
      <p className="text-muted">The one you signed in with was made for the first start only.</p>
      <input type="hidden" name="username" autoComplete="username" value={username} readOnly />
      <Field label="Current password">
        <input name="current" type="password" className="field" autoComplete="current-password" autoFocus required />
      </Field>
      <Field label="New password" hint="At least 10 characters">
        <input name="new" type="password" className="field" autoComplete="new-password" required />
      </Field>
      <Field label="New password again">
        <input name="again" type="password" className="field" autoComplete="new-password" required />
      </Field>
      <FormProblem text={problem} />
      <button type="submit" className="button button-primary w-full" disabled={busy}>
        {busy ? "Changing…" : "Change and go on"}
      </button>
    </form>
  );
}

/** A changed password may end all sessions, this one too: sign in with the new one. */
async function signedIn(username: string, password: string): Promise<User> {
  try {
    return await call<User>("auth/me");
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    await call("auth/login", { method: "POST", body: { username, password } });
    return call<User>("auth/me");
  }
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function FormProblem({ text }: { text: string | null }) {
  return text ? (
    <p role="alert" className="text-critical">
      {text}
    </p>
  ) : null;
}
