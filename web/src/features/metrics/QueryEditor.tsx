import { Suspense, lazy } from "react";
import type { EditorProps } from "./PromqlEditor";

const PromqlEditor = lazy(() => import("./PromqlEditor"));

/** A plain field until the editor has come: nobody waits to write. */
export function QueryEditor(props: EditorProps) {
  const { value, label, onChange, onRun } = props;
  return (
    <Suspense
      fallback={
        <textarea
          aria-label={label}
          className="field h-8 flex-1 py-1.5 font-mono"
          rows={1}
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            onRun();
          }}
        />
      }
    >
      <PromqlEditor {...props} />
    </Suspense>
  );
}
