import { expect, test } from "vitest";
import { blocks, inlines, safeHref } from "./markdown";

test("headings, lists, code and paragraphs are told apart", () => {
  const found = blocks("# Disk full\n\nLook first:\n\n1. `df -h`\n2. **then** wait\n\n```\nrm -rf /tmp/x\n```\n> mind");
  expect(found.map(({ kind }) => kind)).toEqual(["heading", "paragraph", "list", "code", "quote"]);
  expect(found[2]).toMatchObject({ ordered: true, items: [[{ kind: "code", text: "df -h" }], [{ kind: "strong" }, { kind: "text" }]] });
});

test("HTML is text, and only the web is linked to", () => {
  expect(blocks("<script>alert(1)</script>")).toEqual([
    { kind: "paragraph", parts: [{ kind: "text", text: "<script>alert(1)</script>" }] },
  ]);
  expect(inlines("[x](javascript:alert(1))").every(({ kind }) => kind === "text")).toBe(true);
  expect(safeHref("data:text/html,x")).toBeNull();
  expect(inlines("see [wiki](https://w.example/a)")[1]).toEqual({ kind: "link", text: "wiki", href: "https://w.example/a" });
});

test("an unclosed fence ends with the text", () => {
  expect(blocks("```\na\nb")).toEqual([{ kind: "code", text: "a\nb" }]);
});
