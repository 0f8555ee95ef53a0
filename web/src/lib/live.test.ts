import { describe, expect, test } from "vitest";
import { ALL_TOPICS, Live, Sequence, type Socket, backoff, topicsOf } from "./live";

class Line implements Socket {
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.onclose?.();
  }
  answer(subscription_id: string): void {
    this.onmessage?.({ data: JSON.stringify({ type: "subscribed", subscription_id }) });
  }
  event(seq: number, event_type: string): void {
    this.onmessage?.({ data: JSON.stringify({ type: "event", seq, event_type }) });
  }
}

/** Time that passes only when told to. */
class Timers {
  private now = 0;
  private waiting: { at: number; run: () => void }[] = [];
  later = (run: () => void, ms: number) => {
    const timer = { at: this.now + ms, run };
    this.waiting.push(timer);
    return timer;
  };
  cancel = (timer: unknown) => {
    this.waiting = this.waiting.filter((one) => one !== timer);
  };
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = this.waiting.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.now = next.at;
      this.cancel(next);
      next.run();
    }
    this.now = until;
  }
}

function start() {
  const lines: Line[] = [];
  const refreshed: string[][] = [];
  const timers = new Timers();
  const live = new Live({
    connect: () => {
      const line = new Line();
      lines.push(line);
      return line;
    },
    refresh: (topics) => refreshed.push(topics),
    later: timers.later,
    cancel: timers.cancel,
  });
  live.start();
  const line = (): Line => lines.at(-1) as Line;
  line().onopen?.();
  return { live, line, lines, refreshed, timers };
}

