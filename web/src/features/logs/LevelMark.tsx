const LEVELS: Record<string, [path: string, colour: string]> = {
  critical: ["M4 1h4l3 3v4l-3 3H4L1 8V4z", "text-critical"],
  fatal: ["M4 1h4l3 3v4l-3 3H4L1 8V4z", "text-critical"],
  error: ["M6 1l5.5 10H.5z", "text-critical"],
  warn: ["M1.5 1.5h9v9h-9z", "text-medium"],
  warning: ["M1.5 1.5h9v9h-9z", "text-medium"],
  info: ["M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z", "text-low"],
};

/** The level by shape, word and colour; nothing where a line says none. */
export function LevelMark({ level }: { level: string | null }) {
  if (!level) return <span className="text-muted">–</span>;
  const [path, colour] = LEVELS[level] ?? ["M2 5h8v2H2z", "text-muted"];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${colour}`}>
      <svg viewBox="0 0 12 12" className="size-2.5 shrink-0" aria-hidden="true">
        <path d={path} fill="currentColor" />
      </svg>
      {level}
    </span>
  );
}
