import { spawn } from "node:child_process";
import { once } from "node:events";
import { startPlugin } from "../../provider/src/sdk/testing/plugin-client.ts";
import { dist } from "../harness/executable.ts";
import { join } from "node:path";
import type { BenchOptions } from "./main.ts";
import type { Report } from "./report.ts";

/** From the start of the provider's process to the line that Terraform waits for, beside an empty Node. */
export async function measureStart(
  report: Report,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  const [ours, floor]: [number[], number[]] = [[], []];
  for (let run = 0; run < (quick ? 3 : 30); run++) {
    signal.throwIfAborted();
    floor.push(await emptyNode());
    ours.push(await untilHandshake());
  }
  progress("process starts measured");
  const start = report.sample("start to handshake line", "ms", ours);
  const node = report.sample("node -e 0", "ms", floor);
  report.check({
    name: "start to handshake against node -e 0",
    value: start.median / node.median,
    limit: 4,
    unit: "times",
  });
}

async function emptyNode(): Promise<number> {
  const begin = performance.now();
  await once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }), "exit");
  return performance.now() - begin;
}

/** One start of the built provider, in milliseconds; it ends as Terraform ends it. */
export async function untilHandshake(): Promise<number> {
  const begin = performance.now();
  await using plugin = startPlugin({ command: [join(dist, "terraform-provider-lodge")] });
  await plugin.handshake();
  const time = performance.now() - begin;
  await plugin.shutdown();
  return time;
}
