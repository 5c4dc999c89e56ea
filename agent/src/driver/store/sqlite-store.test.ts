import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../../lib/sqlite.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { openSqliteStore } from "./sqlite-store.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lodge-sqlite-"));
  path = join(directory, "store.db");
});
afterEach(() => rmSync(directory, { recursive: true }));

const reason = (body: () => unknown): string => {
  try {
    body();
    return "no error";
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error);
  }
};

test("a database that a newer agent wrote is refused and left as it is", async () => {
  await openSqliteStore({ path }).close();
  const database = openDatabase(path);
  database.exec("INSERT INTO migrations VALUES (99, 'from the future', 0)");
  database.close();
  expect(reason(() => openSqliteStore({ path }))).toBe("STORE_NEWER");
});

test("a second opener is refused while the first has it", async () => {
  const first = openSqliteStore({ path });
  expect(reason(() => openSqliteStore({ path }))).toBe("STORE_LOCKED");
  await first.close();
  await openSqliteStore({ path }).close();
});

test("what is no database is called damaged, what cannot be opened says so", () => {
  writeFileSync(path, "this is a letter, not a database".repeat(200));
  expect(reason(() => openSqliteStore({ path }))).toBe("STORE_CORRUPT");
  expect(reason(() => openSqliteStore({ path: join(directory, "no", "such.db") }))).toBe(
    "STORE_FAILED",
  );
});

test("migrations run in order, once, each with its record, and a broken one leaves nothing", () => {
  const steps = [
    ...migrations,
    { version: 2, name: "one more", sql: "CREATE TABLE extra (x INTEGER) STRICT" },
  ];
  const database = openDatabase(path);
  migrate(database, migrations, 1);
  migrate(database, steps, 2);
  migrate(database, steps, 3);
  const applied = database.prepare("SELECT version, applied_at FROM migrations").all();
  expect(applied.map((row) => ({ ...row }))).toEqual([
    { version: 1, applied_at: 1 },
    { version: 2, applied_at: 2 },
  ]);
  const broken = { version: 3, name: "broken", sql: "CREATE TABLE half (x INTEGER); nonsense" };
  expect(() => migrate(database, [...steps, broken], 4)).toThrow(/nonsense/);
  expect(database.prepare("SELECT * FROM migrations").all()).toHaveLength(2);
  expect(
    database.prepare("SELECT name FROM sqlite_schema WHERE name IN ('extra', 'half')").all().length,
  ).toBe(1);
  database.close();
});

test("a transaction whose body throws changes nothing", () => {
  const database = openDatabase(path);
  database.exec("CREATE TABLE t (x INTEGER) STRICT");
  expect(() =>
    database.transaction(() => {
      database.exec("INSERT INTO t VALUES (1)");
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(database.prepare("SELECT * FROM t").all()).toEqual([]);
  database.close();
});

test("a full file system is named as such", () => {
  const database = openDatabase(path);
  database.exec("CREATE TABLE t (x TEXT) STRICT; PRAGMA max_page_count = 4");
  const insert = database.prepare("INSERT INTO t VALUES (?)");
  expect(reason(() => database.transaction(() => insert.run("x".repeat(100_000))))).toBe(
    "DISK_FULL",
  );
  expect(database.prepare("SELECT * FROM t").all()).toEqual([]);
  database.close();
});
