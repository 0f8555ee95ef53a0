import type { ChangeSource } from "../../api/maintenance";

export interface Setup {
  /** What to do at the sender, step by step. */
  steps: string[];
  /** What to paste, and where. */
  text?: { title: string; body: string };
}

/** How a sender is set up, so that its webhook comes to `url` and proves itself by `token`. */
export function setupOf(kind: ChangeSource["kind"], url: string, token: string): Setup {
  return SETUPS[kind](url, token);
}

const SETUPS: Record<ChangeSource["kind"], (url: string, token: string) => Setup> = {
  GITHUB: () => ({
    steps: [
      "Repository or organisation → Settings → Webhooks → Add webhook.",
      "Payload URL: the address above. Content type: application/json. Secret: the token above.",
      "Let me select individual events: Deployments, Deployment statuses, Pushes, Workflow runs.",
    ],
  }),
  GITLAB: () => ({
    steps: [
      "Project or group → Settings → Webhooks → Add new webhook.",
      "URL: the address above. Secret token: the token above.",
      "Trigger: Deployment events. Pipeline events too, where jobs deploy without an environment of their own.",
    ],
  }),
  ARGOCD: (url) => ({
    steps: [
      "Put the token into the Secret argocd-notifications-secret as aiops-token.",
      "Add the text below to the ConfigMap argocd-notifications-cm.",
      "Subscribe applications: the annotation notifications.argoproj.io/subscribe.aiops.aiops with an empty value.",
    ],
    text: { title: "argocd-notifications-cm", body: argocd(url) },
  }),
  GENERIC: (url, token) => ({
    steps: ["Post a change after each deployment. Told again under the same key, it is the same change."],
    text: { title: "Command", body: generic(url, token) },
  }),
};

function generic(url: string, token: string): string {
  return [
    `curl -fsS ${url} \\`,
    `  -H 'Authorization: Bearer ${token}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '{"title":"shop 1.4 deployed","kind":"DEPLOYMENT","service":"shop","version_to":"1.4","key":"shop-1.4"}'`,
  ].join("\n");
}

function argocd(url: string): string {
  const told = [
    ['"app"', ".app.metadata.name"],
    ['"project"', ".app.spec.project"],
    ['"namespace"', ".app.spec.destination.namespace"],
    ['"cluster"', ".app.spec.destination.name"],
    ['"server"', ".app.spec.destination.server"],
    ['"repo"', ".app.spec.source.repoURL"],
    ['"revision"', ".app.status.sync.revision"],
    ['"phase"', ".app.status.operationState.phase"],
    ['"started_at"', ".app.status.operationState.startedAt"],
    ['"finished_at"', ".app.status.operationState.finishedAt"],
    ['"author"', ".app.status.operationState.operation.initiatedBy.username"],
  ].map(([name, path]) => `         ${name}: {{toJson ${path}}},`);
  return [
    "service.webhook.aiops: |",
    `  url: ${url}`,
    "  headers:",
    "    - {name: Authorization, value: Bearer $aiops-token}",
    "    - {name: Content-Type, value: application/json}",
    "template.aiops-sync: |",
    "  webhook:",
    "    aiops:",
    "      method: POST",
    "      body: |",
    "        {",
    ...told,
    '         "url": "{{.context.argocdUrl}}/applications/{{.app.metadata.name}}"}',
    "trigger.aiops: |",
    "  - when: app.status.operationState.phase in ['Running', 'Succeeded', 'Failed', 'Error']",
    "    send: [aiops-sync]",
  ].join("\n");
}
