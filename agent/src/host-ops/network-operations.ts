import type { HostOperations } from "../lib/host-operations.ts";
import type { Layout } from "../lib/layout.ts";
import { deleteNetwork, listNetworks, setNetwork } from "./network.ts";
import { deleteNic, listNics, setNic } from "./nic.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { assertId } from "./form.ts";
import { assertNetwork, assertNic, assertNicName } from "./validate.ts";

/** The half of the root operations that is about networks and interfaces. */
export type NetworkOperations = Pick<
  HostOperations,
  "setNetwork" | "deleteNetwork" | "listNetworks" | "setNic" | "deleteNic" | "listNics"
>;

export interface NetworkOperationsOptions {
  /** The user as whom QEMU runs, who may open taps; default the caller's own. */
  readonly qemuUser?: number;
  /** The user as whom dnsmasq runs; default the caller's own, which is right in a user namespace. */
  readonly dnsmasqUser?: string;
}

/** Nothing here trusts its caller: ids and values are checked, and paths derive from them alone. */
export function createNetworkOperations(
  layout: Layout,
  options: NetworkOperationsOptions = {},
): NetworkOperations {
  const qemuUser = options.qemuUser ?? process.getuid?.() ?? 0;
  const ofNetwork = oneAtATime();
  const ofNic = oneAtATime();
  const never = new AbortController().signal;
  return {
    setNetwork: async (network, signal) => {
      assertNetwork(network);
      await ofNetwork(network.networkId, () =>
        setNetwork(layout, network, options.dnsmasqUser, signal),
      );
    },
    deleteNetwork: async (networkId, signal) => {
      assertId(networkId);
      await ofNetwork(networkId, () => deleteNetwork(layout, networkId, signal));
    },
    listNetworks: () => listNetworks(layout, never),
    setNic: async (nic, signal) => {
      assertNic(nic);
      await ofNic(`${nic.vmId}/${nic.nic}`, () => setNic(layout, nic, qemuUser, ofNetwork, signal));
    },
    deleteNic: async (nic, signal) => {
      assertNicName(nic);
      await ofNic(`${nic.vmId}/${nic.nic}`, () => deleteNic(layout, nic, ofNetwork, signal));
    },
    listNics: () => listNics(layout, never),
  };
}
