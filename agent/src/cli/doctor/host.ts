import { agentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { readableBytes } from "../bytes.ts";
import type { Check } from "./check.ts";

const scarce = 2 * 2 ** 30;
const nothing = 200 * 2 ** 20;

/** What accelerates guests: found out by running one, since a device node alone proves nothing. */
export const accelerator: Check = async (world, signal) => {
  const name = "accelerator";
  if (!world.which("qemu-system-x86_64")) {
    return [{ name, status: "warning", detail: "unknown without QEMU" }];
  }
  const { accelerator: found, reason } = await world.probeAccelerator(signal);
  if (found === "kvm") return [{ name, status: "ok", detail: `KVM: ${reason}` }];
  return [
    {
      name,
      status: "warning",
      detail: `guests are emulated, which is slow: ${reason}`,
      remedy: acceleratorRemedy(await world.openProblem("/dev/kvm")),
    },
  ];
};

/** What helps depends on whether the device is there, may be opened, or is there in vain. */
function acceleratorRemedy(problem: string | undefined): string {
  switch (problem) {
    case undefined:
      return "Use a machine of its own, or a virtual one whose host passes hardware virtualization on; where this one was busy, try again.";
    case "EACCES":
    case "EPERM":
      return "Give yourself /dev/kvm, and log in again: sudo usermod -aG kvm $USER";
    default:
      return "Enable hardware virtualization in the machine's firmware, or on the host of a virtual one, and load its module: sudo modprobe kvm_intel, or kvm_amd";
  }
}

/** The device that taps are made of. */
export const tun: Check = async (world) => {
  const problem = await world.openProblem("/dev/net/tun");
  if (problem === undefined)
    return [{ name: "/dev/net/tun", status: "ok", detail: "can be opened" }];
  const absent = problem === "ENOENT" || problem === "ENODEV";
  return [
    {
      name: "/dev/net/tun",
      status: "missing",
      detail: absent
        ? "is not there; guests cannot have network interfaces"
        : `cannot be opened (${problem})`,
      remedy: absent
        ? "Load the kernel's module: sudo modprobe tun"
        : "Give it its usual mode: sudo chmod 0666 /dev/net/tun",
    },
  ];
};

/** Whether a development host can be made: found out by making one, with a bridge and a tap in it. */
export const namespaces: Check = async (world) => {
  const name = "namespaces";
  const { mode, obstacles } = await world.probeDev();
  if (mode === "user") {
    return [{ name, status: "ok", detail: "a development agent needs no root" }];
  }
  const [first] = obstacles;
  const detail = first?.message ?? "no development host can be made";
  const remedy = first?.remedy ?? "";
  if (mode === "root") {
    return [
      { name, status: "warning", detail: `a development agent needs root: ${detail}`, remedy },
    ];
  }
  return [{ name, status: "missing", detail, remedy }];
};

/** Room for disks and images. */
export const space: Check = async (world) => {
  const directory =
    world.target.agentDir || world.env["LODGE_AGENT_DIR"] || agentDirectory(world.env);
  const free = await world.freeBytes(directory);
  const detail = `${readableBytes(free)} free for ${directory}`;
  if (free >= scarce) return [{ name: "disk space", status: "ok", detail }];
  return [
    {
      name: "disk space",
      status: free < nothing ? "missing" : "warning",
      detail: `only ${detail}`,
      remedy: "Make room, or choose another directory: lodge agent --dev --dir DIRECTORY",
    },
  ];
};
