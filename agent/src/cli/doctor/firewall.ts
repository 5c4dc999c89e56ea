import type { Check } from "./check.ts";

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/**
 * Chains of others that drop what is forwarded. A development host has rules of its own and does not meet them; an agent
 * on the machine itself would.
 */
export const firewall: Check = async (world, signal) => {
  const name = "firewall";
  if (!world.which("nft")) return [];
  if (!world.isRoot) {
    const detail = "only root sees the machine's rules; a development agent has its own";
    return [{ name, status: "ok", detail }];
  }
  let text: string;
  try {
    text = await world.run(world.which("nft")!, ["--json", "list", "chains"], signal);
  } catch (error) {
    signal.throwIfAborted();
    return [{ name, status: "warning", detail: `nft does not say: ${(error as Error).message}` }];
  }
  const chains = droppingChains(text);
  if (chains.length === 0)
    return [{ name, status: "ok", detail: "no rules of others drop what is forwarded" }];
  return chains.map(({ family, table, name: chain }) => ({
    name,
    status: "warning" as const,
    detail: `${family} ${table} ${chain} drops what is forwarded; guests of an agent on the machine itself would have no way out (a development agent is not affected)`,
    remedy: `Let our bridges through: sudo nft insert rule ${family} ${table} ${chain} iifname "lgb-*" accept`,
  }));
};

/** The base chains of `nft --json list chains` that are hooked into forwarding and drop by default; none of them ours. */
export function droppingChains(text: string): readonly Chain[] {
  const { nftables } = JSON.parse(text) as { nftables: readonly { readonly chain?: Chain }[] };
  return nftables
    .flatMap(({ chain }) => (chain ? [chain] : []))
    .filter(
      ({ hook, policy, table }) =>
        hook === "forward" && policy === "drop" && !table.startsWith("lodge_"),
    );
}
