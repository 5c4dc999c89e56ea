import type { Check, Finding, World } from "./check.ts";
import { agent } from "./agent.ts";
import { firewall } from "./firewall.ts";
import { accelerator, namespaces, space, tun } from "./host.ts";
import { programs } from "./programs.ts";

const checks: readonly Check[] = [programs, accelerator, tun, namespaces, firewall, space, agent];

/** Everything that is looked at, in the order in which it is shown. A check that breaks is a finding as well. */
export async function runChecks(world: World, signal: AbortSignal): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    checks.map(async (check): Promise<readonly Finding[]> => {
      try {
        return await check(world, signal);
      } catch (error) {
        signal.throwIfAborted();
        return [
          {
            name: check.name,
            status: "warning",
            detail: `cannot be checked: ${(error as Error).message}`,
          },
        ];
      }
    }),
  );
  return findings.flat();
}
