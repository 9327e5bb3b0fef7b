// The frame of every page: one file that needs nothing else, readable in light and dark. Its policy forbids any request.
import { auditScript } from "./audit/audit-script.js";
import { html, Markup } from "./html-text.js";
import { pageStyle } from "./page-style.js";

export function pageFrame(title: string, body: readonly Markup[]): string {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"><title>${title}</title><style>${new Markup(pageStyle)}</style></head>
<body><main>${body}</main><script>${new Markup(auditScript)}</script></body></html>
`;
  return page.text;
}
