import { expect, test } from "vitest";
import { snippetsOf } from "./snippets";

test("each snippet names the hub it came from and carries the token", () => {
  for (const { text } of snippetsOf("https://hub.example", "t0ken")) {
    expect(text).toContain("https://hub.example/api/");
    expect(text).toContain("t0ken");
  }
});

test("what is posted is JSON once the shell has put the time in", () => {
  for (const { text } of snippetsOf("https://hub.example", "t").slice(1)) {
    const body = /-d '(.*)'$/s.exec(text)?.[1]?.replace(/'\$\(date.*?\)'/, "2026-01-31T10:00:00Z") ?? "";
    expect(Object.keys(JSON.parse(body) as object)).toHaveLength(1);
  }
});
