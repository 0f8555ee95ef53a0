import type { Cluster, ClusterChange, ClusterDraft, CredentialKind, Credentials } from "../../api/types";

export type Sign = CredentialKind | "KEEP";

/** The form as it is written, all of it text; `draftOf` and `changeOf` make of it what is sent. */
export interface Form {
  name: string;
  display_name: string;
  platform: string;
  cluster_type: string;
  environment: string;
  region: string;
  labels: string;
  prometheus_url: string;
  api_server_url: string;
  alertmanager_url: string;
  alertmanager_peer_url: string;
  loki_url: string;
  tempo_url: string;
  selector: string;
  proxy_url: string;
  headers: string;
  ca_bundle: string;
  server_name: string;
  skip_verify: boolean;
  sign: Sign;
  secret: Record<string, string>;
  /** What single endpoints take in place of that. */
  own: Partial<Record<EndpointKind, Pick<Form, "sign" | "secret">>>;
  /** Whether what single endpoints have of their own is taken away. */
  dropOwn: boolean;
}

export type Fault = { field: string; text: string };

const EMPTY: Form = {
  name: "",
  display_name: "",
  platform: "STANDALONE",
  cluster_type: "SPOKE",
  environment: "PRODUCTION",
  region: "",
  labels: "",
  prometheus_url: "",
  api_server_url: "",
  alertmanager_url: "",
  alertmanager_peer_url: "",
  loki_url: "",
  tempo_url: "",
  selector: "",
  proxy_url: "",
  headers: "",
  ca_bundle: "",
  server_name: "",
  skip_verify: false,
  sign: "NONE",
  secret: {},
  own: {},
  dropOwn: false,
};

export function formOf(cluster?: Cluster): Form {
  if (!cluster) return { ...EMPTY };
  return {
    ...EMPTY,
    name: cluster.name,
    display_name: cluster.display_name,
    platform: cluster.platform,
    cluster_type: cluster.cluster_type,
    environment: cluster.environment,
    region: cluster.region ?? "",
    labels: pairsText(cluster.labels),
    prometheus_url: cluster.prometheus_url ?? "",
    api_server_url: cluster.api_server_url ?? "",
    alertmanager_url: cluster.alertmanager_url ?? "",
    alertmanager_peer_url: cluster.alertmanager_peer_url ?? "",
    loki_url: cluster.loki_url ?? "",
    tempo_url: cluster.tempo_url ?? "",
    selector: pairsText(cluster.selector ?? {}),
    proxy_url: cluster.proxy_url ?? "",
    ca_bundle: cluster.tls?.ca_bundle ?? "",
    server_name: cluster.tls?.server_name ?? "",
    skip_verify: cluster.tls?.skip_verify ?? false,
    sign: "KEEP",
  };
}

export function pairsText(pairs: Record<string, string>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

/** Lines of `key=value` (or `Name: value` where `mark` is a colon); raises the fault of the first that is none. */
export function readPairs(text: string, field: string, mark = "="): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (!line) continue;
    const at = line.indexOf(mark);
    const key = line.slice(0, at).trim();
    if (at < 1 || !key) throw new FormFault(field, `“${line}” is not ${mark === "=" ? "key=value" : "Name: value"}.`);
    if (key in pairs) throw new FormFault(field, `${key} is there twice.`);
    pairs[key] = unquoted(line.slice(at + 1).trim());
  }
  return pairs;
}

/** As people copy labels from PromQL: `cluster="eu-1"`. */
function unquoted(value: string): string {
  return /^".*"$/.test(value) ? value.slice(1, -1) : value;
}

export class FormFault extends Error {
  constructor(
    readonly field: string,
    text: string,
  ) {
    super(text);
  }
}

/** The fields of each kind of credentials; `long` ones are PEM or YAML, the rest of one line. */
export const SECRETS: Record<string, { name: string; label: string; hidden?: boolean; long?: boolean; optional?: boolean }[]> = {
  BEARER: [{ name: "token", label: "Bearer token", hidden: true }],
  BASIC: [
    { name: "username", label: "User name" },
    { name: "password", label: "Password", hidden: true },
  ],
  SERVICE_ACCOUNT: [{ name: "token", label: "Service account’s token", hidden: true }],
  CLIENT_CERTIFICATE: [
    { name: "certificate", label: "Certificate with its chain, PEM", long: true },
    { name: "key", label: "Its key, PEM, without a password", long: true, hidden: true },
  ],
  OIDC: [
    { name: "token_url", label: "Token address of the provider" },
    { name: "client_id", label: "Client id" },
    { name: "client_secret", label: "Client secret", hidden: true },
    { name: "scope", label: "Scope", optional: true },
    { name: "audience", label: "Audience", optional: true },
  ],
  KUBECONFIG: [
    { name: "kubeconfig", label: "Kubeconfig", long: true, hidden: true },
    { name: "context", label: "Context, if not its current one", optional: true },
  ],
  SECRET_REF: [
    { name: "namespace", label: "Namespace" },
    { name: "name", label: "Secret" },
  ],
};

export function credentialsOf(form: Pick<Form, "sign" | "secret">): Credentials | null {
  const fields = SECRETS[form.sign];
  if (!fields) return null;
  const given: Record<string, string> = { kind: form.sign };
  for (const { name, label, long, optional } of fields) {
    const value = form.secret[name] ?? "";
    const tidy = long || name === "password" ? value : value.trim();
    if (!tidy && !optional) throw new FormFault(secretField(form.sign, name), `${label}: missing.`);
    if (tidy) given[name] = tidy;
  }
  return given as unknown as Credentials;
}

type Own = NonNullable<ClusterDraft["endpoint_credentials"]>;

