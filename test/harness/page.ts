import type { TestAgent } from "./agent.ts";

const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 10.20.0.10 80 | tail -n 1`;

/**
 * What the small guest at 10.20.0.10 says of itself: its name and the id that its kernel drew when it booted. Empty where
 * it does not answer; it is asked twice, since on a busy machine one answer may take too long.
 */
export async function page(agent: TestAgent): Promise<string> {
  const said = async () => (await agent.inside("sh", "-c", ask)).trim();
  return (await said()) || (await said());
}
