import { setTimeout as sleep } from "node:timers/promises";
import type { TestAgent } from "./agent.ts";

const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 10.20.0.10 80 | tail -n 1`;

/**
 * What the small guest at 10.20.0.10 says of itself: its name and the id that its kernel drew when it booted. Empty where
 * it does not answer, however often it is asked.
 */
export async function page(agent: TestAgent): Promise<string> {
  for (let tries = 1; ; tries++) {
    const said = (await agent.inside("sh", "-c", ask)).trim();
    if (said !== "" || tries === 10) return said;
    await sleep(100);
  }
}
