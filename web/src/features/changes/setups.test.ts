import { expect, test } from "vitest";
import { setupOf } from "./setups";

test("what is pasted carries the address, and its body is JSON", () => {
  const body = (kind: "ARGOCD" | "GENERIC") => setupOf(kind, "https://hub.example/webhooks/changes/1", "t0ken").text?.body ?? "";
  expect(body("GENERIC")).toContain("https://hub.example/webhooks/changes/1");
  expect(body("GENERIC")).toContain("t0ken");
  expect(body("ARGOCD")).toContain("https://hub.example/webhooks/changes/1");
  // What goes into a ConfigMap holds no secret.
  expect(body("ARGOCD")).not.toContain("t0ken");
  const posted = /-d '(.*)'/.exec(setupOf("GENERIC", "u", "t").text?.body ?? "")?.[1] ?? "";
  expect(JSON.parse(posted)).toHaveProperty("key");
  const template = /body: \|\n([\s\S]*)\ntrigger/.exec(setupOf("ARGOCD", "u", "t").text?.body ?? "")?.[1] ?? "";
  expect(JSON.parse(template.replace(/: \{\{toJson [^}]*\}\}/g, ": 1"))).toHaveProperty("finished_at");
});
