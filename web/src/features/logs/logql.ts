/** What the console does to a LogQL query as text: completing it, and narrowing it to a label. */

export interface Completion {
  kind: "label" | "value";
  /** The label whose value is typed. */
  name: string;
  typed: string;
  /** Where what is typed begins. */
  from: number;
}

/** What could be completed at the cursor; null outside of a stream selector. */
export function completionAt(text: string, cursor: number): Completion | null {
  const before = text.slice(0, cursor);
  const open = lastOpen(before);
  if (open === null) return null;
  const inside = before.slice(open + 1);
  const value = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)$/.exec(inside);
  if (value) return { kind: "value", name: value[1] ?? "", typed: value[2] ?? "", from: cursor - (value[2]?.length ?? 0) };
  const label = /(?:^|,)\s*([A-Za-z_]\w*)?$/.exec(inside);
  if (!label) return null;
  return { kind: "label", name: "", typed: label[1] ?? "", from: cursor - (label[1]?.length ?? 0) };
}

/** Where the brace opens that is not closed before the end; strings hold no braces. */
function lastOpen(text: string): number | null {
  let open: number | null = null;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote) {
      if (char === "\\" && quote === '"') at++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (char === "{") open = at;
    else if (char === "}") open = null;
  }
  return open;
}

/** The text with the chosen word at the cursor, and where the cursor then stands. */
export function completed(text: string, cursor: number, completion: Completion, word: string): [string, number] {
  const label = completion.kind === "label";
  const escaped = label ? word : JSON.stringify(word).slice(1, -1);
  const rest = text.slice(cursor);
  const tail = label ? (/^\s*(=|!)/.test(rest) ? "" : '=""') : rest.startsWith('"') ? "" : '"';
  const head = text.slice(0, completion.from) + escaped;
  return [head + tail + rest, head.length + (label ? (tail ? 2 : 0) : 1)];
}

/** Those that fit what is typed: first those that begin so. */
export function fitting(words: readonly string[], typed: string, most = 12): string[] {
  const low = typed.toLowerCase();
  const begin = words.filter((word) => word.toLowerCase().startsWith(low));
  const hold = words.filter((word) => !word.toLowerCase().startsWith(low) && word.toLowerCase().includes(low));
  return [...begin, ...hold].filter((word) => word !== typed).slice(0, most);
}

/** The query narrowed to one label's value, or to all others. Labels of the stream go into its selector, what belongs to
 * the line behind it. */
export function narrowed(query: string, name: string, value: string, how: "=" | "!=", ofStream: boolean): string {
  const matcher = `${name}${how}${JSON.stringify(value)}`;
  if (!ofStream) return `${query.trimEnd()} | ${matcher}`;
  const open = query.indexOf("{");
  const close = closing(query, open);
  if (open < 0 || close < 0) return query;
  const inside = query.slice(open + 1, close).trim();
  const matchers = (inside.match(/[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*(?:"(?:\\.|[^"\\])*"|`[^`]*`)/g) ?? []).filter(
    (one) => how !== "=" || !new RegExp(`^${name}\\s*=\\s*["\`]`).test(one),
  );
  const kept = matchers.join(", ");
  return `${query.slice(0, open)}{${kept ? `${kept}, ` : ""}${matcher}}${query.slice(close + 1)}`;
}

function closing(query: string, open: number): number {
  let quote = "";
  for (let at = open; at >= 0 && at < query.length; at++) {
    const char = query[at] ?? "";
    if (quote) {
      if (char === "\\" && quote === '"') at++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (char === "}") return at;
  }
  return -1;
}

/** Whether a query gives lines, and not numbers. */
export function givesLines(query: string): boolean {
  return /^[\s(]*\{/.test(query);
}

/** How many lines of each level there are over time. */
export function volumeOf(query: string, step: number): string {
  return `sum by (detected_level) (count_over_time(${query.trim()} [${Math.max(1, Math.round(step))}s]))`;
}

/** All logs that carry the id of a trace with them. */
export function logsOfTrace(traceId: string): string {
  return `{service_name=~".+"} | trace_id=${JSON.stringify(traceId)}`;
}
