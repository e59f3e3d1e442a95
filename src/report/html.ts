/** Markup that is safe to put into a page; only {@link html} and {@link trusted} make it. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | undefined | false | readonly Part[];

/**
 * Markup from a template: html`<p>${text}</p>`. Every value is escaped unless it is {@link Html} itself, so a file
 * named "<script>" stays a name; arrays are joined, `undefined` and `false` leave nothing.
 */
export function html(template: TemplateStringsArray, ...parts: Part[]): Html {
  return { markup: String.raw({ raw: template }, ...parts.map(render)) };
}

/** Markup of our own that is no template: style sheets, path data. Never anything from outside. */
export function trusted(markup: string): Html {
  return { markup };
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return "markup" in part ? part.markup : part.map(render).join("");
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * Text that means the same between tags and inside a quoted attribute. Control characters, which no document may hold,
 * and marks that turn the direction of writing, which make a name read as another, become "�".
 */
function escapeHtml(text: string): string {
  const hidden = /(?![\t\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;
  return text.replace(hidden, "\ufffd").replace(/[&<>"']/g, (letter) => entities[letter]!);
}

/** Bytes as a link that carries them: `data:image/png;base64,…`. */
export function dataUri(type: "image/png", bytes: Uint8Array): string {
  let binary = "";
  // In pieces, since a call takes no more arguments than the stack holds.
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return `data:${type};base64,${btoa(binary)}`;
}
