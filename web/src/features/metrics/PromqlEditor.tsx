import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewline } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { FleetNames } from "./fleetNames";

export interface EditorProps {
  value: string;
  label: string;
  /** Where the hub stopped understanding, counted from 1. */
  fault: number | null;
  clusterIds: string[] | undefined;
  /** Whether `/` leads here. */
  first: boolean;
  onChange: (value: string) => void;
  onRun: () => void;
}

/** PromQL with colours, and completed from what the fleet has: Enter runs it, Shift Enter begins a line. */
export default function PromqlEditor({ value, label, fault, clusterIds, first, onChange, onRun }: EditorProps) {
  const holder = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | null>(null);
  const client = useQueryClient();
  const latest = useRef({ value, onChange, onRun });
  latest.current = { value, onChange, onRun };
  const language = useRef(new Compartment());
  const chosen = clusterIds?.join(" ") ?? "";

  useEffect(() => {
    if (!holder.current) return;
    const runNow = () => {
      latest.current.onRun();
      return true;
    };
    const view = new EditorView({
      parent: holder.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          language.current.of([]),
          faults,
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ icons: false }),
          syntaxHighlighting(COLOURS),
          placeholder("PromQL, such as rate(node_network_receive_bytes_total[1m])"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, ...(first ? { "data-search": "" } : {}) }),
          // Below completion, whose Enter takes what is offered.
          Prec.high(
            keymap.of([
              { key: "Shift-Enter", run: insertNewline },
              { key: "Mod-Enter", run: runNow },
            ]),
          ),
          keymap.of([
            ...completionKeymap,
            ...closeBracketsKeymap,
            { key: "Enter", run: runNow },
            ...historyKeymap,
            ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
          LOOK,
        ],
      }),
    });
    editor.current = view;
    return () => {
      view.destroy();
      editor.current = null;
    };
  }, [label, first]);

  useEffect(() => {
    const names = new FleetNames(client, chosen ? chosen.split(" ") : undefined);
    names.warm();
    const promql = new PromQLExtension().setComplete({ remote: names });
    editor.current?.dispatch({ effects: language.current.reconfigure(promql.asExtension()) });
    return () => promql.destroy();
  }, [client, chosen, label, first]);

  useEffect(() => {
    const view = editor.current;
    if (!view || view.state.doc.toString() === value) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    editor.current?.dispatch({ effects: setFault.of(fault) });
  }, [fault]);

  return <div ref={holder} className="min-w-0 flex-1" />;
}

const setFault = StateEffect.define<number | null>();
const underlined = Decoration.mark({ class: "promql-fault" });

/** The fault that the hub told of, underlined until somebody writes. */
const faults = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, change) {
    let next = change.docChanged ? Decoration.none : marks;
    for (const effect of change.effects) {
      if (!effect.is(setFault)) continue;
      const length = change.newDoc.length;
      if (effect.value === null || length === 0) {
        next = Decoration.none;
        continue;
      }
      // A fault at the end has no letter of its own.
      const from = Math.min(Math.max(effect.value - 1, 0), length - 1);
      const word = /^[\w:]+/.exec(change.newDoc.sliceString(from))?.[0].length ?? 1;
      next = Decoration.set([underlined.range(from, Math.min(length, from + word))]);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.function(tags.variableName), tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--line-5)" },
  { tag: [tags.labelName, tags.propertyName], color: "var(--line-3)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--line-2)" },
  { tag: [tags.number, tags.literal], color: "var(--line-1)" },
  { tag: tags.comment, color: "var(--muted)" },
  { tag: tags.invalid, color: "var(--critical)" },
]);

const LOOK = EditorView.theme({
  "&": { border: "1px solid var(--control)", borderRadius: "4px", background: "var(--panel)", minHeight: "32px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", maxHeight: "200px" },
  ".cm-content": { padding: "5px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 8px" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--band)" },
  ".cm-tooltip": { background: "var(--panel)", color: "var(--text)", border: "1px solid var(--control)", borderRadius: "6px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono)", maxHeight: "16em" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--raised)", color: "var(--text)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600", color: "var(--accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal" },
  ".cm-completionInfo": { maxWidth: "360px", padding: "6px 8px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--critical)" },
  ".promql-fault": { textDecoration: "underline wavy var(--critical)", textUnderlineOffset: "3px" },
});
