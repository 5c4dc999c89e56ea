/** Looks at what the services of one network leave on the host: their leases and whether they run. */
import { readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { basename } from "node:path";
import type { Acknowledgement } from "../../core/port/networks.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { parseLeases } from "../../lib/leases.ts";
import { isAlive, type ProcessIdentity } from "../../lib/process.ts";

export interface NetworkWatchEvents {
  /** New, or not yet seen by this watch. */
  acknowledged(acknowledgement: Acknowledgement): void;
  /** Once for every time that the services are found not to run. */
  broken(): void;
}

/** The acknowledgements that a network has on file, the newest of each MAC address. */
export function readAcknowledgements(layout: Layout, networkId: string): Acknowledgement[] {
  const newest = new Map<string, Acknowledgement>();
  for (const { mac, ipv4Address, acknowledgedAt } of parseLeases(
    readText(paths.leases(layout, networkId)) ?? "",
  )) {
    if ((newest.get(mac)?.at ?? 0) > acknowledgedAt) continue;
    newest.set(mac, { networkId, mac, ipv4Address, at: acknowledgedAt });
  }
  return [...newest.values()];
}

/** Watches one network, by what the kernel tells of its files and, since that may be lost, by a look at every `tick`. */
export class NetworkWatch {
  readonly #layout: Layout;
  readonly #networkId: string;
  readonly #events: NetworkWatchEvents;
  readonly #seen = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #fileVersion = "";
  /** Which state of the services was last found broken, so that it is told once. */
  #reported: string | undefined;
  #missingTicks = 0;

  constructor(layout: Layout, networkId: string, events: NetworkWatchEvents) {
    this.#layout = layout;
    this.#networkId = networkId;
    this.#events = events;
    this.#open();
    this.#readLeases();
  }

  /** @param busy whether the services are just being changed, and so may be away for a moment. */
  tick(busy: boolean): void {
    if (!this.#watcher) this.#open();
    const stat = statSync(paths.leases(this.#layout, this.#networkId), {
      throwIfNoEntry: false,
      bigint: true,
    });
    if (stat && `${stat.mtimeNs}/${stat.size}` !== this.#fileVersion) {
      this.#fileVersion = `${stat.mtimeNs}/${stat.size}`;
      this.#readLeases();
    }
    if (!busy) this.#look();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #open(): void {
    const leases = basename(paths.leases(this.#layout, this.#networkId));
    try {
      const watcher = watch(
        paths.network(this.#layout, this.#networkId),
        { persistent: false },
        (_event, file) => {
          if (file === null || file === leases) this.#readLeases();
        },
      );
      watcher.on("error", () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      // The directory is not there yet, or no more; the next tick tries again.
    }
  }

  #readLeases(): void {
    for (const acknowledgement of readAcknowledgements(this.#layout, this.#networkId)) {
      const { mac, ipv4Address, at } = acknowledgement;
      if (this.#seen.get(mac) === `${ipv4Address}/${at}`) continue;
      this.#seen.set(mac, `${ipv4Address}/${at}`);
      this.#events.acknowledged(acknowledgement);
    }
  }

  #look(): void {
    const text = readText(paths.dnsmasqProcess(this.#layout, this.#networkId));
    if (text === undefined) {
      const expected = readText(paths.networkRecord(this.#layout, this.#networkId)) !== undefined;
      // A single absence may be the moment of a restart.
      this.#missingTicks = expected ? this.#missingTicks + 1 : 0;
      if (this.#missingTicks >= 2) this.#report("missing");
      return;
    }
    this.#missingTicks = 0;
    let process: ProcessIdentity;
    try {
      process = JSON.parse(text) as ProcessIdentity;
    } catch {
      return;
    }
    if (isAlive(process)) this.#reported = undefined;
    else this.#report(`${process.pid}/${process.startTime}`);
  }

  #report(state: string): void {
    if (this.#reported === state) return;
    this.#reported = state;
    this.#events.broken();
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
