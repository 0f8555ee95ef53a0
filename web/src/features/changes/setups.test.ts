import { expect, test } from "vitest";
import { setupOf } from "./setups";

test("what is pasted carries the address and the token, and its body is JSON", () => {
  for (const kind of ["ARGOCD", "GENERIC"] as const) {
    const body = setupOf(kind, "https://hub.example/webhooks/changes/1", "t0ken").text?.body ?? "";
    expect(body).toContain("https://hub.example/webhooks/changes/1");
    expect(body).toContain("t0ken");
  }
  const posted = /-d '(.*)'/.exec(setupOf("GENERIC", "u", "t").text?.body ?? "")?.[1] ?? "";
  expect(JSON.parse(posted)).toHaveProperty("key");
  const template = /body: \|\n([\s\S]*)\ntrigger/.exec(setupOf("ARGOCD", "u", "t").text?.body ?? "")?.[1] ?? "";
  expect(JSON.parse(template.replace(/: \{\{toJson [^}]*\}\}/g, ": 1"))).toHaveProperty("finished_at");
});
