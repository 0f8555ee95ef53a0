import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatValue } from "../lib/format";
import type { Span } from "../lib/time";
import { useTheme } from "../shell/store";

export interface Line {
  label: string;
  values: (number | null)[];
  colour?: string;
}

export interface ChartData {
  /** Unix seconds, rising. */
  times: number[];
  lines: Line[];
  band?: { lower: (number | null)[]; upper: (number | null)[] };
  /** True where the measured point is part of an anomaly. */
  anomalous?: boolean[];
}

interface Props {
  data: ChartData;
  unit: string;
  span: Span;
  /** What the chart shows, in words. */
  summary: string;
  height?: number;
  onZoom?: (span: Span) => void;
  /** Moments to rule, such as when a cause moved. */
  rules?: { at: number; word: string }[];
  syncKey?: string;
}

export const COLOURS = ["--accent", "--high", "--ok", "--medium", "--muted", "--measured"];

function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columns({ times, lines, band, anomalous }: ChartData): uPlot.AlignedData {
  const rows: (number | null)[][] = [];
  if (band) rows.push(band.lower, band.upper);
  for (const line of lines) rows.push(line.values);
  if (anomalous) rows.push(lines[0]?.values.map((value, at) => (anomalous[at] ? value : null)) ?? []);
  return [times, ...rows];
}

function seriesOf({ lines, band, anomalous }: ChartData, unit: string): uPlot.Series[] {
  const value = (_: uPlot, raw: number | null) => formatValue(raw, unit);
  const series: uPlot.Series[] = [{}];
  if (band) {
    series.push({ label: "lower", width: 0, points: { show: false }, value });
    series.push({ label: "upper", width: 0, points: { show: false }, value });
  }
  const single = lines.length === 1;
  for (const [index, line] of lines.entries()) {
    const colour = line.colour ?? (single ? "--measured" : (COLOURS[index % COLOURS.length] ?? "--measured"));
    series.push({ label: line.label, stroke: css(colour), width: 1.25, points: { show: false }, value });
  }
  if (anomalous)
    series.push({
      label: "anomaly",
      stroke: css("--critical"),
      width: 2,
      points: { show: true, size: 4, fill: css("--critical"), width: 0 },
      value,
    });
  return series;
}

/** Vertical rules at now and at named moments, drawn over the lines. */
function drawRules(plot: uPlot, rules: { at: number; word: string }[]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px sans-serif`;
  for (const { at, word } of rules) {
    const x = Math.round(plot.valToPos(at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width + 1) continue;
    ctx.strokeStyle = ctx.fillStyle = css("--muted");
    ctx.lineWidth = ratio;
    ctx.setLineDash(word === "now" ? [] : [4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (word === "now") continue;
    ctx.textAlign = x > bbox.left + bbox.width * 0.2 ? "right" : "left";
    ctx.fillText(word, x + (ctx.textAlign === "left" ? 4 : -4) * ratio, bbox.top + 12 * ratio);
  }
  ctx.restore();
}

const POWERS_OF_TWO = Array.from({ length: 60 }, (_, power) => 2 ** (power - 4));

function axes(unit: string, height: number): uPlot.Axis[] {
  const look = {
    stroke: css("--muted"),
    font: '11px Inter, ui-sans-serif, system-ui, "Segoe UI", sans-serif',
    grid: { stroke: css("--line"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...look, size: 24, values: timeLabels },
    {
      ...look,
      size: 68,
      space: height < 140 ? 18 : 36,
      ...(unit.startsWith("bytes") ? { incrs: POWERS_OF_TWO } : {}),
      values: (_, marks) => marks.map((mark) => formatValue(mark, unit)),
    },
  ];
}

function timeLabels(_: uPlot, marks: number[]): string[] {
  const [first = 0, second = first] = marks;
  const step = second - first;
  const options: Intl.DateTimeFormatOptions =
    step >= 86_400
      ? { day: "2-digit", month: "short" }
      : { hour: "2-digit", minute: "2-digit", ...(step > 0 && step < 60 ? { second: "2-digit" } : {}) };
  const format = new Intl.DateTimeFormat("en-GB", options);
  return marks.map((mark) => format.format(mark * 1000));
}

/** A line chart on a canvas. What it shows also stands in words, for those who do not see it. */
export function Chart({ data, unit, span, summary, height = 160, onZoom, rules = [], syncKey }: Props) {
  const theme = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ span, rules, onZoom });
  latest.current = { span, rules, onZoom };
  const shape = `${data.lines.map(({ label }) => label).join("\n")}|${Boolean(data.band)}|${Boolean(data.anomalous)}`;
  const rows = useMemo(() => columns(data), [data]);
  const current = useRef(data);
  current.current = data;

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const chart = new uPlot(
      {
        width: Math.max(80, element.clientWidth),
        height,
        series: seriesOf(current.current, unit),
        bands: current.current.band ? [{ series: [2, 1], fill: css("--band") }] : [],
        axes: axes(unit, height),
        legend: { show: false },
        cursor: {
          drag: { x: Boolean(latest.current.onZoom), y: false, setScale: false, dist: 6 },
          points: { size: 6 },
          ...(syncKey ? { sync: { key: syncKey } } : {}),
        },
        scales: { x: { time: true, range: () => [latest.current.span.start, latest.current.span.end] } },
        hooks: {
          draw: [(drawn) => drawRules(drawn, [{ at: Date.now() / 1000, word: "now" }, ...latest.current.rules])],
          setCursor: [(moved) => showReading(moved, element)],
          setSelect: [
            (selected) => {
              const { left, width } = selected.select;
              if (width < 6) return;
              const zoomed = { start: selected.posToVal(left, "x"), end: selected.posToVal(left + width, "x") };
              selected.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onZoom?.(zoomed);
            },
          ],
        },
      },
      columns(current.current),
      element,
    );
    plot.current = chart;
    const watch = new ResizeObserver(() => chart.setSize({ width: Math.max(80, element.clientWidth), height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape, unit, height, theme, syncKey]);

  useEffect(() => plot.current?.setData(rows), [rows, span.start, span.end]);

  return (
    <figure className="relative">
      <div ref={holder} role="img" aria-label={summary} />
      <output data-reading className="pointer-events-none absolute top-0 right-0 hidden rounded bg-panel px-1 text-meta" />
    </figure>
  );
}

/** The values under the cursor, in the corner, where they hide nothing under the hand. */
function showReading(plot: uPlot, element: HTMLElement): void {
  const output = element.parentElement?.querySelector<HTMLElement>("[data-reading]");
  if (!output) return;
  const { idx } = plot.cursor;
  if (idx === null || idx === undefined || (plot.cursor.left ?? -1) < 0) {
    output.style.display = "none";
    return;
  }
  const parts: string[] = [];
  for (let at = 1; at < plot.series.length && parts.length < 6; at += 1) {
    const series = plot.series[at];
    const value = plot.data[at]?.[idx];
    if (!series || value === null || value === undefined) continue;
    const shown = typeof series.value === "function" ? series.value(plot, value, at, idx) : value;
    parts.push(`${String(series.label)} ${String(shown)}`);
  }
  const time = new Date((plot.data[0][idx] ?? 0) * 1000).toLocaleTimeString("en-GB");
  output.textContent = [time, ...parts].join("   ");
  output.style.display = "block";
}
