import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useState } from "react";
import type { LogPattern } from "../../api/patterns";
import { ago, stamp } from "../../lib/time";
import { useHold, useHoldUnderPointer, useMedia, useNow } from "../../shell/store";
import { SeverityMark } from "../../ui/marks";
import { FindingMark, PatternText, Trend, className } from "./parts";

const ROW = 32;
const TALL_ROW = 64;
const GRID =
  "grid grid-cols-[auto_1fr_auto] content-center items-center gap-x-3 px-3 md:grid-cols-[84px_minmax(0,1fr)_84px_96px_120px_104px_72px_72px]";
const HEADS = ["Severity", "Pattern", "Finding", "About", "Cluster", "Last 24 h", "Lines", "Seen"];

interface Props {
  items: LogPattern[];
  total: number;
  scroller: RefObject<HTMLDivElement | null>;
  more?: () => void;
  onOpen: (one: LogPattern) => void;
}

export function PatternRows({ items, total, scroller, more, onOpen }: Props) {
  const narrow = useMedia("(max-width: 767px)");
  const height = narrow ? TALL_ROW : ROW;
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    scrollPaddingStart: ROW,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const visible = virtual.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= items.length - 25) more();
  }, [more, last, items.length]);
  // Whoever reads further down must not have the rows move under the eyes.
  const [scrolled, setScrolled] = useState(false);
  useHold("scroll", scrolled);
  const hold = useHoldUnderPointer();
  return (
    <div
      ref={scroller}
      {...hold}
      onScroll={(event) => setScrolled(event.currentTarget.scrollTop > ROW * 2)}
      className="h-full overflow-y-auto"
      role="table"
      aria-label="Log patterns"
      aria-rowcount={total + 1}
    >
      <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-panel max-md:hidden">
        <div role="row" aria-rowindex={1} className={`${GRID} h-8 text-meta font-medium text-muted`}>
          {HEADS.map((head) => (
            <div key={head} role="columnheader" className={head === "Lines" || head === "Seen" ? "text-right" : ""}>
              {head}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {visible.map(({ index, start }) => {
          const one = items[index];
          if (!one) return null;
          return (
            <div
              key={one.id}
              role="row"
              data-row
              data-row-id={one.id}
              tabIndex={0}
              aria-rowindex={index + 2}
              className={`${GRID} absolute w-full cursor-pointer scroll-mt-8 border-b border-line hover:bg-raised focus-visible:-outline-offset-2`}
              style={{ height, transform: `translateY(${start}px)` }}
              onClick={() => onOpen(one)}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                // Else the same key presses the button that has the focus once the drawer is open: the one that closes it.
                event.preventDefault();
                onOpen(one);
              }}
            >
              <Cells one={one} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Cells({ one }: { one: LogPattern }) {
  const now = useNow(15_000);
  return (
    <>
      <div role="cell">
        <SeverityMark severity={one.severity} />
      </div>
      <div role="cell" className="min-w-0 max-md:order-last max-md:col-span-3">
        <span className="block truncate font-mono text-meta" title={one.pattern}>
          <PatternText text={one.pattern} />
        </span>
      </div>
      <div role="cell" className="flex gap-2">
        {one.findings.slice(0, 1).map((finding) => (
          <FindingMark key={finding.id} kind={finding.kind} title={finding.explanation} />
        ))}
      </div>
      <div role="cell" className="text-muted max-md:hidden">
        {className(one.failure_class)}
      </div>
      <div role="cell" className="truncate font-mono max-md:hidden" title={one.cluster}>
        {one.cluster}
      </div>
      <div role="cell" className="max-md:hidden">
        <Trend trend={one.trend} />
      </div>
      <div role="cell" className="text-right tabular-nums max-md:hidden">
        {one.count.toLocaleString("en")}
      </div>
      <time role="cell" dateTime={one.last_seen} title={stamp(one.last_seen)} className="text-right whitespace-nowrap text-muted">
        {ago(one.last_seen, now)}
      </time>
    </>
  );
}
