/** Commits as fast as it can, and says each commit's sequence as soon as it was acknowledged. Ends by being killed. */
import { writeSync } from "node:fs";
import type { Claim, Entry } from "../../agent/src/core/port/store.ts";
import { openSqliteStore } from "../../agent/src/driver/store/sqlite-store.ts";

function entry(id: string, creator: string, claims: readonly Claim[]): Entry {
  return {
    record: {
      kind: "address_pool",
      id,
      creator,
      claimed: false,
      createdAt: 1,
      specRevision: 1,
      observedRevision: 0,
      spec: { name: id, network_id: "n", subnet: "main", ranges: ["10.0.0.1"], cooldown: 0 },
      status: { phase: "pending", message: "", size: 1, used: 0, cooling: 0 },
      internal: {},
    },
    claims,
    references: [],
  };
}

const store = openSqliteStore({ path: process.argv[2]! });
for (let next = (await store.list("address_pool")).sequence + 1; ; next++) {
  const pair = next % 20;
  const sequence = await store.commit({
    put: [
      entry(`a-${pair}`, `${next}`, [{ key: `mac:${pair}` }]),
      entry(`b-${pair}`, `${next}`, []),
    ],
  });
  writeSync(1, `${sequence}\n`);
}
