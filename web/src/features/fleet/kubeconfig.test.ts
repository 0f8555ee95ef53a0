import { load } from "js-yaml";
import { expect, test } from "vitest";
import { contextsOf, only, suggest } from "./kubeconfig";

const FILE = `
apiVersion: v1
kind: Config
current-context: admin@eu
contexts:
- {name: admin@eu, context: {cluster: eu, user: admin}}
- {name: lost, context: {cluster: gone, user: admin}}
- {name: us/dev, context: {cluster: us, user: dev}}
clusters:
- {name: eu, cluster: {server: "https://eu:6443"}}
- {name: us, cluster: {server: "https://us:6443"}}
users:
- {name: admin, user: {token: secret-of-admin}}
- {name: dev, user: {token: secret-of-dev}}
`;

test("contexts show where they lead, and what they lack", () => {
  expect(contextsOf(FILE)).toEqual([
    { name: "admin@eu", suggested: "admin-eu", server: "https://eu:6443", current: true, problem: null },
    { name: "lost", suggested: "lost", server: null, current: false, problem: "Its cluster is not in the file." },
    { name: "us/dev", suggested: "us-dev", server: "https://us:6443", current: false, problem: null },
  ]);
});

test("what is sent for one context has the secrets of no other", () => {
  const text = only(FILE, "us/dev");
  expect(text).not.toContain("secret-of-admin");
  expect(load(text)).toMatchObject({ "current-context": "us/dev", users: [{ user: { token: "secret-of-dev" } }] });
  expect(contextsOf(text)).toHaveLength(1);
});

test("what is no kubeconfig is told", () => {
  expect(contextsOf("contexts: [")).toMatch(/^This is no YAML/);
  expect(contextsOf("just words")).toBe("This is no kubeconfig.");
  expect(contextsOf("kind: Config")).toBe("The kubeconfig has no contexts.");
});

test("names are made such that the hub takes them", () => {
  expect(suggest("Kubernetes-Admin@Prod_EU/1 ")).toBe("kubernetes-admin-prod-eu-1");
});
