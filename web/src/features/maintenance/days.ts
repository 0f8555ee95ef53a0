/** Days of the calendar in the reader's own zone, and what of a stretch of time lies on each. */

const midnight = (at: Date, days = 0): Date => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days);

export type View = "week" | "month";

/** The days that a view shows around a day, weeks beginning on Monday. */
export function daysOf(view: View, around: Date): Date[] {
  const first = view === "week" ? around : new Date(around.getFullYear(), around.getMonth(), 1);
  const monday = midnight(first, -((first.getDay() + 6) % 7));
  if (view === "week") return Array.from({ length: 7 }, (_, day) => midnight(monday, day));
  const last = new Date(around.getFullYear(), around.getMonth() + 1, 0);
  const weeks = Math.ceil((Math.round((midnight(last).getTime() - monday.getTime()) / 86_400_000) + 1) / 7);
  return Array.from({ length: weeks * 7 }, (_, day) => midnight(monday, day));
}

export function endOf(days: Date[]): Date {
  return midnight(days[days.length - 1] as Date, 1);
}

export function stepped(view: View, around: Date, by: 1 | -1): Date {
  if (view === "week") return midnight(around, 7 * by);
  return new Date(around.getFullYear(), around.getMonth() + by, 1);
}

export interface Stretch {
  starts_at: string;
  ends_at: string;
}

/** What of these lies on a day, the first to begin first. */
export function onDay<T extends Stretch>(items: T[], day: Date): T[] {
  const [from, to] = [day.getTime(), midnight(day, 1).getTime()];
  return items.filter((one) => Date.parse(one.starts_at) < to && Date.parse(one.ends_at) > from);
}

/** Beside each other only what takes place at one time: of each its lane, and how many lanes there are. */
export function lanes<T extends Stretch>(items: T[]): { one: T; lane: number; of: number }[] {
  const ends: number[] = [];
  const placed = items.map((one) => {
    const start = Date.parse(one.starts_at);
    const free = ends.findIndex((end) => end <= start);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = Date.parse(one.ends_at);
    return { one, lane };
  });
  return placed.map((each) => ({ ...each, of: ends.length }));
}

/** From where to where it goes on this day, as shares of the day; a day has 23 or 25 hours where the clock is changed. */
export function shareOf(one: Stretch, day: Date): { from: number; to: number } {
  const [start, end] = [day.getTime(), midnight(day, 1).getTime()];
  const share = (text: string) => Math.min(1, Math.max(0, (Date.parse(text) - start) / (end - start)));
  return { from: share(one.starts_at), to: share(one.ends_at) };
}
