/** The style sheet of every report: one column of reading width, pictures wider, both colour schemes. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2120; --muted: #68706c; --line: #e3e1da; --faint: #f1efe9;
  --accent: #0d6e66; --warn: #9a4a06; --warn-paper: #fdf3e4;
  --hr: #b4560a; --s2: #23803f; --s1: #5146d8; --land: #d5d8d0; --sea: #f1f3f1;
  --serif: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131615; --card: #1a1e1d; --ink: #e9e7e1; --muted: #98a09b; --line: #2d3331; --faint: #1e2322;
    --accent: #5fc9bd; --warn: #f0b266; --warn-paper: #2b2116;
    --hr: #f0a45c; --s2: #6ccb84; --s1: #a49dff; --land: #37403c; --sea: #191e1c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--sans); }
main { max-width: 1160px; margin: 0 auto; padding: clamp(20px, 4vw, 56px) clamp(16px, 4vw, 40px) 72px; }
.eyebrow { margin: 0 0 6px; font-size: 13px; letter-spacing: .08em; text-transform: uppercase; color: var(--accent); }
h1 { margin: 0; font: 600 clamp(28px, 4.6vw, 46px)/1.12 var(--serif); letter-spacing: -.012em; overflow-wrap: anywhere; text-wrap: balance; }
h2 { margin: 0 0 14px; font: 600 22px/1.25 var(--serif); }
h3 { margin: 22px 0 8px; font: 600 14px/1.35 var(--sans); }
.lead { margin: 12px 0 0; max-width: 76ch; font: 19px/1.5 var(--serif); color: var(--muted); overflow-wrap: anywhere; text-wrap: pretty; }
section { margin-top: clamp(36px, 5vw, 56px); }
p { max-width: 68ch; }
a { color: var(--accent); text-underline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: .86em; }
.name { overflow-wrap: anywhere; }
figure { margin: 28px 0 0; }
figure img { display: block; width: 100%; height: auto; border-radius: 6px; image-rendering: auto; }
figcaption { margin-top: 10px; font-size: 14px; color: var(--muted); max-width: 90ch; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 18px 28px; margin: 30px 0 0; padding: 0; }
.figures div { border-top: 2px solid var(--ink); padding-top: 8px; }
.figures dt { font-size: 13px; color: var(--muted); }
.figures dd { margin: 0; font: 600 24px/1.25 var(--serif); font-variant-numeric: lining-nums tabular-nums; overflow-wrap: anywhere; }
.notes { margin: 28px 0 0; padding: 14px 18px; border-left: 3px solid var(--warn); background: var(--warn-paper); border-radius: 0 6px 6px 0; }
.notes p { margin: 0; max-width: 110ch; } .notes p + p { margin-top: 8px; }
.scroll { overflow-x: auto; margin: 0 calc(-1 * clamp(16px, 4vw, 40px)); padding: 0 clamp(16px, 4vw, 40px); }
table { width: 100%; border-collapse: collapse; font-size: 14.5px; font-variant-numeric: lining-nums tabular-nums; }
caption { text-align: left; }
th { font-weight: 500; font-size: 13px; color: var(--muted); text-align: left; vertical-align: bottom; }
thead th { white-space: nowrap; overflow-wrap: normal; }
td.text { min-width: 8.5em; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); }
tr > :last-child { padding-right: 0; }
td { vertical-align: top; }
tbody th { font-weight: 500; font-size: inherit; color: inherit; vertical-align: top; }
tbody th.name { overflow-wrap: break-word; }
.number { text-align: right; white-space: nowrap; }
.group { text-align: center; border-bottom-color: var(--muted); }
th.bar, td.bar { min-width: 140px; width: 22%; padding-left: 10px; }
.bar svg { display: block; margin: 2px 0; }
ul { margin: 0; padding-left: 1.15em; } td > ul { padding: 0; list-style: none; } li + li { margin-top: 4px; }
.sensor { display: inline-flex; align-items: center; gap: 8px; font-weight: 600; white-space: nowrap; }
.sensor::before { content: ""; width: 10px; height: 10px; border-radius: 50%; background: var(--tone); flex: none; }
.tone-hr { --tone: var(--hr); } .tone-s2 { --tone: var(--s2); } .tone-s1 { --tone: var(--s1); } .tone-other { --tone: var(--accent); }
.muted { color: var(--muted); }
details summary { cursor: pointer; color: var(--muted); }
details ul { margin-top: 6px; }
.timeline { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0 16px; align-items: center; margin-top: 20px; font-size: 13px; }
.timeline svg { display: block; width: 100%; overflow: visible; }
.timeline .axis { grid-column: 2; }
@media (max-width: 640px) { .timeline .axis text:nth-of-type(even) { display: none; } }
svg text { font: 12px var(--sans); fill: var(--muted); font-variant-numeric: lining-nums tabular-nums; }
.map { display: grid; grid-template-columns: minmax(0, 3fr) minmax(200px, 2fr); gap: 20px 40px; align-items: center; }
.map > svg { display: block; width: 100%; height: auto; border-radius: 6px; background: var(--sea); }
@media (max-width: 640px) { .map { grid-template-columns: 1fr; } }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 18px; margin: 0; font-size: 14.5px; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: lining-nums tabular-nums; }
.share { display: flex; height: 14px; gap: 2px; border-radius: 3px; overflow: hidden; margin: 4px 0 10px; }
.share span { background: var(--accent); } .share span:nth-child(2) { opacity: .6; } .share span:nth-child(3) { opacity: .35; } .share span:nth-child(4) { opacity: .18; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 24px; font-size: 14px; margin: 0; padding: 0; list-style: none; }
.legend li { margin: 0; display: flex; align-items: center; gap: 8px; }
.legend li::before { content: ""; width: 10px; height: 10px; border-radius: 2px; background: var(--tone, var(--accent)); }
.share + .legend li:nth-child(2)::before { opacity: .6; } .share + .legend li:nth-child(3)::before { opacity: .35; } .share + .legend li:nth-child(4)::before { opacity: .18; }
.chart { display: grid; grid-template-columns: max-content 1fr; gap: 6px 10px; margin-top: 16px; }
.chart .y { position: relative; font-size: 12px; color: var(--muted); text-align: right; }
.chart .y span { display: block; transform: translateY(50%); position: absolute; right: 0; }
.chart .y .widest { position: static; visibility: hidden; transform: none; }
.chart svg { display: block; width: 100%; height: 240px; overflow: visible; border-bottom: 1px solid var(--line); }
.chart .x { grid-column: 2; display: flex; justify-content: space-between; font-size: 12px; color: var(--muted); }
.thumbnails { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 18px; }
.thumbnails figure { margin: 0; }
.thumbnails img { width: 100%; image-rendering: auto; border-radius: 6px; }
.thumbnails figcaption { font-size: .8em; margin-top: 6px; }
.confusion { width: 100%; max-width: 760px; display: block; }
pre { margin: 0; padding: 16px 18px; background: var(--faint); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.flag { white-space: nowrap; }
footer { margin-top: 40px; font-size: 13px; color: var(--muted); }
@media print { body { background: none; } section { break-inside: avoid; } }
`;
