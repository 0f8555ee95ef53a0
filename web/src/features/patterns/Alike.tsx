import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type PatternHit, patternsAlike } from "../../api/patternSearch";
import { FoundPatterns, Method } from "./Found";

/** Looks only when asked: whoever opens a pattern mostly wants its lines. */
export function Alike({ patternId, onOpen }: { patternId: string; onOpen: (hit: PatternHit) => void }) {
  const [asked, setAsked] = useState<string>();
  const wanted = asked === patternId;
  const alike = useQuery(patternsAlike(wanted ? patternId : undefined));
  if (!wanted)
    return (
      <button type="button" className="button" onClick={() => setAsked(patternId)}>
        Find logs like this
      </button>
    );
  return (
    <section aria-label="Logs like this">
      <div className="mb-1 flex flex-wrap items-baseline gap-x-3">
        <h3 className="font-medium">Logs like this</h3>
        <Method found={alike.data} />
      </div>
      <div className="panel">
        <FoundPatterns query={alike} label="Patterns like this" nothing="No other pattern is like this one" onOpen={onOpen} />
      </div>
    </section>
  );
}
