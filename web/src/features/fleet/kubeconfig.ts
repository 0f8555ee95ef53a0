import { dump, load } from "js-yaml";

/** A context of a kubeconfig, as far as it shows before it is tried. */
export interface Context {
  name: string;
  /** The name that a cluster of it would have here. */
  suggested: string;
  server: string | null;
  /** Whether it is the file's current one. */
  current: boolean;
  problem: string | null;
}

type Entry = Record<string, unknown>;

/** The contexts of a pasted kubeconfig; a text where it can't be read. Nothing of it leaves the browser here. */
export function contextsOf(text: string): Context[] | string {
  const file = read(text);
  if (typeof file === "string") return file;
  const contexts = named(file, "contexts");
  if (!contexts.length) return "The kubeconfig has no contexts.";
  return contexts.map(({ name, body }) => {
    const cluster = find(file, "clusters", part(body, "context").cluster);
    const user = find(file, "users", part(body, "context").user);
    const server = cluster ? part(cluster, "cluster").server : null;
    return {
      name,
      suggested: suggest(name),
      server: typeof server === "string" ? server : null,
      current: file["current-context"] === name,
      problem: !cluster ? "Its cluster is not in the file." : !user ? "Its user is not in the file." : null,
    };
  });
}

/** The part of a kubeconfig that one context needs: the secrets of the others go nowhere. */
export function only(text: string, context: string): string {
  const file = read(text);
  if (typeof file === "string") return text;
  const chosen = named(file, "contexts").find(({ name }) => name === context);
  if (!chosen) return text;
  const { cluster, user } = part(chosen.body, "context");
  const keep = (list: string, name: unknown) => named(file, list).flatMap((one) => (one.name === name ? [one.body] : []));
  return dump({
    apiVersion: "v1",
    kind: "Config",
    "current-context": context,
    contexts: [chosen.body],
    clusters: keep("clusters", cluster),
    users: keep("users", user),
  });
}

/** `admin@prod/eu 1` becomes `admin-prod-eu-1`: a cluster's name has small letters, digits and dashes. */
export function suggest(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63);
}

function read(text: string): Entry | string {
  try {
    const file: unknown = load(text);
    return isEntry(file) ? file : "This is no kubeconfig.";
  } catch (error) {
    return `This is no YAML: ${error instanceof Error ? error.message.split("\n")[0] : "unreadable"}.`;
  }
}

function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function named(file: Entry, list: string): { name: string; body: Entry }[] {
  const entries = file[list];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((body: unknown) => (isEntry(body) && typeof body.name === "string" ? [{ name: body.name, body }] : []));
}

function find(file: Entry, list: string, name: unknown): Entry | undefined {
  return named(file, list).find((one) => one.name === name)?.body;
}

function part(body: Entry, name: string): Entry {
  const inner = body[name];
  return isEntry(inner) ? inner : {};
}
