/** The live stream: one WebSocket, its sequence numbers, and what must be read again after each event. */

export interface LiveEvent {
  type: "event";
  seq: number;
  event_id: string;
  event_type: string;
  cluster_id: string | null;
  timestamp: string;
  payload: Record<string, unknown>;
}

type Arrival = "next" | "gap" | "seen";

/** Watches sequence numbers: a missing one means that something must be fetched again. */
export class Sequence {
  private last: number | null = null;

  arrive(seq: number): Arrival {
    const last = this.last;
    if (last !== null && seq <= last) return "seen";
    this.last = seq;
    return last === null || seq === last + 1 ? "next" : "gap";
  }

  /** A new connection counts from its own start. */
  reset(): void {
    this.last = null;
  }
}

/** Milliseconds before attempt number `attempt` (from 0): doubling to 15 s, spread so that clients do not come at once. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
  return ceiling / 2 + (random() * ceiling) / 2;
}

const TOPICS: [prefix: string, keys: string[]][] = [
  ["CLUSTER_", ["clusters", "fleet-summary", "offers", "credentials"]],
  ["ALERT_", ["alerts", "alert"]],
  ["GPU_", ["gpu/summary", "gpu/nodes", "gpu/processes"]],
  ["ANOMALY_", ["anomalies", "expectations", "groups"]],
  ["WATCH_", ["watches"]],
  ["INCIDENT_", ["incidents", "incident", "anomalies"]],
  ["LOG_FINDING_", ["log-patterns", "log-findings"]],
  ["PREDICTION_", ["forecasts", "forecast"]],
  ["RCA_", ["incident", "incidents"]],
  ["TRACE_", ["traces"]],
  ["MAINTENANCE_", ["maintenance", "alerts"]],
  ["SILENCE_", ["maintenance"]],
  ["CHANGE_", ["changes"]],
];

export const ALL_TOPICS = [...new Set(TOPICS.flatMap(([, keys]) => keys))];

/** The first part of the query keys that an event makes old. */
export function topicsOf(eventType: string): string[] {
  return TOPICS.find(([prefix]) => eventType.startsWith(prefix))?.[1] ?? [];
}

export type Connection = "connecting" | "open" | "reconnecting";

export interface LiveState {
  connection: Connection;
  /** By the button, or because somebody reads: the page stays still. */
  paused: boolean;
  /** Only because the pointer is over a list. */
  lightly: boolean;
  /** Events that came meanwhile. */
  waiting: number;
  /** The same by the first topic that each made old. */
  waitingFor: Record<string, number>;
  /** How often a paused page was let go on. */
  resumed: number;
  /** When the line was lost, in milliseconds; null while it holds. */
  lostAt: number | null;
}

export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

/** What is made only for those who ask for it by name. */
interface Want {
  event_types: string[];
  cluster_filter: string[];
  /** The hub's, once it has answered on this line. */
  id: string | null;
  dropped: boolean;
}

const EVERYTHING = { event_types: [], cluster_filter: [] };

interface Parts {
  connect: () => Socket;
  /** Reads these topics again. */
  refresh: (topics: string[]) => void;
  /** The hub says that nobody is signed in on this line any more. */
  signedOut?: () => void;
  /** Every event once, also while the page is held. */
  heard?: (event: LiveEvent) => void;
  now?: () => number;
  later?: (run: () => void, ms: number) => unknown;
  cancel?: (timer: unknown) => void;
}

const PING_MS = 25_000;
const SILENCE_MS = 70_000;
const BY_HAND = "hand";
/** The reason of a pointer over a list: it goes by itself, so it is not told as a pause until something waits. */
export const POINTER = "pointer";

/** Keeps the stream open, says in what state it is, and asks for fresh reads; while something holds it, it only counts. */
export class Live {
  private state: LiveState = {
    connection: "connecting",
    paused: false,
    lightly: false,
    waiting: 0,
    waitingFor: {},
    resumed: 0,
    lostAt: null,
  };
  private readonly listeners = new Set<() => void>();
  private readonly sequence = new Sequence();
  private readonly held = new Set<string>();
  private readonly holds = new Set<string>();
  private readonly due = new Set<string>();
  private readonly wants = new Set<Want>();
  /** The subscriptions that the hub has yet to answer, in their order; null is that to everything. */
  private asked: (Want | null)[] = [];
  private socket: Socket | null = null;
  private attempt = 0;
  private wasOpen = false;
  private stopped = true;
  private timers: Record<string, unknown> = {};
  private readonly later: (run: () => void, ms: number) => unknown;
  private readonly cancel: (timer: unknown) => void;
  private readonly now: () => number;

