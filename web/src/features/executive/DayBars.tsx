import type { KpiReport } from "../../api/overview";
import { plural } from "../../lib/format";

/** One bar a day, the critical ones at its foot. */
export function DayBars({ report }: { report: KpiReport }) {
  const known = new Map(report.days.map((one) => [one.day, one]));
  const days = daysOf(report.start, report.end);
  const most = Math.max(1, ...report.days.map(({ incidents }) => incidents));
  return (
    <ol className="flex h-40 items-end gap-1" aria-label="Incidents by day">
      {days.map((day) => {
        const one = known.get(day);
        const [all, critical] = [one?.incidents ?? 0, one?.critical ?? 0];
        const words = `${day}: ${plural(all, "incident")}, ${critical} critical, ${plural(one?.alerts ?? 0, "alert")}`;
        return (
          <li key={day} className="flex h-full min-w-0 flex-1 flex-col justify-end" title={words}>
            <span className="sr-only">{words}</span>
            <span aria-hidden="true" className="text-center text-meta text-muted">
              {all || ""}
            </span>
            <span aria-hidden="true" className="flex flex-col justify-end rounded-t-xs bg-accent" style={{ height: `${(all / most) * 75}%` }}>
              <span className="bg-critical" style={{ height: `${all ? (critical / all) * 100 : 0}%` }} />
            </span>
            <span aria-hidden="true" className="border-t border-line text-center text-meta text-muted">
              {days.length <= 10 || day.endsWith("1") ? day.slice(5) : " "}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** The days of the reader's zone that a stretch touches. */
export function daysOf(start: string, end: string): string[] {
  const days: string[] = [];
  const last = local(new Date(end));
  for (const at = new Date(start); days.length < 100; at.setDate(at.getDate() + 1)) {
    days.push(local(at));
    if (days.at(-1) === last) break;
  }
  return days;
}

function local(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
