import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";
import type { Scene } from "./scene.ts";

/** Scenes that stay open when nobody reads them. */
const most = 8;

interface KeptScene {
  scene: Promise<Scene>;
  readers: number;
}

/** By what they were opened with; the one that was used last stands last. */
const kept = new Map<string, KeptScene>();

/**
 * Use a scene that other patches are read of too. It is opened once: finding out what its files hold takes longer than
 * reading a patch. A few stay open for the next patch, so files must not change meanwhile.
 *
 * @throws SkySenseError as `openScene`, and what `use` throws
 */
export async function withKeptScene<T>(
  files: readonly string[],
  { signal, ...options }: OpenSceneOptions,
  use: (scene: Scene) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const key = JSON.stringify([files, options]);
  const entry = kept.get(key) ?? { scene: openScene(files, options), readers: 0 };
  kept.delete(key);
  kept.set(key, entry);
  entry.readers++;
  try {
    return await use(await entry.scene);
  } catch (error) {
    if (kept.get(key) === entry && (await failed(entry.scene))) kept.delete(key);
    throw error;
  } finally {
    entry.readers--;
    await closeOldest();
  }
}

/** Close all scenes that nobody reads. */
export async function closeKeptScenes(): Promise<void> {
  await closeOldest(0);
}

async function closeOldest(leave = most): Promise<void> {
  for (const [key, { scene, readers }] of kept) {
    if (kept.size <= leave) return;
    if (readers > 0) continue;
    kept.delete(key);
    await scene.then((open) => open.close()).catch(() => {}); // what could not be opened was reported
  }
}

function failed(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}
