/** How people write a window, and how the hub wants it. */

import type { Matcher, Window } from "../../api/maintenance";

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
const LONG = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const NTH = ["first", "second", "third", "fourth", "last"];

/** A text of `datetime-local` as a date whose UTC parts are what the clock shows. */
const read = (local: string): Date => new Date(`${local}Z`);

/** Seconds between two readings of one clock; NaN where one is no time. */
export function between(from: string, to: string): number {
  return (read(to).getTime() - read(from).getTime()) / 1000;
}

export function later(local: string, seconds: number): string {
  return new Date(read(local).getTime() + seconds * 1000).toISOString().slice(0, 16);
}

/** The rules that a start suggests, each in words. */
export function repeats(from: string): [rule: string, words: string][] {
  const at = read(from);
  if (Number.isNaN(at.getTime())) return [["", "Once"]];
  const [day, date] = [at.getUTCDay(), at.getUTCDate()];
  const nth = date > 28 ? 5 : Math.ceil(date / 7);
  return [
    ["", "Once"],
    ["FREQ=DAILY", "Every day"],
    ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every weekday"],
    [`FREQ=WEEKLY;BYDAY=${DAYS[day]}`, `Every ${LONG[day]}`],
    [`FREQ=WEEKLY;INTERVAL=2;BYDAY=${DAYS[day]}`, `Every other ${LONG[day]}`],
    [`FREQ=MONTHLY;BYMONTHDAY=${date}`, `On day ${date} of every month`],
    [`FREQ=MONTHLY;BYDAY=${nth === 5 ? -1 : nth}${DAYS[day]}`, `On the ${NTH[nth - 1]} ${LONG[day]} of every month`],
  ];
}

/** A rule in words where it is one of the usual ones, else as it is. */
export function ruleWords({ rrule, starts_local }: Pick<Window, "rrule" | "starts_local">): string {
  const [, until] = /;UNTIL=(\d{8})/.exec(rrule) ?? [];
  const bare = rrule.replace(/;UNTIL=[^;]*/, "");
  const words = repeats(starts_local.slice(0, 16)).find(([rule]) => rule === bare)?.[1] ?? weekly(bare) ?? bare;
  return until ? `${words} until ${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6)}` : words;
}

/** `Every Tuesday and Friday`, where the rule says no more than that. */
function weekly(rule: string): string | null {
  const [, days] = /^FREQ=WEEKLY;BYDAY=([A-Z,]+)$/.exec(rule) ?? [];
  return days ? `Every ${days.split(",").map((day) => LONG[DAYS.indexOf(day)] ?? day).join(" and ")}` : null;
}

const LINE = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"([^"]*)"|(.*?))\s*$/;

/** One matcher a line; the first line that is none, where there is one. */
export function matchersOf(text: string): { matchers: Matcher[]; wrong: string | null } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const matchers: Matcher[] = [];
  for (const line of lines) {
    const found = LINE.exec(line);
    if (!found) return { matchers, wrong: line.trim() };
    const [, name = "", operator = "=", quoted, bare = ""] = found;
    matchers.push({ name, value: quoted ?? bare, is_regex: operator.endsWith("~"), is_equal: !operator.startsWith("!") });
  }
  return { matchers, wrong: null };
}

export function matcherText({ name, value, is_regex, is_equal }: Matcher): string {
  const operator = is_equal === false ? (is_regex ? "!~" : "!=") : is_regex ? "=~" : "=";
  return `${name}${operator}"${value}"`;
}
