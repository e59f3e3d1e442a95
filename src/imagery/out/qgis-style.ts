/**
 * A style by which QGIS shows a raster of classes: `NAME.qml` beside `NAME.tif` is used when the raster is opened.
 * @see https://docs.qgis.org/3.34/en/docs/user_manual/working_with_raster/raster_properties.html (paletted values)
 */
export function qgisClassStyle(classes: readonly { name: string; colour: string }[]): string {
  const entries = classes.map(
    ({ name, colour }, value) =>
      `      <paletteEntry value="${value}" label="${escapeXml(name)}" color="${colour}" alpha="255"/>`,
  );
  return `<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.34" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">
      <colorPalette>
${entries.map((entry) => `  ${entry}`).join("\n")}
      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
`;
}

function escapeXml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => entities[c]!);
}
