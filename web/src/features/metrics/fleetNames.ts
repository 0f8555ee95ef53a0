import type { PrometheusClient } from "@prometheus-io/codemirror-promql";
import { EqlSingle } from "@prometheus-io/lezer-promql";
import type { QueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import type { Names } from "../../api/types";

interface Matcher {
  type: number;
  name: string;
  value: string;
}

/** Who completes does not wait for the slowest cluster: what the others have by then is offered. */
const TIMEOUT_S = 2;
const FRESH_MS = 5 * 60_000;

/** What completion asks, answered by all chosen clusters at once. */
export class FleetNames implements PrometheusClient {
  constructor(
    private readonly client: QueryClient,
    private readonly clusterIds: string[] | undefined,
  ) {}

  metricNames = async (): Promise<string[]> => (await this.ask("metrics/label/__name__/values")).values ?? [];

  labelNames = async (metric?: string): Promise<string[]> =>
    (await this.ask("metrics/labels", selectorOf(metric))).labels ?? [];

  labelValues = async (label: string, metric?: string, matchers?: Matcher[]): Promise<string[]> => {
    const path = `metrics/label/${encodeURIComponent(label)}/values`;
    return (await this.ask(path, selectorOf(metric, label, matchers))).values ?? [];
  };

  /** Only what is here already: names are offered at once, and what they mean once it has come. */
  metricMetadata = (): Promise<NonNullable<Names["metadata"]>> => {
    const known = this.client.getQueryData<Partial<Names>>(this.key("metrics/metadata"));
    void this.ask("metrics/metadata");
    return Promise.resolve(known?.metadata ?? {});
  };

  /** Asks for what will be offered first, before anybody writes. */
  warm(): void {
    void this.metricNames();
    void this.metricMetadata();
  }

  series = (): Promise<Map<string, string>[]> => Promise.resolve([]);

  flags = (): Promise<Record<string, string>> => Promise.resolve({});

  private key(path: string, match?: string): unknown[] {
    return ["names", path, match, this.clusterIds];
  }

  /** What can't be read now is not offered; the query itself will say what is wrong. */
  private async ask(path: string, match?: string): Promise<Partial<Names>> {
    const query = { match, cluster_id: this.clusterIds, timeout: TIMEOUT_S };
    try {
      return await this.client.fetchQuery({
        queryKey: this.key(path, match),
        queryFn: () => call<Partial<Names>>(path, { query }),
        staleTime: FRESH_MS,
        retry: false,
      });
    } catch {
      return {};
    }
  }
}

/** The selector that the values of a label are narrowed by; what is being written there does not narrow itself. */
export function selectorOf(metric?: string, label?: string, matchers: readonly Matcher[] = []): string | undefined {
  const equal = matchers.filter((one) => one.type === EqlSingle && one.name !== label && one.value !== "");
  if (!metric && !equal.length) return undefined;
  return `${metric ?? ""}{${equal.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(",")}}`;
}
