import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type OnCalendar, calendar } from "../../api/maintenance";
import { QueryFailure } from "../../ui/feedback";
import { type View, daysOf, endOf, lanes, onDay, shareOf, stepped } from "./days";

interface Props {
  onOpen: (id: string) => void;
}

/** What takes place by week or month, on the reader's clock. */
export function Calendar({ onOpen }: Props) {
  const [view, setView] = useState<View>("month");
  const [around, setAround] = useState(() => new Date());
  const days = daysOf(view, around);
  const found = useQuery(calendar(days[0] as Date, endOf(days)));
  const items = found.data?.items ?? [];
  const title = (view === "month" ? around : (days[0] as Date)).toLocaleDateString(undefined, { month: "long", year: "numeric" });
  return (
    <section aria-label="Calendar" className="panel p-3">
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <h2 className="font-semibold" aria-live="polite">
          {title}
        </h2>
        <div className="ml-auto flex gap-1">
          <button type="button" className="button h-7" aria-label={`The ${view} before`} onClick={() => setAround(stepped(view, around, -1))}>
            ‹
          </button>
          <button type="button" className="button h-7" onClick={() => setAround(new Date())}>
            Today
          </button>
          <button type="button" className="button h-7" aria-label={`The next ${view}`} onClick={() => setAround(stepped(view, around, 1))}>
            ›
          </button>
        </div>
        <div role="group" aria-label="View" className="flex">
          {(["week", "month"] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={view === one}
              className={`button h-7 capitalize ${view === one ? "border-accent text-accent" : ""}`}
              onClick={() => setView(one)}
            >
              {one}
            </button>
          ))}
        </div>
      </div>
      <QueryFailure what="Reading the calendar" query={found} />
      <div className="overflow-x-auto">
        <div className="grid min-w-[560px] grid-cols-7 border-t border-l border-line">
          {days.slice(0, 7).map((day) => (
            <div key={day.getTime()} className="border-r border-b border-line px-2 py-1 text-meta text-muted">
              {day.toLocaleDateString(undefined, { weekday: "short" })}
            </div>
          ))}
          {days.map((day) => (
            <Day key={day.getTime()} day={day} view={view} other={view === "month" && day.getMonth() !== around.getMonth()} items={onDay(items, day)} onOpen={onOpen} />
          ))}
        </div>
      </div>
    </section>
  );
}

interface DayProps extends Props {
  day: Date;
  view: View;
  /** Of another month than the one that is shown. */
  other: boolean;
  items: OnCalendar[];
}

const HEIGHT = 288;

function Day({ day, view, other, items, onOpen }: DayProps) {
  const today = day.toDateString() === new Date().toDateString();
  const date = (
    <div className={`text-meta ${other ? "text-muted" : ""} ${today ? "font-semibold text-accent" : ""}`}>
      {day.getDate()}
      {today ? <span className="sr-only"> (today)</span> : null}
    </div>
  );
  if (view === "month")
    return (
      <div className="min-h-20 min-w-0 space-y-0.5 border-r border-b border-line p-1">
        {date}
        {items.slice(0, 3).map((one) => (
          <button key={one.window_id + one.starts_at} type="button" className={STRIP} title={words(one)} onClick={() => onOpen(one.window_id)}>
            {clock(one, day)} {one.title}
          </button>
        ))}
        {items.length > 3 ? <p className="text-meta text-muted">and {items.length - 3} more</p> : null}
      </div>
    );
  return (
    <div className="min-w-0 border-r border-b border-line p-1">
      {date}
      <div className="relative" style={{ height: HEIGHT }}>
        {[6, 12, 18].map((hour) => (
          <div key={hour} className="absolute inset-x-0 border-t border-line text-meta text-muted" style={{ top: (HEIGHT * hour) / 24 }}>
            {hour}:00
          </div>
        ))}
        {lanes(items).map(({ one, lane, of }) => {
          const { from, to } = shareOf(one, day);
          const style = {
            top: Math.min(from * HEIGHT, HEIGHT - 18),
            height: Math.max(18, (to - from) * HEIGHT),
            left: `${(lane / of) * 100}%`,
            width: `${100 / of}%`,
          };
          return (
            <button key={one.window_id + one.starts_at} type="button" className={`absolute ${STRIP}`} style={style} title={words(one)} onClick={() => onOpen(one.window_id)}>
              {clock(one, day)} {one.title}
            </button>
          );
        })}
      </div>
    </div>
  );
}

const STRIP = "block w-full truncate rounded border-l-2 border-accent bg-raised px-1 text-left align-top text-meta hover:underline";

const time = (text: string): string => new Date(text).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

/** When it begins on this day; what began before goes on. */
function clock(one: OnCalendar, day: Date): string {
  return Date.parse(one.starts_at) < day.getTime() ? "…" : time(one.starts_at);
}

function words(one: OnCalendar): string {
  return `${one.title}: ${new Date(one.starts_at).toLocaleString()} to ${new Date(one.ends_at).toLocaleString()}`;
}
