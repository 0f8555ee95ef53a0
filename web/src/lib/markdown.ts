export type Inline =
  | { kind: "text" | "code" | "strong" | "em"; text: string }
  | { kind: "link"; text: string; href: string };

export type Block =
  | { kind: "heading"; level: number; parts: Inline[] }
  | { kind: "paragraph" | "quote"; parts: Inline[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "code"; text: string }
  | { kind: "rule" };

const TOKEN = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|\[([^\]\n]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s<>)]+)/g;

/** Only what leads to a web page is a link: no script, no data. */
export function safeHref(text: string): string | null {
  return /^https?:\/\//i.test(text) ? text : null;
}

export function inlines(text: string): Inline[] {
  const found: Inline[] = [];
  let last = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > last) found.push({ kind: "text", text: text.slice(last, match.index) });
    last = match.index + match[0].length;
    const [whole, code, strong, em, words, target, bare] = match;
    const href = safeHref(target ?? bare ?? "");
    if (code !== undefined) found.push({ kind: "code", text: code });
    else if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else if (em !== undefined) found.push({ kind: "em", text: em });
    else if (href) found.push({ kind: "link", text: words ?? href, href });
    else found.push({ kind: "text", text: whole });
  }
  if (last < text.length) found.push({ kind: "text", text: text.slice(last) });
  return found;
}

const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;

/** The part of Markdown that runbooks use. What looks like HTML is text as any other. */
export function blocks(source: string): Block[] {
  const found: Block[] = [];
  const lines = source.replace(/\r\n?/g, "\n").split("\n");
  let at = 0;
  const take = (fits: (line: string) => boolean): string[] => {
    const taken: string[] = [];
    for (let line = lines[at]; line !== undefined && fits(line); line = lines[++at]) taken.push(line);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = ITEM.exec(line);
    if (/^\s*```/.test(line)) {
      at += 1;
      found.push({ kind: "code", text: take((one) => !/^\s*```/.test(one)).join("\n") });
      at += 1;
    } else if (!line.trim()) at += 1;
    else if (heading) {
      found.push({ kind: "heading", level: heading[1]?.length ?? 1, parts: inlines(heading[2] ?? "") });
      at += 1;
    } else if (/^\s*(---+|\*\*\*+)\s*$/.test(line)) {
      found.push({ kind: "rule" });
      at += 1;
    } else if (item) {
      const items = take((one) => ITEM.test(one));
      found.push({ kind: "list", ordered: item[1] !== undefined, items: items.map((one) => inlines(ITEM.exec(one)?.[2] ?? "")) });
    } else if (line.startsWith(">"))
      found.push({ kind: "quote", parts: inlines(take((one) => one.startsWith(">")).map((one) => one.replace(/^>\s?/, "")).join(" ")) });
    else {
      const text = take((one) => Boolean(one.trim()) && !/^(#{1,6}\s|>|\s*```)/.test(one) && !ITEM.test(one));
      found.push({ kind: "paragraph", parts: inlines(text.join(" ")) });
    }
  }
  return found;
}
