import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createCertificate } from "../../provider/src/sdk/plugin/certificate.ts";
import { startPlugin } from "../../provider/src/sdk/testing/plugin-client.ts";
import { dist } from "../harness/executable.ts";
import type { BenchOptions } from "./main.ts";
import type { Released } from "./provider-release.ts";
import type { Report } from "./report.ts";

/** From the start of the provider's process to the line that Terraform waits for, beside an empty Node. */
export async function measureStart(
  report: Report,
  { executable }: Released,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  const [released, built, floor]: [number[], number[], number[]] = [[], [], []];
  for (let run = 0; run < (quick ? 3 : 30); run++) {
    signal.throwIfAborted();
    floor.push(await emptyNode());
    released.push(await untilHandshake(executable));
    built.push(await untilHandshake(join(dist, "terraform-provider-lodge")));
  }
  progress("process starts measured");
  const start = report.sample("start to handshake line", "ms", released);
  report.sample("start to handshake line, as built from a checkout", "ms", built);
  const node = report.sample("node -e 0", "ms", floor);
  report.check({
    name: "start to handshake against node -e 0",
    value: start.median / node.median,
    limit: 2.5,
    unit: "times",
  });
}

async function emptyNode(): Promise<number> {
  const begin = performance.now();
  await once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }), "exit");
  return performance.now() - begin;
}

/** Terraform's own key is no part of the provider's start. */
const clientCertificate = createCertificate("secp521r1");

/** One start of a provider, in milliseconds; it ends as Terraform ends it. */
export async function untilHandshake(executable: string): Promise<number> {
  const begin = performance.now();
  await using plugin = startPlugin({ command: [executable], clientCertificate });
  await plugin.handshake();
  const time = performance.now() - begin;
  await plugin.shutdown();
  return time;
}
