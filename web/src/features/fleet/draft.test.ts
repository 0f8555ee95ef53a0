import { expect, test } from "vitest";
import type { Cluster } from "../../api/types";
import { FormFault, changeOf, draftOf, fieldOf, formOf, readPairs, testOf } from "./draft";

const form = (more: object = {}) => ({ ...formOf(), name: "eu-1", prometheus_url: "http://p ", ...more });

const cluster: Cluster = {
  id: "1",
  name: "eu-1",
  display_name: "Europe",
  cluster_type: "SPOKE",
  platform: "STANDALONE",
  environment: "PRODUCTION",
  region: "eu",
  labels: { team: "ran" },
  prometheus_url: "http://p",
  credential_kind: "BEARER",
  created_at: "",
  updated_at: "",
  last_seen_at: null,
  status: { state: "ONLINE", connectivity: "CONNECTED", health_score: 100, endpoints: {}, checked_at: null },
};

test("a Prometheus alone needs a name and an address", () => {
  expect(draftOf(form())).toEqual({
    name: "eu-1",
    platform: "STANDALONE",
    cluster_type: "SPOKE",
    environment: "PRODUCTION",
    prometheus_url: "http://p",
  });
});

test("a cluster without a name is told so at its field", () => {
  expect(() => draftOf(form({ name: " " }))).toThrow("A cluster needs a name.");
});

test("what a platform or type does not take is not sent, though it was written before", () => {
  const written = { api_server_url: "https://api", loki_url: "http://loki" };
  expect(draftOf(form(written))).not.toHaveProperty("api_server_url");
  expect(draftOf(form({ ...written, platform: "KUBERNETES" }))).toMatchObject(written);
  expect(draftOf(form({ ...written, cluster_type: "EDGE" }))).not.toHaveProperty("loki_url");
  expect(draftOf(form({ ...written, platform: "HOST" }))).not.toHaveProperty("prometheus_url");
});

test("credentials go under their kind, and one that is missing is told at its field", () => {
  const basic = { sign: "BASIC", secret: { username: " me ", password: " p " } };
  expect(draftOf(form(basic)).credentials).toEqual({ kind: "BASIC", username: "me", password: " p " });
  expect(() => draftOf(form({ sign: "BASIC", secret: { username: "me" } }))).toThrow(FormFault);
});

test("an endpoint gets its own credentials where it has an address, and what is stored goes only when that is said", () => {
  const own = { LOKI: { sign: "BEARER", secret: { token: "t" } }, PROMETHEUS: { sign: "NONE", secret: {} } };
  expect(draftOf(form({ own, loki_url: "http://l" })).endpoint_credentials).toEqual({
    LOKI: { kind: "BEARER", token: "t" },
    PROMETHEUS: { kind: "NONE" },
  });
  expect(draftOf(form({ own: { LOKI: own.LOKI } }))).not.toHaveProperty("endpoint_credentials");
  expect(testOf(form({ own }))).toHaveProperty("endpoint_credentials");
  const missing = { own: { PROMETHEUS: { sign: "BEARER", secret: {} } } };
  expect(() => draftOf(form(missing))).toThrow(expect.objectContaining({ field: "own.PROMETHEUS.BEARER.token" }));
  expect(changeOf({ ...formOf(cluster), dropOwn: true }, cluster)).toEqual({ endpoint_credentials: {} });
});

test("labels, selectors and headers are lines", () => {
  expect(readPairs('team=ran\n\n cluster = "eu=1" ', "labels")).toEqual({ team: "ran", cluster: "eu=1" });
  expect(readPairs("X-Scope-OrgID: a:b", "headers", ":")).toEqual({ "X-Scope-OrgID": "a:b" });
  expect(() => readPairs("team", "labels")).toThrow("“team” is not key=value.");
  expect(() => readPairs("a=1\na=2", "labels")).toThrow("a is there twice.");
});

test("a change holds what was changed and nothing else", () => {
  const before = formOf(cluster);
  expect(changeOf(before, cluster)).toEqual({});
  expect(changeOf({ ...before, region: "", labels: "" }, cluster)).toEqual({ region: null, labels: {} });
  expect(changeOf({ ...before, display_name: "" }, cluster)).toEqual({ display_name: "eu-1" });
  expect(changeOf({ ...before, sign: "NONE" }, cluster)).toEqual({ credentials: null });
  expect(changeOf({ ...before, skip_verify: true }, cluster).tls).toMatchObject({ skip_verify: true });
});

test("a connection is tested without what does not matter to it", () => {
  expect(testOf(form({ labels: "a=b" }))).toEqual({ prometheus_url: "http://p" });
  expect(testOf(form({ prometheus_url: "" }))).toBeNull();
});

test("a refusal is shown where it belongs", () => {
  expect(fieldOf({ field: "prometheus_url" }, "NONE")).toBe("prometheus_url");
  expect(fieldOf({ field: "tls.ca_bundle" }, "NONE")).toBe("ca_bundle");
  expect(fieldOf({ field: "token_url" }, "OIDC")).toBe("OIDC.token_url");
  expect(fieldOf({ field: "name" }, "SECRET_REF")).toBe("name");
  expect(fieldOf({ field: "credentials" }, "KEEP")).toBe("sign");
  expect(fieldOf(undefined, "NONE")).toBeNull();
});