describe("the live stream", () => {
  test("subscribes on opening and reads again what an event made old", () => {
    const { line, refreshed, timers } = start();
    expect(JSON.parse(line().sent[0] ?? "")).toMatchObject({ type: "subscribe" });
    line().event(1, "INCIDENT_OPENED");
    timers.pass(100);
    expect(refreshed).toEqual([topicsOf("INCIDENT_OPENED")]);
  });

  test("reads a burst once", () => {
    const { line, refreshed, timers } = start();
    for (let seq = 1; seq <= 50; seq += 1) line().event(seq, "ALERT_FIRED");
    timers.pass(100);
    expect(refreshed).toEqual([topicsOf("ALERT_FIRED")]);
  });

  test("reads everything after a gap, and nothing for a repeat", () => {
    const { line, refreshed, timers } = start();
    line().event(1, "ALERT_FIRED");
    timers.pass(100);
    line().event(1, "ALERT_FIRED");
    timers.pass(100);
    expect(refreshed).toHaveLength(1);
    line().event(3, "ALERT_FIRED");
    timers.pass(100);
    expect(refreshed[1]).toEqual(ALL_TOPICS);
  });

  test("reads everything when the server dropped events of a full queue", () => {
    const { line, refreshed, timers } = start();
    line().onmessage?.({ data: JSON.stringify({ type: "error", code: "QUEUE_FULL", message: "" }) });
    timers.pass(100);
    expect(refreshed).toEqual([ALL_TOPICS]);
  });

  test("comes back after a loss and reads everything, since nobody kept what it missed", () => {
    const { live, line, lines, refreshed, timers } = start();
    line().event(7, "ALERT_FIRED");
    timers.pass(100);
    line().close();
    expect(live.snapshot().connection).toBe("reconnecting");
    timers.pass(1000);
    expect(lines).toHaveLength(2);
    line().onopen?.();
    line().event(1, "ALERT_FIRED");
    timers.pass(100);
    expect(live.snapshot().connection).toBe("open");
    expect(refreshed.at(-1)).toEqual(ALL_TOPICS);
  });

  test("asks by name for what is made only on demand, on every new line, until it is wanted no more", () => {
    const { live, line, timers } = start();
    const drop = live.want(["TRACE_RECEIVED"], ["east"]);
    const wanted = { type: "subscribe", subscription: { event_types: ["TRACE_RECEIVED"], cluster_filter: ["east"] } };
    expect(JSON.parse(line().sent.at(-1) ?? "")).toEqual(wanted);
    line().close();
    timers.pass(1000);
    line().onopen?.();
    expect(line().sent.map((one) => JSON.parse(one))).toContainEqual(wanted);
    line().answer("everything");
    drop();
    line().answer("of traces");
    expect(JSON.parse(line().sent.at(-1) ?? "")).toEqual({ type: "unsubscribe", subscription_id: "of traces" });
  });

  test("takes a silent line for dead", () => {
    const { live, lines, timers } = start();
    timers.pass(72_000);
    expect(live.snapshot().connection).toBe("reconnecting");
    timers.pass(1000);
    expect(lines).toHaveLength(2);
  });

  test("counts while paused and applies on going on", () => {
    const { live, line, refreshed, timers } = start();
    live.setPaused(true);
    line().event(1, "ALERT_FIRED");
    line().event(2, "CLUSTER_UPDATED");
    timers.pass(1000);
    expect(refreshed).toEqual([]);
    expect(live.snapshot()).toMatchObject({ paused: true, waiting: 2 });
    live.setPaused(false);
    timers.pass(100);
    expect(new Set(refreshed[0])).toEqual(new Set([...topicsOf("ALERT_FIRED"), ...topicsOf("CLUSTER_UPDATED")]));
    expect(live.snapshot().waiting).toBe(0);
  });

  test("stays still until the last reason to hold is gone, and counts by what changed", () => {
    const { live, line, refreshed, timers } = start();
    live.hold("scroll");
    live.hold("selection");
    line().event(1, "ALERT_FIRED");
    line().event(2, "INCIDENT_OPENED");
    line().event(3, "ALERT_FIRED");
    live.release("scroll");
    timers.pass(1000);
    expect(refreshed).toEqual([]);
    expect(live.snapshot()).toMatchObject({ paused: true, waitingFor: { alerts: 2, incidents: 1 } });
    live.release("selection");
    timers.pass(100);
    expect(refreshed).toHaveLength(1);
    expect(live.snapshot()).toMatchObject({ paused: false, waiting: 0, resumed: 1 });
  });

  test("going on by the button lets go of every hold", () => {
    const { live } = start();
    live.hold("scroll");
    live.setPaused(true);
    live.setPaused(false);
    expect(live.snapshot().paused).toBe(false);
    live.release("scroll");
    expect(live.snapshot().resumed).toBe(1);
  });

  test("says since when the line is lost, and asks by itself where it stays lost", () => {
    const { live, line, refreshed, timers } = start();
    line().close();
    const { lostAt } = live.snapshot();
    expect(lostAt).not.toBeNull();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      timers.pass(5000);
      line().close();
    }
    timers.pass(100);
    expect(live.snapshot().lostAt).toBe(lostAt);
    expect(refreshed.at(-1)).toEqual(ALL_TOPICS);
  });

  test("tells when the session of the line has ended", () => {
    let told = 0;
    const line = new Line();
    new Live({ connect: () => line, refresh: () => undefined, signedOut: () => (told += 1) }).start();
    line.onmessage?.({ data: JSON.stringify({ type: "error", code: "AUTH_EXPIRED", message: "" }) });
    expect(told).toBe(1);
  });

  test("answers the server's ping and survives what it cannot read", () => {
    const { line } = start();
    line().onmessage?.({ data: "not json" });
    line().onmessage?.({ data: JSON.stringify({ type: "ping" }) });
    expect(JSON.parse(line().sent.at(-1) ?? "")).toEqual({ type: "pong" });
  });
});

test("waits longer each time, up to 15 s, never at once", () => {
  expect([0, 1, 2, 20].map((attempt) => backoff(attempt, () => 1))).toEqual([500, 1000, 2000, 15_000]);
  expect(backoff(0, () => 0)).toBe(250);
});

test("a first frame may start anywhere", () => {
  const sequence = new Sequence();
  expect([9, 10, 12, 11].map((seq) => sequence.arrive(seq))).toEqual(["next", "next", "gap", "seen"]);
});
