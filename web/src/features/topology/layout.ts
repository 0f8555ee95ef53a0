import { Graph, layout as dagre } from "@dagrejs/dagre";

export interface Placed {
  id: string;
  x: number;
  y: number;
}

export interface Line {
  source: string;
  target: string;
}

export const WIDTH = 196;
export const HEIGHT = 46;
const GAP = 14;
const COLUMNS = 5;
const COLUMNS_DOWN = 2;

/**
 * Where each box lies: what needs others on the left, what they need to the right of it (`down`: above and below);
 * what stands alone below.
 */
export function placed(ids: string[], lines: Line[], down = false): Placed[] {
  const known = new Set(ids);
  const drawn = lines.filter(({ source, target }) => known.has(source) && known.has(target) && source !== target);
  const tied = new Set(drawn.flatMap(({ source, target }) => [source, target]));
  const graph = new Graph();
  graph.setGraph({ rankdir: down ? "TB" : "LR", nodesep: GAP, ranksep: down ? 34 : 84 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) if (tied.has(id)) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const { source, target } of drawn) graph.setEdge(source, target);
  if (tied.size) dagre(graph);
  const found = ids
    .filter((id) => tied.has(id))
    .map((id) => {
      const { x, y } = graph.node(id) as { x: number; y: number };
      return { id, x: x - WIDTH / 2, y: y - HEIGHT / 2 };
    });
  const top = found.length ? Math.max(...found.map(({ y }) => y)) + HEIGHT + 3 * GAP : 0;
  const columns = down ? COLUMNS_DOWN : COLUMNS;
  const alone = ids.filter((id) => !tied.has(id));
  return [
    ...found,
    ...alone.map((id, at) => ({
      id,
      x: (at % columns) * (WIDTH + GAP),
      y: top + Math.floor(at / columns) * (HEIGHT + GAP),
    })),
  ];
}

const READABLE = 0.72;
const MARGIN = 28;

/** The part of the drawing to begin with: all of it where that can be read, else as much as there is room for around one box. */
export function viewOf(boxes: Placed[], chosen: string | undefined, width: number, height: number) {
  const [left, top] = [Math.min(...boxes.map(({ x }) => x)), Math.min(...boxes.map(({ y }) => y))];
  const right = Math.max(...boxes.map(({ x }) => x)) + WIDTH;
  const bottom = Math.max(...boxes.map(({ y }) => y)) + HEIGHT;
  const fitting = Math.min((width - 2 * MARGIN) / (right - left), (height - 2 * MARGIN) / (bottom - top));
  const zoom = Math.min(1, Math.max(READABLE, fitting));
  const middle = boxes.find(({ id }) => id === chosen) ?? boxes[0];
  return {
    x: offset(left * zoom, right * zoom, ((middle?.x ?? 0) + WIDTH / 2) * zoom, width),
    y: offset(top * zoom, bottom * zoom, ((middle?.y ?? 0) + HEIGHT / 2) * zoom, height),
    zoom,
  };
}

/** Of one axis: centred where there is room for all, else around the middle without showing what is empty. */
function offset(from: number, to: number, middle: number, room: number): number {
  if (to - from + 2 * MARGIN <= room) return (room - from - to) / 2;
  return Math.min(MARGIN - from, Math.max(room - MARGIN - to, room / 2 - middle));
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The nearest box that lies in a direction of the one in hand: sideways counts double. */
export function nearest(boxes: Placed[], from: string, direction: Direction): string | undefined {
  const here = boxes.find(({ id }) => id === from);
  if (!here) return boxes[0]?.id;
  const flat = direction === "ArrowLeft" || direction === "ArrowRight";
  const sign = direction === "ArrowRight" || direction === "ArrowDown" ? 1 : -1;
  let best: { id: string; far: number } | undefined;
  for (const box of boxes) {
    const along = sign * (flat ? box.x - here.x : box.y - here.y);
    const beside = Math.abs(flat ? box.y - here.y : box.x - here.x);
    const far = along + 2 * beside;
    if (box.id !== from && along > 1 && (!best || far < best.far)) best = { id: box.id, far };
  }
  return best?.id;
}
