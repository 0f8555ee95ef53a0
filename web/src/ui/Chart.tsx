import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatMarks, formatValue } from "../lib/format";
import type { Span } from "../lib/time";
import { useTheme } from "../shell/store";

export interface Line {
  label: string;
  values: (number | null)[];
  /** Which of several it is, where not all of them are drawn: it keeps its colour. */
  at?: number;
  /** What is foreseen is dashed, and a limit is thin and grey; neither takes a colour from the others. */
  look?: "measured" | "foreseen" | "limit";
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
  /** The line to bring forward, by its place. */
  forward?: number | null;
  /** The line under the cursor, by its place. */
  onForward?: (line: number | null) => void;
}

/** None is red: that is for the anomaly alone. */
const COLOURS = Array.from({ length: 10 }, (_, at) => `--line-${at + 1}`);
/** When the colours come round again, the line is broken differently. */
const DASHES = [[], [8, 4], [2, 3]];

/** The colour and the dashes of line number `at` of `count`. */
export function lineLook(at: number, count: number): { colour: string; dash: number[] } {
  if (count === 1) return { colour: "--measured", dash: [] };
  return {
    colour: COLOURS[at % COLOURS.length] ?? "--measured",
    dash: DASHES[Math.floor(at / COLOURS.length) % DASHES.length] ?? [],
  };
}

const LOOKS = {
  measured: { colour: "--measured", dash: [] },
  foreseen: { colour: "--measured", dash: [6, 4] },
  limit: { colour: "--muted", dash: [2, 3] },
};

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
  for (const [index, line] of lines.entries()) {
    const look = line.look ? LOOKS[line.look] : lineLook(line.at ?? index, line.at === undefined ? lines.length : 2);
    series.push({ label: line.label, stroke: css(look.colour), dash: look.dash, width: 1.25, points: { show: false }, value });
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
  const taken: Stretch[][] = [];
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
    if (word === "now" || !word) continue;
    ctx.textAlign = x > bbox.left + bbox.width * 0.2 ? "right" : "left";
    const start = x + (ctx.textAlign === "left" ? 4 : -4) * ratio;
    const wide = ctx.measureText(word).width + 8 * ratio;
    const row = freeRow(taken, ctx.textAlign === "left" ? { from: start, to: start + wide } : { from: start - wide, to: start });
    ctx.fillText(word, start, bbox.top + 12 * ratio * (row + 1));
  }
  ctx.restore();
}

interface Stretch {
  from: number;
  to: number;
}

/** The first row in which a word hides no other; it is taken then. */
export function freeRow(taken: Stretch[][], word: Stretch): number {
  const found = taken.findIndex((row) => row.every(({ from, to }) => word.to <= from || word.from >= to));
  const row = found < 0 ? taken.push([]) - 1 : found;
  taken[row]?.push(word);
  return row;
}

/** As many lines are read out together. */
const FEW = 4;

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
      values: (_, marks) => formatMarks(marks, unit),
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
export function Chart({ data, unit, span, summary, height = 160, onZoom, rules = [], syncKey, forward = null, onForward }: Props) {
  const theme = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ span, rules, onZoom, onForward });
  latest.current = { span, rules, onZoom, onForward };
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
          // Of many lines, the one nearest to the cursor is meant.
          ...(current.current.lines.length > 1 ? { focus: { prox: 30 } } : {}),
          ...(syncKey ? { sync: { key: syncKey } } : {}),
        },
        focus: { alpha: 0.25 },
        scales: { x: { time: true, range: () => [latest.current.span.start, latest.current.span.end] } },
        hooks: {
          draw: [(drawn) => drawRules(drawn, [{ at: Date.now() / 1000, word: "now" }, ...latest.current.rules])],
          setCursor: [(moved) => showReading(moved, element)],
          setSeries: [
            (focused, at) => {
              const many = current.current.lines.length > 1 && !current.current.band;
              if (many) latest.current.onForward?.(at === null || at < 1 ? null : at - 1);
              showReading(focused, element);
            },
          ],
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

  useEffect(() => {
    plot.current?.setSeries(forward === null ? null : forward + 1, { focus: forward !== null }, false);
  }, [forward]);

  const ruled = rules.map(({ at, word }) => `${at} ${word}`).join("\n");
  useEffect(() => plot.current?.setData(rows), [rows, span.start, span.end, ruled]);

  return (
    <figure className="relative">
      <div ref={holder} role="img" aria-label={summary} />
      <output data-reading className="pointer-events-none absolute top-0 right-0 hidden max-w-full truncate rounded bg-panel px-1 text-meta whitespace-pre" />
    </figure>
  );
}

/** The values under the cursor, in the corner, where they hide nothing under the hand; of many lines, of the nearest. */
function showReading(plot: uPlot, element: HTMLElement): void {
  const output = element.parentElement?.querySelector<HTMLElement>("[data-reading]");
  if (!output) return;
  const { idx } = plot.cursor;
  if (idx === null || idx === undefined || (plot.cursor.left ?? -1) < 0) {
    output.style.display = "none";
    return;
  }
  const all = plot.series.map((series, at) => ({ series, at })).slice(1);
  const near = all.filter(({ series }) => (series as { _focus?: boolean | null })._focus === true);
  const told = all.length > FEW ? near : all;
  const parts = told.slice(0, FEW).flatMap(({ series, at }) => {
    const value = plot.data[at]?.[idx];
    if (value === null || value === undefined) return [];
    const shown = typeof series.value === "function" ? series.value(plot, value, at, idx) : value;
    return [`${String(series.label)} ${String(shown)}`];
  });
  const time = new Date((plot.data[0][idx] ?? 0) * 1000).toLocaleTimeString("en-GB");
  output.textContent = [time, ...parts].join("   ");
  output.style.display = "block";
}
