import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { call } from "../../api/client";
import { type Team, teams } from "../../api/correlation";
import { parseMatchers, writeMatchers } from "../../lib/matchers";
import { notify } from "../../shell/notice";
import { Field } from "../../ui/dialog";

interface Props {
  team?: Team;
  onDone: () => void;
}

export function TeamForm({ team, onDone }: Props) {
  const client = useQueryClient();
  const [name, setName] = useState(team?.name ?? "");
  const [owned, setOwned] = useState(writeMatchers(team?.matchers ?? []));
  const [members, setMembers] = useState(team?.members.join(", ") ?? "");
  const [sure, setSure] = useState(false);
  const { matchers, bad } = parseMatchers(owned);
  const path = team ? `teams/${team.id}` : "teams";
  const done = (text: string) => {
    notify({ text });
    void client.invalidateQueries({ queryKey: teams.queryKey });
    void client.invalidateQueries({ queryKey: ["incidents"] });
    void client.invalidateQueries({ queryKey: ["incident"] });
    onDone();
  };
  const save = useMutation({
    mutationFn: () =>
      call<Team>(path, { method: team ? "PUT" : "POST", body: { name, matchers, members: namesIn(members) } }),
    onSuccess: () => done(team ? "Team changed" : "Team added"),
  });
  const drop = useMutation({
    mutationFn: () => call(path, { method: "DELETE" }),
    onSuccess: () => done(`Team ${team?.name} deleted`),
  });
  const failure = save.error ?? drop.error;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form className="space-y-3" onSubmit={submit}>
      <Field label="Name">
        <input className="field" required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field
        label="Owns what has these labels"
        hint="One set a line; a value may end with *. New incidents go by it; those that are open keep their team."
        fault={bad === null ? undefined : `“${bad}” names no label with a value: write name=value.`}
      >
        <textarea
          className="field h-28 py-1 font-mono"
          placeholder={"namespace=shop\nservice=cart*, env=prod"}
          value={owned}
          onChange={(event) => setOwned(event.target.value)}
        />
      </Field>
      <Field label="Members" hint="Names of users, parted by commas.">
        <input className="field" value={members} onChange={(event) => setMembers(event.target.value)} />
      </Field>
      {failure ? (
        <p role="alert" className="text-critical">
          {failure.message}
        </p>
      ) : null}
      <div className="flex flex-wrap items-center gap-2">
        <button type="submit" className="button button-primary" disabled={!name.trim() || bad !== null || save.isPending}>
          {team ? "Save" : "Add the team"}
        </button>
        {team ? (
          <button
            type="button"
            className="button ml-auto"
            disabled={drop.isPending}
            onClick={() => (sure ? drop.mutate() : setSure(true))}
          >
            {sure ? "Delete it: its incidents lose their team" : "Delete"}
          </button>
        ) : null}
      </div>
    </form>
  );
}

function namesIn(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}
