/** The store's process is killed in the middle of its commits: whatever was acknowledged is there, and nothing by halves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../agent/src/driver/store/sqlite-store.ts";

const writer = join(import.meta.dirname, "store-writer.ts");

test("SIGKILL loses no acknowledged commit and leaves none by halves", async () => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-store-"));
  const path = join(directory, "store.db");
  try {
    let before = 0;
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [writer, path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "close");
      let acknowledged = 0;
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        acknowledged = Number(line);
        // Later in each round, so that the kill falls everywhere: in a commit, between two, in a checkpoint.
        if (acknowledged - before === 3 + round * 97) child.kill("SIGKILL");
      });
      await ended;
      const store = openSqliteStore({ path });
      const { records, sequence } = await store.list("address_pool");
      expect(acknowledged).toBeGreaterThan(before);
      expect(sequence).toBeGreaterThanOrEqual(acknowledged);
      // Every commit writes the same word into both records of a pair.
      const pairs = Map.groupBy(records, ({ id }) => id.split("-")[1]);
      for (const [pair, both] of pairs) {
        expect(
          both.map(({ creator }) => creator),
          `pair ${pair}`,
        ).toEqual([both[0]!.creator, both[0]!.creator]);
      }
      const newest = Math.max(...records.map(({ creator }) => Number(creator)));
      expect(newest).toBe(sequence);
      expect(await store.claims("mac:")).toHaveLength(records.length / 2);
      await store.close();
      before = sequence;
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
