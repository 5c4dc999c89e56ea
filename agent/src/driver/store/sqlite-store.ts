import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { createMemoryStore } from "../../core/port/store-memory.ts";
import type { Effects, StoredState } from "../../core/port/store-state.ts";
import type { Store } from "../../core/port/store.ts";
import type { Record } from "../../core/record.ts";
import { openDatabase, type Database } from "../../lib/sqlite.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  /** Milliseconds since 1970; default the machine's clock. */
  readonly now?: () => number;
  /** How many deletions are remembered for watches that resume. */
  readonly historyLimit?: number;
}

/** Opens or makes the agent's database; see `openDatabase` and `migrate` for what it throws. */
export function openSqliteStore({ path, now = Date.now, ...rest }: SqliteStoreOptions): Store {
  const database = openDatabase(path);
  try {
    migrate(database, migrations, now());
    return createMemoryStore({
      ...rest,
      now,
      stored: read(database),
      write: writer(database),
      close: () => database.close(),
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

function read(database: Database): StoredState {
  const counter = (name: string): number =>
    database.prepare<{ value: number }>("SELECT value FROM counters WHERE name = ?").all(name)[0]!
      .value;
  return {
    sequence: counter("sequence"),
    forgottenUntil: counter("forgotten_until"),
    records: database
      .prepare<{ body: string; sequence: number }>(
        "SELECT body, sequence FROM records ORDER BY sequence",
      )
      .all()
      .map(({ body, sequence }) => ({ ...(JSON.parse(body) as Record), sequence })),
    claims: database
      .prepare<{
        key: string;
        kind: KindName;
        id: string;
        cooldown: number;
        freeAt: number | null;
      }>(
        "SELECT key, holder_kind AS kind, holder_id AS id, cooldown, free_at AS freeAt FROM claims",
      )
      .all()
      .map(({ key, kind, id, cooldown, freeAt }) => ({
        key,
        holder: { kind, id },
        cooldown,
        ...(freeAt !== null && { freeAt }),
      })),
    references: database
      .prepare<{ fromKind: KindName; fromId: string; toKind: KindName; toId: string }>(
        `SELECT from_kind AS fromKind, from_id AS fromId, to_kind AS toKind, to_id AS toId
         FROM record_references`,
      )
      .all()
      .map(({ fromKind, fromId, toKind, toId }) => ({
        from: { kind: fromKind, id: fromId },
        to: { kind: toKind, id: toId },
      })),
    deletions: database
      .prepare<{ kind: KindName; id: string; sequence: number }>(
        "SELECT kind, id, sequence FROM deletions ORDER BY sequence",
      )
      .all(),
  };
}

function writer(database: Database): (effects: Effects) => void {
  const putRecord = database.prepare(
    `INSERT INTO records (kind, id, sequence, body) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence, body = excluded.body`,
  );
  const deleteRecord = database.prepare("DELETE FROM records WHERE kind = ? AND id = ?");
  const setClaim = database.prepare(
    `INSERT INTO claims (key, holder_kind, holder_id, cooldown, free_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET holder_kind = excluded.holder_kind, holder_id = excluded.holder_id,
       cooldown = excluded.cooldown, free_at = excluded.free_at`,
  );
  const forgetClaim = database.prepare("DELETE FROM claims WHERE key = ?");
  const dropReferences = database.prepare(
    "DELETE FROM record_references WHERE from_kind = ? AND from_id = ?",
  );
  const addReference = database.prepare(
    "INSERT OR IGNORE INTO record_references (from_kind, from_id, to_kind, to_id) VALUES (?, ?, ?, ?)",
  );
  const addDeletion = database.prepare(
    "INSERT INTO deletions (sequence, kind, id) VALUES (?, ?, ?)",
  );
  const forgetDeletions = database.prepare("DELETE FROM deletions WHERE sequence <= ?");
  const setCounter = database.prepare("UPDATE counters SET value = ? WHERE name = ?");
  return (effects) =>
    database.transaction(() => {
      const { sequence, forgetUntil } = effects;
      for (const { kind, id } of effects.deleted) {
        dropReferences.run(kind, id);
        deleteRecord.run(kind, id);
        addDeletion.run(sequence, kind, id);
      }
      for (const record of effects.put) {
        putRecord.run(record.kind, record.id, sequence, JSON.stringify(record));
      }
      for (const { from, to } of effects.references) {
        dropReferences.run(from.kind, from.id);
        for (const { kind, id } of to) addReference.run(from.kind, from.id, kind, id);
      }
      for (const { set, forget } of effects.claims) {
        if (set) {
          const { key, holder, cooldown, freeAt = null } = set;
          setClaim.run(key, holder.kind, holder.id, cooldown, freeAt);
        } else forgetClaim.run(forget);
      }
      if (forgetUntil !== undefined) {
        forgetDeletions.run(forgetUntil);
        setCounter.run(forgetUntil, "forgotten_until");
      }
      setCounter.run(sequence, "sequence");
    });
}
