import { bug, SkySenseError } from "../core/error.ts";
import type { Device } from "./session.ts";

const installation: Record<Device, string> = {
  cpu: "Use a computer with one of these systems: Linux x64 or arm64, macOS arm64, Windows x64 or arm64.",
  webgpu: "Install a driver for Vulkan (and its loader, libvulkan), Metal or Direct3D 12, or choose the device cpu.",
  cuda:
    "Install CUDA 12 and cuDNN 9, then the CUDA files of onnxruntime-node " +
    "(ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false), or choose the device cpu.",
};

const noDevice = [
  /Failed to load shared library/i,
  /backend not found/i,
  /no available backend/i,
  /No supported adapters|Failed to get a WebGPU adapter|requestAdapter/i,
  /CUDA (driver|failure 35)|no CUDA-capable device/i,
  /execution provider.*(not supported|not available|not enabled)/i,
  /onnxruntime_binding\.node/,
];

const noMemory = [
  /bad_alloc|out of memory|OOM|Failed to allocate memory|Array buffer allocation failed|Invalid typed array length/i,
];

/** The reader's error for what ONNX Runtime said. */
export function fromOrt(message: string, device: Device): Error {
  if (noDevice.some((pattern) => pattern.test(message))) {
    return new SkySenseError({
      code: "DEVICE_UNAVAILABLE",
      what: `the device ${device} cannot be used here`,
      remedy: installation[device],
      cause: new Error(message),
    });
  }
  if (noMemory.some((pattern) => pattern.test(message))) {
    return new SkySenseError({
      code: "OUT_OF_MEMORY",
      what: `there is not enough memory on the device ${device}`,
      remedy: "Use a smaller batch, smaller tiles or a smaller model.",
      cause: new Error(message),
    });
  }
  return bug(`ONNX Runtime on ${device}: ${message}`);
}
