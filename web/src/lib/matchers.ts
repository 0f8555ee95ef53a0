export type Matcher = Record<string, string>;

/** A matcher a line, `alertname=DiskFull, service=cart*`; gives the first line that is none as an error. */
export function parseMatchers(text: string): { matchers: Matcher[]; bad: string | null } {
  const matchers: Matcher[] = [];
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const pairs = line.split(",").map((pair) => /^\s*([^=\s]+)\s*=\s*"?([^"]+?)"?\s*$/.exec(pair));
    if (pairs.some((pair) => pair === null)) return { matchers, bad: line.trim() };
    matchers.push(Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""])));
  }
  return { matchers, bad: null };
}

export const writeMatchers = (matchers: Matcher[]): string =>
  matchers.map((one) => Object.entries(one).map(([name, value]) => `${name}=${value}`).join(", ")).join("\n");
