/** The only place that knows node:sqlite. */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** A prepared statement. */
export interface Statement<Row extends object> {
  run(...values: readonly SQLInputValue[]): void;
  all(...values: readonly SQLInputValue[]): Row[];
}

/** An open database, which no other process can open meanwhile. */
export interface Database {
  exec(sql: string): void;
  prepare<Row extends object = object>(sql: string): Statement<Row>;
  /** Runs the body in a transaction, durable when this returns; what the body throws rolls it back. */
  transaction<T>(body: () => T): T;
  close(): void;
}

/** The result codes of SQLite that say something to people. */
const codes = { busy: 5, full: 13, corrupt: 11, notADatabase: 26, cannotOpen: 14, io: 10 } as const;

/**
 * Opens or makes a database. Commits survive the death of the process and of the machine. Throws FAILED_PRECONDITION
 * (reason STORE_LOCKED) where another process has it, RESOURCE_EXHAUSTED (reason DISK_FULL) and DATA_LOSS (reason
 * STORE_CORRUPT), also from later calls.
 */
export function openDatabase(path: string): Database {
  return guarded(path, () => {
    const database = new DatabaseSync(path);
    try {
      database.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        BEGIN IMMEDIATE; COMMIT;
      `);
      reserveLog(`${path}-wal`);
    } catch (error) {
      database.close();
      throw error;
    }
    return wrap(path, database);
  });
}

/** What the log grows to until it is begun anew: a thousand pages with their headers, and a large commit. */
const logBytes = 4.5 * 2 ** 20;

/**
 * Makes the write-ahead log as long as it ever gets, so that commits have room where the file system is full: that it is
 * full, and what a guest does then, is to be written too. SQLite takes zeros behind its last entry for the end of the log.
 */
function reserveLog(path: string): void {
  const file = openSync(path, "r+");
  try {
    const zeros = new Uint8Array(2 ** 18);
    for (let at = fstatSync(file).size; at < logBytes;) {
      at += writeSync(file, zeros, 0, Math.min(zeros.length, logBytes - at), at);
    }
  } catch (error) {
    // Full already: what could be had is reserved.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
  } finally {
    closeSync(file);
  }
}

function wrap(path: string, database: DatabaseSync): Database {
  return {
    exec: (sql) => guarded(path, () => database.exec(sql)),
    prepare: <Row extends object>(sql: string): Statement<Row> => {
      const statement = guarded(path, () => database.prepare(sql));
      return {
        run: (...values) => void guarded(path, () => statement.run(...values)),
        all: (...values) => guarded(path, () => statement.all(...values) as Row[]),
      };
    },
    transaction: (body) =>
      guarded(path, () => {
        database.exec("BEGIN IMMEDIATE");
        try {
          const result = body();
          database.exec("COMMIT");
          return result;
        } catch (error) {
          if (database.isTransaction) database.exec("ROLLBACK");
          throw error;
        }
      }),
    close: () => database.close(),
  };
}

function guarded<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw explained(path, error) ?? error;
  }
}

function explained(path: string, error: unknown): LodgeError | undefined {
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
  const cause = { cause: error };
  switch (code) {
    case codes.busy:
      return lodgeError("STORE_LOCKED", `The database ${path} is in use by another process.`, {
        remedy:
          "Two agents cannot share a state directory: end the other one, or give this one its own.",
        ...cause,
      });
    case codes.full:
      return lodgeError("DISK_FULL", `The file system of ${path} is full.`, {
        remedy: "Free some space; nothing was lost.",
        ...cause,
      });
    case codes.corrupt:
    case codes.notADatabase:
      return lodgeError("STORE_CORRUPT", `The database ${path} is damaged, or is none.`, {
        remedy: "Restore it from a backup.",
        ...cause,
      });
    case codes.cannotOpen:
    case codes.io:
      return lodgeError("STORE_FAILED", `The database ${path} cannot be read or written.`, {
        remedy: "Check that its directory exists and belongs to the agent's user.",
        ...cause,
      });
    default:
      return undefined;
  }
}
