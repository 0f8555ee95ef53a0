import { DIRECT, SignFields } from "./SignFields";
import { ENDPOINTS, type EndpointKind, type Sign, applies, ownField } from "./draft";
import { Folded, type PartProps } from "./formParts";
import { endpointName } from "./grid";

/** Endpoints that others own too take credentials of their own, so that the cluster's go nowhere else. */
export function OwnSignIns({ form, set, faultOf, kept }: PartProps & { kept: EndpointKind[] }) {
  const there = (Object.keys(ENDPOINTS) as EndpointKind[]).filter(
    (kind) => applies(ENDPOINTS[kind], form) && form[ENDPOINTS[kind]].trim(),
  );
  const given = there.filter((kind) => form.own[kind]);
  const choose = (kind: EndpointKind, sign: Sign, secret: Record<string, string>) => {
    const { [kind]: _former, ...others } = form.own;
    set({ own: sign === "KEEP" ? others : { ...others, [kind]: { sign, secret } } });
  };
  const names = (kinds: EndpointKind[]) => kinds.map(endpointName).join(", ");
  const note = given.length ? names(given) : kept.length && !form.dropOwn ? `kept: ${names(kept)}` : "where they differ";
  return (
    <Folded title="Sign-ins of single endpoints" note={note} faulty={there.some((kind) => hasFault(kind, form.own[kind]?.sign, faultOf))}>
      <p className="text-muted sm:col-span-2">
        {kept.length ? `Kept: ${names(kept)}. What you choose here replaces all of them. ` : ""}
        An endpoint that several clusters share should not be shown this cluster’s credentials.
      </p>
      {kept.length && !given.length ? (
        <label className="flex items-center gap-2 sm:col-span-2">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={form.dropOwn}
            onChange={(event) => set({ dropOwn: event.target.checked })}
          />
          Take what is kept away: all endpoints are signed in to alike
        </label>
      ) : null}
      {there.length ? null : <p className="sm:col-span-2">Give an address first.</p>}
      {there.map((kind) => {
        const { sign, secret } = form.own[kind] ?? { sign: "KEEP" as Sign, secret: {} };
        return (
          <div key={kind} role="group" aria-label={endpointName(kind)} className="sm:col-span-2">
            <SignFields
              label={`${endpointName(kind)} wants`}
              sign={sign}
              secret={secret}
              stored
              kept={kept.includes(kind) && !given.length && !form.dropOwn ? "what is kept" : "the cluster’s sign-in"}
              only={DIRECT}
              onSign={(next) => choose(kind, next, {})}
              onSecret={(next) => choose(kind, sign, next)}
              faultOf={(field) => faultOf(ownField(kind, field))}
            />
          </div>
        );
      })}
    </Folded>
  );
}

function hasFault(kind: EndpointKind, sign: Sign | undefined, faultOf: PartProps["faultOf"]): boolean {
  if (!sign) return false;
  const names = ["token", "username", "password", "certificate", "key"];
  return names.some((name) => faultOf(ownField(kind, `${sign}.${name}`)));
}
