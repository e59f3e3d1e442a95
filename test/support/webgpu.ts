import { existsSync } from "node:fs";

/** Chromium's Vulkan for machines without a GPU, as Debian installs it. */
const chromium = "/usr/lib/chromium";

/**
 * The environment in which a process finds a WebGPU device, emulated by SwiftShader; undefined where that is not
 * installed. Libraries are found as a process starts, so a test on WebGPU is a process of its own.
 */
export const webGpuEnv: Readonly<Record<string, string>> | undefined = existsSync(
  `${chromium}/vk_swiftshader_icd.json`,
)
  ? {
      VK_ICD_FILENAMES: `${chromium}/vk_swiftshader_icd.json`,
      LD_LIBRARY_PATH: [chromium, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
    }
  : undefined;

if (webGpuEnv === undefined)
  console.log("WebGPU is not tested: Debian's package chromium, which has SwiftShader, is not installed");
