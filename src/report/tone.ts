/** The colour of a sensor throughout a report: names of variables in the style sheet. */
export function tone(sensor: string): "hr" | "s2" | "s1" | "other" {
  return sensor === "hr" || sensor === "s2" || sensor === "s1" ? sensor : "other";
}