/** What single endpoints get of their own, of those that the cluster has; null where nothing is said of any. */
function ownOf(form: Form): Own | null {
  const given = Object.entries(form.own).filter(([kind]) => {
    const field = ENDPOINTS[kind as EndpointKind];
    return applies(field, form) && form[field].trim();
  });
  if (!given.length) return form.dropOwn ? {} : null;
  const own = given.map(([kind, { sign, secret }]) => {
    try {
      return [kind, credentialsOf({ sign, secret }) ?? { kind: "NONE" }];
    } catch (error) {
      throw error instanceof FormFault ? new FormFault(ownField(kind, error.field), error.message) : error;
    }
  });
  return Object.fromEntries(own) as Own;
}

/** A field of what one endpoint has of its own. */
export function ownField(kind: string, field: string): string {
  return `own.${kind}.${field}`;
}

/** What a field of the credentials is called in the form, where it can't be taken for one of the cluster. */
export function secretField(kind: string, name: string): string {
  return `${kind}.${name}`;
}

/** The endpoints of a cluster in their order, and the field of each address. */
export const ENDPOINTS = {
  PROMETHEUS: "prometheus_url",
  API_SERVER: "api_server_url",
  ALERTMANAGER: "alertmanager_url",
  ALERTMANAGER_PEER: "alertmanager_peer_url",
  LOKI: "loki_url",
  TEMPO: "tempo_url",
} as const;

export type EndpointKind = keyof typeof ENDPOINTS;
const ADDRESSES = Object.values(ENDPOINTS);
const EDGES = new Set(["EDGE", "FAR_EDGE"]);

export function hasApiServer(platform: string): boolean {
  return platform === "OPENSHIFT" || platform === "KUBERNETES" || platform === "MICROSHIFT";
}

/** Whether the field counts for a cluster of this platform and type; what does not is neither shown nor sent. */
export function applies(field: (typeof ADDRESSES)[number], form: Pick<Form, "platform" | "cluster_type">): boolean {
  if (form.platform === "HOST") return false;
  if (field === "api_server_url") return hasApiServer(form.platform);
  return !((field === "loki_url" || field === "tempo_url") && EDGES.has(form.cluster_type));
}

function described(form: Form): Record<string, unknown> {
  const addresses = ADDRESSES.map((field) => [field, applies(field, form) ? form[field].trim() || null : null]);
  const ca_bundle = form.ca_bundle.trim() || null;
  return {
    name: form.name.trim(),
    display_name: form.display_name.trim() || null,
    platform: form.platform,
    cluster_type: form.cluster_type,
    environment: form.environment,
    region: form.region.trim() || null,
    labels: readPairs(form.labels, "labels"),
    ...Object.fromEntries(addresses),
    selector: readPairs(form.selector, "selector"),
    proxy_url: form.proxy_url.trim() || null,
    tls: { ca_bundle, skip_verify: form.skip_verify, server_name: form.server_name.trim() || null },
  };
}

function isBlank(value: unknown): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.values(value).every((one) => one === null || one === false);
}

/** A cluster to add: what was left empty is left to the hub. */
export function draftOf(form: Form): ClusterDraft {
  if (!form.name.trim()) throw new FormFault("name", "A cluster needs a name.");
  const all = Object.entries(described(form)).filter(([, value]) => !isBlank(value));
  const credentials = credentialsOf(form);
  const headers = readPairs(form.headers, "headers", ":");
  const own = ownOf(form);
  return {
    ...Object.fromEntries(all),
    ...(credentials ? { credentials } : {}),
    ...(own ? { endpoint_credentials: own } : {}),
    ...(Object.keys(headers).length ? { headers } : {}),
  };
}

/** Only what was changed, so that nobody's change of another field is undone. */
export function changeOf(form: Form, cluster: Cluster): ClusterChange {
  const before = described(formOf(cluster));
  const changed = Object.entries(described(form)).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field]),
  );
  const change: Record<string, unknown> = Object.fromEntries(changed);
  // An empty field gives back the name itself.
  if (change.display_name === null) change.display_name = form.name.trim();
  if (form.sign === "NONE" && cluster.credential_kind !== "NONE") change.credentials = null;
  const credentials = credentialsOf(form);
  if (credentials) change.credentials = credentials;
  if (form.headers.trim()) change.headers = readPairs(form.headers, "headers", ":");
  const own = ownOf(form);
  if (own) change.endpoint_credentials = own;
  return change as ClusterChange;
}

/** What "Test connection" asks; null where there is no address to try. */
export function testOf(form: Form): Record<string, unknown> | null {
  const { name: _name, display_name: _shown, ...draft } = draftOf({ ...form, name: "x" });
  const names = [...ADDRESSES, "selector", "tls", "proxy_url", "headers", "credentials", "endpoint_credentials"];
  const asked = Object.fromEntries(Object.entries(draft).filter(([field]) => names.includes(field)));
  const somewhere = ADDRESSES.some((field) => field in asked) || form.sign === "KUBECONFIG";
  return somewhere ? asked : null;
}

/** The field of the form that the hub's refusal speaks of. */
export function fieldOf(details: Record<string, unknown> | undefined, sign: Sign): string | null {
  const field = typeof details?.field === "string" ? details.field.replace(/^\$\.?/, "") : null;
  if (field === null) return null;
  const last = field.split(".").at(-1) ?? field;
  if (field.startsWith("tls.")) return last;
  const own = SECRETS[sign]?.some(({ name }) => name === last);
  // A cluster has a name too; that of a Secret is meant only where it is said so.
  if (own && (last !== "name" || field.startsWith("credentials"))) return secretField(sign, last);
  return field === "bearer_token" || field === "credentials" || field === "username" ? "sign" : field;
}
