import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Database } from "../../lib/sqlite.ts";
import type { Migration } from "./migrations.ts";

/**
 * Brings a database to the newest schema, each step in a transaction of its own and recorded with it. Throws
 * FAILED_PRECONDITION (reason STORE_NEWER) for a database that a newer agent has written.
 */
export function migrate(database: Database, migrations: readonly Migration[], now: number): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS migrations (
      version INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      applied_at INTEGER NOT NULL
    ) STRICT
  `);
  const [applied] = database
    .prepare<{ version: number }>("SELECT coalesce(max(version), 0) AS version FROM migrations")
    .all();
  const from = applied!.version;
  const newest = migrations.at(-1)?.version ?? 0;
  if (from > newest) {
    throw lodgeError(
      "STORE_NEWER",
      `The database has schema ${from}; this agent knows schemas up to ${newest}.`,
      { remedy: "Start an agent at least as new as the one that wrote it, or restore a backup." },
    );
  }
  const record = database.prepare(
    "INSERT INTO migrations (version, name, applied_at) VALUES (?, ?, ?)",
  );
  for (const { version, name, sql } of migrations) {
    if (version <= from) continue;
    database.transaction(() => {
      database.exec(sql);
      record.run(version, name, now);
    });
  }
}
