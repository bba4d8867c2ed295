/**
 * The tables, as ordered steps. Applied steps are recorded with a checksum; a step once released never changes.
 *
 * Every table fsyncs what is inserted and what is merged: the event log forgets what an INSERT has
 * acknowledged, so a power cut must not take it back.
 */
const durable = `fsync_after_insert = 1, fsync_part_directory = 1,
  min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1`

export interface Migration {
  readonly name: string
  readonly statement: string
}

export const migrations: readonly Migration[] = [
  {
    // One row an event, and copies of it merge: earliest time, greatest attention, smallest content (a journey
    // is a grow-only set, so rows may come twice, late and in any order). The fields of `content` stand in the
    // order in which copies are compared.
    name: '001-trail',
    statement: `CREATE TABLE IF NOT EXISTS trail (
      service LowCardinality(String),
      journey UInt64,
      identity UInt64,
      at SimpleAggregateFunction(min, Int64) CODEC(Delta, ZSTD(3)),
      engagedMs SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(3)),
      content SimpleAggregateFunction(min, Tuple(
        type Enum8('error' = 1, 'feedback' = 2, 'leave' = 3, 'outcome' = 4, 'resume' = 5, 'save' = 6, 'step' = 7),
        step String, seq UInt32, outcome String, field String, code String, rating UInt8, channel String,
        dimensions Array(Tuple(name String, value String)))) CODEC(ZSTD(3))
    ) ENGINE = AggregatingMergeTree ORDER BY (service, journey, identity)
    SETTINGS index_granularity = 512, ${durable}`,
  },
  {
    // One row a journey: its trail packed for any funnel, and what its service's own funnel (of \`version\`) says
    // of it. Replaced whole by a higher revision; read with FINAL.
    name: '002-facts',
    statement: `CREATE TABLE IF NOT EXISTS facts (
      service LowCardinality(String),
      journey UInt64,
      revision UInt64 CODEC(Delta, ZSTD(3)),
      at Array(Int64) CODEC(Delta, ZSTD(3)),
      seq Array(UInt32) CODEC(ZSTD(3)),
      step Array(UInt64) CODEC(ZSTD(3)),
      outcomeAt Array(Int64) CODEC(ZSTD(3)),
      outcomeSeq Array(UInt32) CODEC(ZSTD(3)),
      outcome Array(UInt8) CODEC(ZSTD(3)),
      firstAt Int64 CODEC(Delta, ZSTD(3)),
      lastAt Int64 CODEC(Delta, ZSTD(3)),
      events UInt32 CODEC(ZSTD(3)),
      eventsDropped UInt32 CODEC(ZSTD(3)),
      dimensions Map(LowCardinality(String), String) CODEC(ZSTD(3)),
      version UInt32 CODEC(ZSTD(3)),
      verdict Tuple(start Int64, latestStart Int64, excluded UInt8, depth UInt8, entered UInt64, times Array(Int64), completed UInt8, failed UInt8, completionMs Int64) CODEC(ZSTD(3))
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, journey)
    SETTINGS index_granularity = 512, ${durable}`,
  },
  {
    // Definitions of services, every change a row: the highest revision of a service is current.
    name: '003-definitions',
    statement: `CREATE TABLE IF NOT EXISTS definitions (
      service String, revision UInt64, version UInt32, definition String
    ) ENGINE = ReplacingMergeTree ORDER BY (service, revision) SETTINGS ${durable}`,
  },
  {
    name: '004-keys',
    statement: `CREATE TABLE IF NOT EXISTS keys (
      id String, revision UInt64, hash String, key String, revoked UInt8
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY id SETTINGS ${durable}`,
  },
  {
    // Names behind the hashes in facts.step, and when each was last seen (ms, to the hour).
    name: '005-step-names',
    statement: `CREATE TABLE IF NOT EXISTS step_names (
      service LowCardinality(String), step String, lastSeen SimpleAggregateFunction(max, Int64)
    ) ENGINE = AggregatingMergeTree ORDER BY (service, step) SETTINGS ${durable}`,
  },
  {
    // Entries of the event log that could not become events, with why.
    name: '006-set-aside',
    statement: `CREATE TABLE IF NOT EXISTS set_aside (
      at Int64, reason String, bytes String
    ) ENGINE = MergeTree ORDER BY at SETTINGS ${durable}`,
  },
  {
    // Cohort hours of a service (its own funnel) that were once complete, and whether late events changed one since.
    name: '007-cohorts',
    statement: `CREATE TABLE IF NOT EXISTS cohorts (
      service LowCardinality(String), hour Int64, revision UInt64, version UInt32, state Enum8('sealed' = 1, 'revised' = 2)
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, hour) SETTINGS ${durable}`,
  },
]
