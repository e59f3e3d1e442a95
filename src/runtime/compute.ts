import { bug } from "../core/error.ts";
import { fromOrt } from "./ort-error.ts";
import { createOrtSession, type OrtModule, type OrtSession } from "./ort-session.ts";
import type { Call, Calls, Method } from "./protocol.ts";
import type { Weights, WeightsSource } from "./weights.ts";

/** The sessions and weights of one thread; the returned function performs a call on them. */
export function createCompute({
  loadOrt,
  openSource,
}: {
  loadOrt: () => Promise<OrtModule>;
  openSource: (source: WeightsSource) => Weights;
}): (call: Call) => Promise<Calls[Method]["result"]> {
  const sessions = new Map<number, OrtSession>();
  const tables = new Map<number, Weights>();

  async function create({ session, table, ...options }: Calls["create"]["args"]): Promise<void> {
    const weights = table === undefined ? undefined : tables.get(table);
    if (weights === undefined && table !== undefined) throw bug(`the weights ${table} are not open`);
    const ort = await loadOrt().catch((error: Error) => {
      throw fromOrt(error.message, options.device);
    });
    sessions.set(session, await createOrtSession(ort, { ...options, weights }));
  }

  return async ({ method, args }) => {
    if (method === "run") {
      const session = sessions.get(args.session);
      if (session === undefined) throw bug(`session ${args.session} does not exist`);
      return session.run(args.feeds, args.shapes);
    }
    if (method === "create") await create(args);
    else if (method === "release") {
      await sessions.get(args.session)?.release();
      sessions.delete(args.session);
    } else if (method === "openWeights") tables.set(args.table, openSource(args.source));
    else {
      tables.get(args.table)?.close();
      tables.delete(args.table);
    }
    return undefined;
  };
}
