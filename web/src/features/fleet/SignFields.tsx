import { Field } from "../../ui/dialog";
import { SECRETS, type Sign, secretField } from "./draft";

/** What a single endpoint can take of its own. */
export const DIRECT: Sign[] = ["NONE", "BEARER", "BASIC", "CLIENT_CERTIFICATE"];

const KINDS: [Sign, string][] = [
  ["NONE", "no sign-in"],
  ["BEARER", "a bearer token"],
  ["BASIC", "user and password"],
  ["SERVICE_ACCOUNT", "a Kubernetes service account"],
  ["KUBECONFIG", "a kubeconfig"],
  ["CLIENT_CERTIFICATE", "a client certificate"],
  ["OIDC", "an OIDC client"],
  ["SECRET_REF", "a Secret of the hub’s own cluster"],
];

interface Props {
  sign: Sign;
  secret: Record<string, string>;
  onSign: (sign: Sign) => void;
  onSecret: (secret: Record<string, string>) => void;
  faultOf: (field: string) => string | undefined;
  /** Whether there are credentials that may stay. */
  stored?: boolean;
  kept?: string;
  only?: Sign[];
  label?: string;
}

/** How the hub signs in: the kind, and its fields alone. */
export function SignFields({ sign, secret, onSign, onSecret, faultOf, stored = false, kept = "what is stored", only, label = "It wants" }: Props) {
  const offered = only ? KINDS.filter(([kind]) => only.includes(kind)) : KINDS;
  const kinds = stored ? [["KEEP", kept] as [Sign, string], ...offered] : offered;
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label={label} fault={faultOf("sign")}>
        <select className="field" value={sign} onChange={(event) => onSign(event.target.value as Sign)}>
          {kinds.map(([kind, name]) => (
            <option key={kind} value={kind}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      {(SECRETS[sign] ?? []).map(({ name, label: called, hidden, long, optional }) => {
        const common = {
          value: secret[name] ?? "",
          required: !optional,
          autoComplete: "off",
          spellCheck: false,
        };
        const write = (value: string) => onSecret({ ...secret, [name]: value });
        const fault = faultOf(secretField(sign, name));
        return (
          <div key={name} className={long ? "sm:col-span-2" : ""}>
            <Field label={optional ? `${called} (optional)` : called} fault={fault}>
              {long ? (
                <textarea
                  className="field h-28 py-1 font-mono text-meta"
                  {...common}
                  onChange={(event) => write(event.target.value)}
                />
              ) : (
                <input
                  className="field font-mono"
                  type={hidden ? "password" : "text"}
                  {...common}
                  autoComplete={hidden ? "new-password" : "off"}
                  onChange={(event) => write(event.target.value)}
                />
              )}
            </Field>
          </div>
        );
      })}
    </div>
  );
}
