import fc from "fast-check";
import { expect, test } from "vitest";
import { dataUri, html, trusted } from "./html.ts";

const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
/** What a browser makes of the entities that are used. */
const decoded = (text: string) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity]!);

test("html: text is escaped, markup is not, arrays are joined, and nothing leaves nothing", () => {
  const names = ["<script>alert(1)</script>", `" onload='x'`, "a & b"];
  expect(
    html`<ul>${names.map((name) => html`<li title="${name}">${name}</li>`)}</ul>${undefined}${false}${0}`.markup,
  ).toBe(
    `<ul><li title="&lt;script&gt;alert(1)&lt;/script&gt;">&lt;script&gt;alert(1)&lt;/script&gt;</li>` +
      `<li title="&quot; onload=&#39;x&#39;">&quot; onload=&#39;x&#39;</li><li title="a &amp; b">a &amp; b</li></ul>0`,
  );
  expect(html`${trusted("<b>")}`.markup).toBe("<b>");
});

/** Any letters outside the surrogates. */
const unicode = fc.array(fc.integer({ min: 0, max: 0xd7ff })).map((codes) => String.fromCodePoint(...codes));

test("html: any text comes back as it was, and cannot leave its element or attribute", () => {
  fc.assert(
    fc.property(unicode, fc.string({ unit: fc.constantFrom(...`<>&"'/=\0`) }), (a, b) => {
      const text = a + b;
      const { markup } = html`<p title="${text}">${text}</p>`;
      const parts = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/s.exec(markup);
      expect(parts).not.toBeNull();
      expect(parts![1]).toBe(parts![2]);
      const shown = text.replace(/(?![\t\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, "\ufffd");
      expect(decoded(parts![1]!)).toBe(shown);
    }),
  );
});

test("html: marks that turn the direction of writing are shown as replaced", () => {
  expect(html`${"photo\u202egpj.exe"}`.markup).toBe("photo\ufffdgpj.exe");
});

test("dataUri: carries the bytes, more than a call takes arguments", () => {
  const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => i % 251);
  expect(dataUri("image/png", bytes)).toBe(`data:image/png;base64,${Buffer.from(bytes).toString("base64")}`);
});
