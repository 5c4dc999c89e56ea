/** An agent that starts one QEMU and then waits to be killed: `node start-qemu.ts LAYOUT OPERATION`, both JSON. */
import { createQemuOperations } from "../../agent/src/host-ops/qemu/qemu-operations.ts";
import type { MachineConfig } from "../../agent/src/lib/machine-config.ts";
import type { Layout } from "../../agent/src/lib/layout.ts";

const [layout, operation] = process.argv.slice(2).map((text) => JSON.parse(text) as unknown);
const { startQemu } = createQemuOperations(layout as Layout);
const started = await startQemu(operation as MachineConfig, new AbortController().signal);
console.log(started.pid);
setInterval(() => {}, 60_000);
