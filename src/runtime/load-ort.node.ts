import type { OrtModule } from "./ort-session.ts";

/** ONNX Runtime for Node; loaded late, since loading fails on a system for which it has no binary. */
export async function loadOrt(): Promise<OrtModule> {
  const ort = await import("onnxruntime-node");
  ort.env.logLevel = "fatal"; // what goes wrong comes as an error; it need not be printed too
  return { ort, cpu: "cpu" };
}
