import { describe, expect, it } from "vitest";
import { completed, completionAt, fitting, givesLines, narrowed } from "./logql";

const at = (text: string) => {
  const cursor = text.indexOf("|");
  return completionAt(text.replace("|", ""), cursor);
};

describe("completion", () => {
  it("offers labels inside of a selector, and values behind their sign", () => {
    expect(at("{|")).toMatchObject({ kind: "label", typed: "" });
    expect(at("{na|")).toMatchObject({ kind: "label", typed: "na", from: 1 });
    expect(at('{app="shop", na|}')).toMatchObject({ kind: "label", typed: "na" });
    expect(at('{app=~"sh|"}')).toMatchObject({ kind: "value", name: "app", typed: "sh" });
    expect(at('sum(rate({app="|')).toMatchObject({ kind: "value", name: "app", typed: "" });
  });

  it("offers nothing outside, nor in the text of a line", () => {
    expect(at('{app="shop"} |')).toBeNull();
    expect(at("rate|")).toBeNull();
    expect(completionAt('{app="shop"} |= "{na', 20)).toBeNull();
  });

  it("puts the word in with its quotes and the cursor behind", () => {
    const label = completionAt("{na", 3);
    expect(label && completed("{na", 3, label, "namespace")).toEqual(['{namespace=""', 12]);
    const value = completionAt('{app="s"}', 7);
    expect(value && completed('{app="s"}', 7, value, 'sh"op')).toEqual(['{app="sh\\"op"}', 13]);
  });

  it("names first what begins as typed", () => {
    expect(fitting(["my_app", "app", "pod"], "ap")).toEqual(["app", "my_app"]);
  });
});

describe("narrowing", () => {
  it("adds a matcher to the selector, in place of an equal one", () => {
    expect(narrowed('{app="shop"} |= "x"', "pod", 'a"b', "=", true)).toBe('{app="shop", pod="a\\"b"} |= "x"');
    expect(narrowed('{app="shop"}', "app", "bank", "=", true)).toBe('{app="bank"}');
    expect(narrowed('{pod=~".+", app="shop", ns="a"}', "app", "bank", "=", true)).toBe('{pod=~".+", ns="a", app="bank"}');
    expect(narrowed('{app=~".+"}', "app", "bank", "!=", true)).toBe('{app=~".+", app!="bank"}');
  });

  it("filters what belongs to the line behind the selector", () => {
    expect(narrowed('{app="}"}', "user", "ann", "=", false)).toBe('{app="}"} | user="ann"');
  });
});

it("tells lines from numbers", () => {
  expect([givesLines(' ({app="x"})'), givesLines('sum(rate({app="x"}[1m]))')]).toEqual([true, false]);
});