  constructor(private readonly parts: Parts) {
    this.now = parts.now ?? Date.now;
    this.later = parts.later ?? ((run, ms) => setTimeout(run, ms));
    this.cancel = parts.cancel ?? ((timer) => clearTimeout(timer as number));
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): LiveState => this.state;

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.open();
  }

  stop(): void {
    this.stopped = true;
    for (const name of Object.keys(this.timers)) this.clear(name);
    this.socket?.close();
    this.socket = null;
  }

  /** The button: going on lets go of every hold. */
  setPaused(paused: boolean): void {
    if (paused) return this.hold(BY_HAND);
    this.holds.clear();
    this.goOn();
  }

  /** Keeps the page still for a reason, such as a selection, until `release` of the same reason. */
  hold(reason: string): void {
    if (this.holds.has(reason)) return;
    this.holds.add(reason);
    this.change(this.state.paused ? this.light() : { paused: true, waiting: 0, waitingFor: {}, ...this.light() });
  }

  release(reason: string): void {
    if (!this.holds.delete(reason)) return;
    if (this.holds.size === 0) this.goOn();
    else this.change(this.light());
  }

  /** Asks for events that are made only while somebody wants them, until what it gives is called. */
  want(event_types: string[], cluster_filter: string[] = []): () => void {
    const want: Want = { event_types, cluster_filter, id: null, dropped: false };
    this.wants.add(want);
    if (this.state.connection === "open") this.ask(want);
    return () => {
      want.dropped = true;
      this.wants.delete(want);
      this.drop(want);
    };
  }

  private ask(want: Want | null): void {
    this.asked.push(want);
    const { event_types, cluster_filter } = want ?? EVERYTHING;
    this.socket?.send(JSON.stringify({ type: "subscribe", subscription: { event_types, cluster_filter } }));
  }

  private drop({ id }: Want): void {
    if (id !== null) this.socket?.send(JSON.stringify({ type: "unsubscribe", subscription_id: id }));
  }

  /** The hub answers in the order of the questions. */
  private subscribed(id: string | null): void {
    const want = this.asked.shift();
    if (!want) return;
    want.id = id;
    if (want.dropped) this.drop(want);
  }

  private light(): Partial<LiveState> {
    return { lightly: this.holds.size === 1 && this.holds.has(POINTER) };
  }

  private goOn(): void {
    if (!this.state.paused) return;
    this.change({ paused: false, lightly: false, waiting: 0, waitingFor: {}, resumed: this.state.resumed + 1 });
    if (this.held.size) this.queue([...this.held]);
    this.held.clear();
  }

  private open(): void {
    const socket = this.parts.connect();
    this.socket = socket;
    this.sequence.reset();
    socket.onopen = () => {
      this.asked = [];
      this.ask(null);
      for (const want of this.wants) {
        want.id = null;
        this.ask(want);
      }
      this.attempt = 0;
      this.change({ connection: "open", lostAt: null });
      // What happened while the line was down was not sent: read everything again.
      if (this.wasOpen) this.apply(ALL_TOPICS, 0);
      this.wasOpen = true;
      this.ping();
      this.listen();
    };
    socket.onmessage = ({ data }) => {
      this.listen();
      if (typeof data === "string") this.receive(data);
    };
    socket.onclose = () => this.lost(socket);
  }

  private lost(socket: Socket): void {
    if (this.stopped || this.socket !== socket) return;
    this.socket = null;
    this.clear("ping");
    this.clear("silence");
    this.change({
      connection: this.wasOpen ? "reconnecting" : "connecting",
      lostAt: this.state.lostAt ?? this.now(),
    });
    this.set("retry", () => this.open(), backoff(this.attempt));
    this.attempt += 1;
    // Where only the line is cut (a proxy that knows no WebSocket), the page goes on by asking.
    if (this.attempt > 2) this.apply(ALL_TOPICS, 0);
  }

  private ping(): void {
    this.set(
      "ping",
      () => {
        this.socket?.send(JSON.stringify({ type: "ping" }));
        this.ping();
      },
      PING_MS,
    );
  }

  /** A line that says nothing for so long, not even pong, is dead. */
  private listen(): void {
    const socket = this.socket;
    if (!socket) return;
    this.set(
      "silence",
      () => {
        socket.onclose = null;
        socket.close();
        this.lost(socket);
      },
      SILENCE_MS,
    );
  }

  private receive(text: string): void {
    const message = parse(text);
    if (message === null) return;
    if (message.type === "ping") return this.socket?.send(JSON.stringify({ type: "pong" }));
    if (message.type === "error" && message.code === "QUEUE_FULL") return this.apply(ALL_TOPICS, 0);
    if (message.type === "error" && String(message.code).startsWith("AUTH")) return this.parts.signedOut?.();
    if (message.type === "subscribed") return this.subscribed(String(message.subscription_id));
    if (message.type === "error" && message.code === "INVALID_SUBSCRIPTION") return this.subscribed(null);
    if (message.type !== "event") return;
    const event = message as unknown as LiveEvent;
    const arrival = this.sequence.arrive(event.seq);
    if (arrival === "seen") return;
    this.parts.heard?.(event);
    this.apply(arrival === "gap" ? ALL_TOPICS : topicsOf(event.event_type), 1);
  }

  private apply(topics: string[], events: number): void {
    if (!this.state.paused) return this.queue(topics);
    for (const topic of topics) this.held.add(topic);
    const [first] = topics;
    if (!events || first === undefined) return;
    const { waiting, waitingFor } = this.state;
    this.change({
      waiting: waiting + events,
      waitingFor: { ...waitingFor, [first]: (waitingFor[first] ?? 0) + events },
    });
  }

  /** Events come in bursts: one read serves all those of a tenth of a second. */
  private queue(topics: string[]): void {
    const first = this.due.size === 0;
    for (const topic of topics) this.due.add(topic);
    if (!first || this.due.size === 0) return;
    this.set(
      "flush",
      () => {
        const due = [...this.due];
        this.due.clear();
        this.parts.refresh(due);
      },
      100,
    );
  }

  private set(name: string, run: () => void, ms: number): void {
    this.clear(name);
    this.timers[name] = this.later(run, ms);
  }

  private clear(name: string): void {
    if (name in this.timers) this.cancel(this.timers[name]);
    delete this.timers[name];
  }

  private change(part: Partial<LiveState>): void {
    this.state = { ...this.state, ...part };
    for (const listener of this.listeners) listener();
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
