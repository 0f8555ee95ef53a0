import {
  Background,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { type KeyboardEvent, createContext, useContext, useEffect, useMemo, useRef } from "react";
import { useTheme } from "../../shell/store";
import { SeverityMark } from "../../ui/marks";
import { type Direction, HEIGHT, type Placed, WIDTH, nearest, placed, viewOf } from "./layout";
import type { Box, Tie } from "./words";

interface Props {
  /** What the graph shows, for who can't see it. */
  label: string;
  boxes: Box[];
  ties: Tie[];
  /** The box that all is about. */
  chosen?: string;
  onOpen?: (id: string) => void;
  /** From top to bottom, for a narrow place. */
  down?: boolean;
}

type BoxNode = Node<{ box: Box; chosen: boolean; down: boolean }, "box">;

interface Acting {
  open?: (id: string) => void;
  walk: (from: string, direction: Direction) => void;
}

const ActingContext = createContext<Acting>({ walk: () => undefined });
const LABELS_AT_MOST = 40;
const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const NODE_TYPES = { box: BoxView };

/** Boxes and what they need, laid out from left to right; arrow keys walk, Enter opens. Fills what it stands in. */
export function Graph(props: Props) {
  return (
    <ReactFlowProvider>
      <Drawing {...props} />
    </ReactFlowProvider>
  );
}

function Drawing({ label, boxes, ties, chosen, onOpen, down = false }: Props) {
  const theme = useTheme();
  const flow = useReactFlow();
  // A refresh that changes only what is wrong must not move anything.
  const shape = `${boxes.map(({ id }) => id).join(" ")}|${ties.map(({ source, target }) => `${source} ${target}`).join(",")}`;
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const places = useMemo(() => placed(boxes.map(({ id }) => id), ties, down), [shape, down]);
  const nodes = useMemo(() => nodesOf(boxes, places, chosen, down), [boxes, places, chosen, down]);
  const edges = useMemo(() => edgesOf(ties), [ties]);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const seen = frame.current;
    if (!seen || !places.length) return;
    // Also when the frame gets another size; not when somebody has moved the drawing.
    const observer = new ResizeObserver(() => void flow.setViewport(viewOf(places, chosen, seen.clientWidth, seen.clientHeight)));
    observer.observe(seen);
    return () => observer.disconnect();
  }, [places, chosen, flow]);
  const acting = useMemo<Acting>(
    () => ({
      open: onOpen,
      walk: (from, direction) => {
        const next = nearest(places, from, direction);
        const place = places.find(({ id }) => id === next);
        if (!place) return;
        document.querySelector<HTMLElement>(`[data-box="${CSS.escape(place.id)}"]`)?.focus({ preventScroll: true });
        void flow.setCenter(place.x + WIDTH / 2, place.y + HEIGHT / 2, { zoom: flow.getZoom() });
      },
    }),
    [flow, onOpen, places],
  );
  return (
    <ActingContext value={acting}>
      <div ref={frame} role="group" aria-label={label} className="size-full min-h-64">
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          colorMode={theme}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          onlyRenderVisibleElements={nodes.length > 150}
          minZoom={0.15}
          maxZoom={1.5}
          proOptions={{ hideAttribution: true }}
        >
          <Background color="var(--line)" gap={20} />
          {/* In a narrow place they would lie on the boxes. */}
          {down ? null : <Controls showInteractive={false} className="rounded border border-control bg-panel" />}
        </ReactFlow>
      </div>
    </ActingContext>
  );
}

function nodesOf(boxes: Box[], places: Placed[], chosen: string | undefined, down: boolean): BoxNode[] {
  const at = new Map(places.map((place) => [place.id, place]));
  return boxes.map((box) => ({
    id: box.id,
    type: "box",
    position: at.get(box.id) ?? { x: 0, y: 0 },
    width: WIDTH,
    height: HEIGHT,
    data: { box, chosen: box.id === chosen, down },
  }));
}

function edgesOf(ties: Tie[]): Edge[] {
  return ties.map(({ source, target, label }) => ({
    id: `${source} ${target}`,
    source,
    target,
    label: ties.length <= LABELS_AT_MOST ? label : undefined,
    markerEnd: { type: MarkerType.ArrowClosed, color: "var(--control)", width: 14, height: 14 },
    style: { stroke: "var(--control)", strokeWidth: 1.25 },
    labelStyle: { fill: "var(--muted)", fontSize: 11 },
    labelBgStyle: { fill: "var(--panel)" },
    labelBgPadding: [4, 2],
  }));
}

function BoxView({ data: { box, chosen, down } }: NodeProps<BoxNode>) {
  const { open, walk } = useContext(ActingContext);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!ARROWS.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    walk(box.id, event.key as Direction);
  };
  return (
    <>
      <Handle type="target" position={down ? Position.Top : Position.Left} className="!size-px !min-h-0 !min-w-0 !border-0 !opacity-0" />
      <button
        type="button"
        data-box={box.id}
        aria-current={chosen || undefined}
        title={[`${box.title}: ${box.note}`, box.wrong, box.mark].filter(Boolean).join(", ")}
        className={`nopan pointer-events-auto flex size-full flex-col justify-center rounded-md border px-2 text-left hover:bg-raised ${
          chosen ? "border-2 border-accent bg-raised" : "border-control bg-panel"
        }`}
        onClick={() => open?.(box.id)}
        onKeyDown={onKeyDown}
      >
        <span className="flex items-baseline gap-2">
          <span className="min-w-0 flex-1 truncate text-body leading-4 font-medium">{box.title}</span>
          {box.mark ? <span className={`text-meta whitespace-nowrap ${chosen ? "font-medium" : "text-muted"}`}>{box.mark}</span> : null}
        </span>
        <span className="flex items-center gap-2 text-meta">
          {box.worst ? <SeverityMark severity={box.worst} /> : null}
          <span className="truncate text-muted">{box.wrong ?? box.note}</span>
        </span>
      </button>
      <Handle type="source" position={down ? Position.Bottom : Position.Right} className="!size-px !min-h-0 !min-w-0 !border-0 !opacity-0" />
    </>
  );
}
