import { expect, test } from "vitest";
import type { IntakeRule } from "../../api/intake";
import { does, draftOf, labelsOf, labelText, wishOf } from "./words";

const table: IntakeRule = {
  id: "1",
  name: "Owners",
  position: 5,
  enabled: true,
  cluster_ids: null,
  source: "grafana",
  matchers: [{ name: "team", value: "", is_regex: false, is_equal: true }],
  extraction: null,
  mapping: { csv: "service,team\ncart,red\nbill,blue\n", match: ["service"], overwrite: true },
  deduplication: null,
  revision: 2,
  changed_by: "ann",
  changed_at: "2026-01-31T10:00:00Z",
};

test("a rule that is opened and saved untouched is the same rule", () => {
  const { id: _id, revision: _revision, changed_by: _by, changed_at: _at, ...told } = table;
  expect(wishOf(draftOf(table))).toEqual({ wish: told, wrong: null });
});

test("a rule is told in a line", () => {
  expect(does(table)).toBe("looks service up in 2 rows and sets team");
  expect(does({ ...table, mapping: null, deduplication: { labels: ["service"] } })).toBe("makes one of alerts with the same name, service");
});

test("labels are read line by line, and the wrong line is named", () => {
  const labels = { alertname: "Disk", url: "http://x/?a=b" };
  expect(labelsOf(labelText(labels))).toEqual({ labels, wrong: null });
  expect(labelsOf("a=1\nno label").wrong).toBe("no label");
});
