import { type ReactNode, useMemo } from "react";
import { type Block, type Inline, blocks } from "../lib/markdown";

/** Markdown as elements of our own: nothing in it is ever taken for HTML. */
export function Markdown({ source }: { source: string }) {
  const found = useMemo(() => blocks(source), [source]);
  return (
    <div className="space-y-2 break-words">
      {found.map((block, at) => (
        <Shown key={at} block={block} />
      ))}
    </div>
  );
}

function Shown({ block }: { block: Block }): ReactNode {
  switch (block.kind) {
    case "heading":
      return (
        <p role="heading" aria-level={Math.min(6, block.level + 2)} className={block.level < 3 ? "text-[15px] font-semibold" : "font-semibold"}>
          <Parts parts={block.parts} />
        </p>
      );
    case "code":
      return <pre className="overflow-x-auto rounded bg-raised p-2 font-mono">{block.text}</pre>;
    case "rule":
      return <hr className="border-line" />;
    case "quote":
      return (
        <blockquote className="border-l-2 border-line pl-3 text-muted">
          <Parts parts={block.parts} />
        </blockquote>
      );
    case "list": {
      const items = block.items.map((parts, at) => (
        <li key={at}>
          <Parts parts={parts} />
        </li>
      ));
      return block.ordered ? <ol className="list-decimal pl-5">{items}</ol> : <ul className="list-disc pl-5">{items}</ul>;
    }
    case "paragraph":
      return (
        <p>
          <Parts parts={block.parts} />
        </p>
      );
  }
}

function Parts({ parts }: { parts: Inline[] }): ReactNode {
  return parts.map((part, at) => {
    if (part.kind === "code")
      return (
        <code key={at} className="rounded bg-raised px-1 font-mono">
          {part.text}
        </code>
      );
    if (part.kind === "strong") return <strong key={at}>{part.text}</strong>;
    if (part.kind === "em") return <em key={at}>{part.text}</em>;
    if (part.kind === "link")
      return (
        <a key={at} className="link" href={part.href} target="_blank" rel="noopener noreferrer">
          {part.text}
        </a>
      );
    return part.text;
  });
}
