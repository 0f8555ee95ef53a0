import { useEffect, useState } from "react";
import { sentence } from "../lib/format";

interface SelectProps {
  label: string;
  value: string | undefined;
  options: string[];
  names?: Map<string, string>;
  onChange: (value: string | undefined) => void;
}

export function FilterSelect({ label, value, options, names, onChange }: SelectProps) {
  return (
    <select
      aria-label={label}
      className="field w-auto max-w-40"
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">{label}: all</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {names ? (names.get(option) ?? option) : sentence(option)}
        </option>
      ))}
    </select>
  );
}

interface SearchProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** Asks after a pause in typing, not at every letter. */
export function SearchField({ label, value, onChange }: SearchProps) {
  const [typed, setTyped] = useState(value ?? "");
  useEffect(() => setTyped(value ?? ""), [value]);
  useEffect(() => {
    if (typed === (value ?? "")) return;
    const timer = setTimeout(() => onChange(typed || undefined), 250);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <input
      data-search
      className="field w-48"
      placeholder={label}
      aria-label={label}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
