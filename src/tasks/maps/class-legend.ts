import { type Html, html } from "../../report/html.ts";
import type { MapClass } from "./classes.ts";

/** Names beside their colours. */
export function classLegend(classes: readonly MapClass[]): Html {
  return html`<ul class="legend">${classes.map(({ name, colour }) => html`<li style="--tone:${colour}">${name}</li>`)}</ul>`;
}
