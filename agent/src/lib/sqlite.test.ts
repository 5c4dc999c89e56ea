import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openDatabase } from "./sqlite.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lodge-sqlite-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("holds room for its commits from the beginning, and reads none of it as one after a crash", () => {
  const path = join(directory, "live.db");
  const database = openDatabase(path);
  const room = statSync(`${path}-wal`).size;
  expect(room).toBeGreaterThan(4 * 2 ** 20);
  database.exec("CREATE TABLE numbers (number INTEGER)");
  const insert = database.prepare("INSERT INTO numbers VALUES (?)");
  // More than the log holds, so that it begins anew on its way.
  for (let number = 0; number < 1500; number++) database.transaction(() => insert.run(number));
  expect(statSync(`${path}-wal`).size).toBe(room);

  const crashed = join(directory, "crashed.db");
  for (const end of ["", "-wal"]) cpSync(`${path}${end}`, `${crashed}${end}`);
  database.close();
  const again = openDatabase(crashed);
  const counted = again.prepare("SELECT count(*) AS rows, max(number) AS last FROM numbers").all();
  expect(counted).toEqual([{ rows: 1500, last: 1499 }]);
  expect(again.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  again.close();
});
