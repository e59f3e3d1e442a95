import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { deviceTimes, fastest, measureInChild } from "./device.node.ts";
import type { Device } from "./session.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("fastest: a GPU must be half as fast again as the CPU", () => {
  expect(fastest({ cpu: 10, webgpu: 7 })).toBe("cpu");
  expect(fastest({ cpu: 10, webgpu: 6 })).toBe("webgpu");
  expect(fastest({ cpu: 10, webgpu: 2, cuda: 1 })).toBe("cuda");
  expect(fastest({ cpu: 10, webgpu: 1, cuda: 2 })).toBe("webgpu");
  expect(fastest({ cpu: 10 })).toBe("cpu");
  expect(fastest({})).toBe("cpu");
});

test("deviceTimes: measures once, remembers, and measures again when the machine is another or the file damaged", async () => {
  const cacheFile = join(folder, "cache", "device.json");
  const measured: Device[] = [];
  const measure = async (device: Device) => {
    measured.push(device);
    return device === "webgpu" ? 3 : device === "cpu" ? 10 : undefined;
  };
  const ask = (threads: number) => deviceTimes({ threads, cacheFile, measure });
  expect(await ask(2)).toEqual({ cpu: 10, webgpu: 3 });
  const once = measured.length;
  expect(await ask(2)).toEqual({ cpu: 10, webgpu: 3 });
  expect(measured.length).toBe(once);
  await ask(3);
  expect(measured.length).toBe(2 * once);
  writeFileSync(cacheFile, readFileSync(cacheFile).subarray(0, 20));
  await ask(3);
  expect(measured.length).toBe(3 * once);
});

test("deviceTimes: a folder that cannot be written only means to measure again", async () => {
  const cacheFile = join(folder, "file", "device.json");
  writeFileSync(join(folder, "file"), "");
  expect(await deviceTimes({ threads: 2, cacheFile, measure: async () => 5 })).toMatchObject({ cpu: 5 });
});

test("deviceTimes: without a GPU the CPU is not measured", async () => {
  const measured: Device[] = [];
  const measure = async (device: Device) => void measured.push(device);
  expect(await deviceTimes({ threads: 2, cacheFile: join(folder, "none.json"), measure })).toEqual({});
  expect(measured).not.toContain("cpu");
});

test("measureInChild: times a device in a process of its own; one that is not there gives nothing", async () => {
  expect(await measureInChild("cpu", 2)).toBeGreaterThan(0);
  expect(await measureInChild("cuda", 2)).toBeUndefined();
});
