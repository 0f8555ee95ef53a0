export interface Snippet {
  title: string;
  hint: string;
  text: string;
}

/** What to paste where, so that a new source sends; `hub` is the address that this page came from. */
export function snippetsOf(hub: string, token: string): Snippet[] {
  return [
    {
      title: "Alertmanager",
      hint: "Into alertmanager.yml; then route to this receiver.",
      text: [
        "receivers:",
        "  - name: aiops",
        "    webhook_configs:",
        `      - url: ${hub}/api/v1/alerts/webhook`,
        "        send_resolved: true",
        "        http_config:",
        "          authorization:",
        "            type: Bearer",
        `            credentials: ${token}`,
      ].join("\n"),
    },
    {
      title: "Test alert",
      hint: "Shows up under Alerts at once.",
      text: posted(hub, "/api/v1/alerts/webhook", token, TEST_ALERT),
    },
    {
      title: "Metrics",
      hint: "Any number of samples in one request; the time is now where none is given.",
      text: posted(hub, "/api/metrics", token, '{"metrics":[{"name":"room_temperature_celsius","labels":{"room":"1"},"value":21.5}]}'),
    },
  ];
}

const TEST_ALERT =
  '{"alerts":[{"status":"firing","labels":{"alertname":"TestAlert","severity":"info"},"annotations":{"summary":"A test from the command line"},"startsAt":"\'$(date -u +%FT%TZ)\'"}]}';

function posted(hub: string, path: string, token: string, body: string): string {
  return [
    `curl -fsS ${hub}${path} \\`,
    `  -H 'Authorization: Bearer ${token}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${body}'`,
  ].join("\n");
}
