import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { logLabelValues, logLabels } from "../../api/signals";
import { completed, completionAt, fitting } from "./logql";

interface Props {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
  clusterIds?: string[];
}

/** LogQL, with the names and values of labels offered inside of a selector. */
export function QueryField({ value, onChange, onRun, clusterIds }: Props) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [at, setAt] = useState(-1);
  const completion = cursor === null ? null : completionAt(value, cursor);
  const labels = useQuery({ ...logLabels(clusterIds), enabled: cursor !== null });
  const values = useQuery(logLabelValues(completion?.kind === "value" ? completion.name : "", clusterIds));
  const words = completion?.kind === "value" ? values.data?.values : labels.data?.labels;
  const offered = completion && words ? fitting(words, completion.typed) : [];
  const chosen = at < offered.length ? at : -1;
  const take = (word: string) => {
    if (!completion || cursor === null) return;
    const [text, behind] = completed(value, cursor, completion, word);
    onChange(text);
    setAt(-1);
    setCursor(behind);
    requestAnimationFrame(() => field.current?.setSelectionRange(behind, behind));
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const word = offered[chosen];
    if (offered.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      setAt(Math.max(-1, Math.min(offered.length - 1, chosen + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (word !== undefined) return take(word);
      setCursor(null);
      onRun();
    } else if (event.key === "Escape" && offered.length) {
      event.stopPropagation();
      setCursor(null);
    }
  };
  return (
    <div className="relative min-w-0 flex-1 basis-80">
      <textarea
        ref={field}
        data-search
        aria-label="LogQL"
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={chosen < 0 ? undefined : `${id}-${chosen}`}
        className="field h-auto min-h-8 resize-y py-1.5 font-mono"
        rows={Math.min(6, value.split("\n").length)}
        spellCheck={false}
        placeholder={'LogQL, such as {namespace="shop"} |= "error"'}
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
          setCursor(event.target.selectionStart);
          setAt(-1);
        }}
        onClick={(event) => setCursor(event.currentTarget.selectionStart)}
        onBlur={() => setCursor(null)}
        onKeyDown={press}
      />
      <ul id={id} role="listbox" aria-label="Labels" className={offered.length ? "menu absolute top-full left-0 mt-1 max-h-72 min-w-60 overflow-y-auto" : "hidden"}>
        {offered.map((word, place) => (
          <li
            key={word}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === chosen}
            className={`cursor-pointer rounded px-2 py-1 font-mono ${place === chosen ? "bg-raised" : "hover:bg-raised"}`}
            // The field keeps the focus.
            onMouseDown={(event) => {
              event.preventDefault();
              take(word);
            }}
          >
            {word}
          </li>
        ))}
      </ul>
    </div>
  );
}
