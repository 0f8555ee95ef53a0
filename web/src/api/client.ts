import type { ErrorEnvelope } from "./types";

/** What the hub refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly traceId?: string,
    readonly details?: Record<string, unknown>,
  ) {
    super(message);
  }
}

type Scalar = string | number | boolean;
export type Query = Record<string, Scalar | readonly Scalar[] | undefined | null>;

export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return `/api/v1/${path}${text ? `?${text}` : ""}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

async function failure(reply: Response): Promise<ApiError> {
  const envelope = (await reply.json().catch(() => null)) as ErrorEnvelope | null;
  const error = envelope?.error;
  return new ApiError(
    reply.status,
    error?.code ?? "UNREADABLE",
    error?.message ?? `The hub answered ${reply.status} ${reply.statusText}`,
    error?.trace_id,
    isRecord(error?.details) ? error.details : undefined,
  );
}

interface Options {
  method?: string;
  body?: unknown;
  query?: Query;
  signal?: AbortSignal;
}

export async function call<T>(path: string, { method = "GET", body, query, signal }: Options = {}): Promise<T> {
  let reply: Response;
  try {
    reply = await fetch(withQuery(path, query), {
      method,
      signal,
      credentials: "same-origin",
      headers: body === undefined ? { Accept: "application/json" } : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "UNREACHABLE", "The hub does not answer");
  }
  if (!reply.ok) throw await failure(reply);
  if (reply.status === 204) return undefined as T;
  const text = await reply.text();
  return (text ? JSON.parse(text) : undefined) as T;
}
