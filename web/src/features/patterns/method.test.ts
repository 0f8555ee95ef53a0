import { describe, expect, it } from "vitest";
import { methodNote, methodWords, nearness } from "./method";

describe("what is said of a search", () => {
  it("names what was at work", () => {
    expect(methodWords({ method: "local_model" })).toBe("by meaning (local model)");
    expect(methodWords({ method: "endpoint" })).toBe("by meaning (endpoint)");
    expect(methodWords({ method: "words" })).toBe("by words");
  });

  it("says why it is by words, and what the model has not seen yet", () => {
    expect(methodNote({ method: "words", note: "It is turned off.", waiting: 0 })).toBe("It is turned off.");
    expect(methodNote({ method: "local_model", note: null, waiting: 2 })).toContain("2 patterns");
    expect(methodNote({ method: "local_model", note: null, waiting: 0 })).toBeNull();
  });

  it("does not call the very words a likeness", () => {
    expect(nearness({ by: "words", score: 1 })).toBe("has these words");
    expect(nearness({ by: "words", score: 0.4 })).toBe("40 % of the words");
    expect(nearness({ by: "meaning", score: 0.834 })).toBe("83 % alike");
  });
});
