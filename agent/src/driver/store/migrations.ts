/** The database's schema, step by step. A step that was released is never changed; a new one is added after it. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: "records, claims, references and deletions",
    sql: `
      CREATE TABLE records (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE claims (
        key TEXT PRIMARY KEY,
        holder_kind TEXT NOT NULL,
        holder_id TEXT NOT NULL,
        cooldown INTEGER NOT NULL,
        free_at INTEGER
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE record_references (
        from_kind TEXT NOT NULL,
        from_id TEXT NOT NULL,
        to_kind TEXT NOT NULL,
        to_id TEXT NOT NULL,
        PRIMARY KEY (from_kind, from_id, to_kind, to_id),
        FOREIGN KEY (from_kind, from_id) REFERENCES records (kind, id) DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY (to_kind, to_id) REFERENCES records (kind, id) DEFERRABLE INITIALLY DEFERRED
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX record_references_to ON record_references (to_kind, to_id);
      CREATE TABLE deletions (
        sequence INTEGER NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY (sequence, kind, id)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE counters (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO counters (name, value) VALUES ('sequence', 0), ('forgotten_until', 0);
    `,
  },
];
