import { verdictType } from '../../domain/funnel/verdict.ts'

/**
 * The tables, as ordered steps. Applied steps are recorded with a checksum; a step once released never changes.
 *
 * Every table fsyncs what is inserted and what is merged: the event log forgets what an INSERT has
 * acknowledged, so a power cut must not take it back. Parts that were merged stay for a minute, so that the
 * merged one has its name on the disk before they go (durable-names.ts); in process the default is not to wait.
 */
export const durable = `fsync_after_insert = 1, fsync_part_directory = 1,
  min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1,
  old_parts_lifetime = 60`

export interface Migration {
  readonly name: string
  readonly statement: string
}

export const migrations: readonly Migration[] = [
  {
    // One row an event, and copies of it merge: earliest time, greatest attention, smallest content (a journey
    // is a grow-only set, so rows may come twice, late and in any order).
    //
    // `content` is all the rest of an event as one text that compares, byte by byte, as (type, step, seq, what
    // the type carries, channel, attrs) do: domain/trail-content.ts writes it. One column merges as a whole,
    // and its few distinct values a service take 0.7 to 1.0 bytes an event on disk, where a tuple took 4.0.
    name: '001-trail',
    statement: `CREATE TABLE IF NOT EXISTS trail (
      service LowCardinality(String),
      journey UInt64 CODEC(Delta, ZSTD(7)),
      identity UInt64 CODEC(T64),
      at SimpleAggregateFunction(min, Int64) CODEC(T64('byte'), Delta(1), ZSTD(3)),
      engagedMs SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(3)),
      content SimpleAggregateFunction(min, LowCardinality(String)) CODEC(ZSTD(3)),
      type String ALIAS ['error', 'feedback', 'leave', 'outcome', 'resume', 'save', 'step'][toUInt8OrZero(substring(content, 1, 1))],
      step String ALIAS substring(splitByChar('\\x01', content)[1], 2),
      seq UInt32 ALIAS reinterpretAsUInt32(reverse(unhex(splitByChar('\\x01', content)[2]))),
      outcome String ALIAS if(type = 'outcome', splitByChar('\\x01', content)[3], ''),
      field String ALIAS if(type = 'error', splitByChar('\\x02', splitByChar('\\x01', content)[3])[1], ''),
      code String ALIAS if(type = 'error', splitByChar('\\x02', splitByChar('\\x01', content)[3])[2], ''),
      rating UInt8 ALIAS if(type = 'feedback', toUInt8OrZero(splitByChar('\\x01', content)[3]), 0),
      channel String ALIAS splitByChar('\\x01', content)[4],
      dimensions Array(Tuple(name String, value String)) ALIAS arrayMap(pair -> (splitByChar('\\x02', pair)[1], splitByChar('\\x02', pair)[2]), arrayFilter(pair -> pair != '', splitByChar('\\x03', splitByChar('\\x01', content)[5])))
    ) ENGINE = AggregatingMergeTree ORDER BY (service, journey, identity)
    SETTINGS index_granularity = 512, ${durable}`,
  },
  {
    // One row a journey: its trail packed for any funnel, and what its service's own funnel (of `version`) says
    // of it. Replaced whole by a higher revision; read with FINAL.
    //
    // Times are kept as what they add to one another, since nothing else would fit the promise of storage: read
    // them by the alias columns `at`, `lastAt`, `start`, `latestStart`, `times` and `verdict`. Write the columns
    // that begin with `given` instead: they are not kept, the others are computed from them. Every time of a
    // given verdict must be one of `givenAt`.
    name: '002-facts',
    statement: `CREATE TABLE IF NOT EXISTS facts (
      service LowCardinality(String),
      journey UInt64 CODEC(Delta, T64('byte'), ZSTD(3)),
      revision UInt64 CODEC(T64, ZSTD(1)),
      givenAt Array(Int64) EPHEMERAL [],
      givenLastAt Int64 EPHEMERAL givenAt[-1],
      givenVerdict ${verdictType} EPHEMERAL CAST((0, 0, 0, 0, 0, [], 0, 0, -1), '${verdictType}'),
      firstAt Int64 DEFAULT givenAt[1] CODEC(T64, ZSTD(1)),
      lastAfter UInt64 DEFAULT givenLastAt - firstAt CODEC(T64, ZSTD(3)),
      gaps Array(UInt64) DEFAULT arrayPopFront(arrayDifference(arrayPushFront(givenAt, firstAt))) CODEC(T64, ZSTD(3)),
      seq Array(UInt32) CODEC(T64('byte'), ZSTD(3)),
      step Array(UInt64) CODEC(ZSTD(3)),
      outcomeAt Array(Int64) CODEC(ZSTD(3)),
      outcomeSeq Array(UInt32) CODEC(ZSTD(3)),
      outcome Array(UInt8) CODEC(ZSTD(3)),
      events UInt32 CODEC(ZSTD(3)),
      eventsDropped UInt32 CODEC(ZSTD(3)),
      dimensions Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(3)),
      version UInt32 CODEC(ZSTD(3)),
      startAfter Int64 DEFAULT if(givenVerdict.depth = 0 AND givenVerdict.excluded = 0, -1, givenVerdict.start - firstAt) CODEC(ZSTD(3)),
      latestStartAfter UInt64 DEFAULT givenVerdict.latestStart - givenVerdict.start CODEC(ZSTD(3)),
      excluded UInt8 DEFAULT givenVerdict.excluded CODEC(ZSTD(3)),
      depth UInt8 DEFAULT givenVerdict.depth CODEC(ZSTD(3)),
      entered UInt64 DEFAULT givenVerdict.entered CODEC(ZSTD(3)),
      reached Array(UInt16) DEFAULT arrayMap(time -> indexOf(givenAt, time), givenVerdict.times) CODEC(ZSTD(3)),
      completed UInt8 DEFAULT givenVerdict.completed CODEC(ZSTD(3)),
      failed UInt8 DEFAULT givenVerdict.failed CODEC(ZSTD(3)),
      completionMs Int64 DEFAULT givenVerdict.completionMs CODEC(ZSTD(3)),
      at Array(Int64) ALIAS arrayMap(after -> firstAt + after, arrayCumSum(gaps)),
      lastAt Int64 ALIAS toInt64(firstAt + lastAfter),
      start Int64 ALIAS if(startAfter < 0, 0, firstAt + startAfter),
      latestStart Int64 ALIAS if(startAfter < 0, 0, toInt64(firstAt + startAfter + latestStartAfter)),
      times Array(Int64) ALIAS arrayMap(index -> at[index], reached),
      verdict ${verdictType} ALIAS CAST((start, latestStart, excluded, depth, entered, times, completed, failed, completionMs), '${verdictType}'),
      INDEX revisions revision TYPE minmax GRANULARITY 16
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
    // Entries of the event log that could not become events, with why. One that comes twice is one.
    name: '006-set-aside',
    statement: `CREATE TABLE IF NOT EXISTS set_aside (
      at Int64, reason String, bytes String, entry UInt64 MATERIALIZED xxh3(bytes)
    ) ENGINE = ReplacingMergeTree ORDER BY entry SETTINGS ${durable}`,
  },
  {
    // Cohort hours of a service (its own funnel) that were once complete, and whether late events changed one since.
    name: '007-cohorts',
    statement: `CREATE TABLE IF NOT EXISTS cohorts (
      service LowCardinality(String), hour Int64, revision UInt64, version UInt32, state Enum8('sealed' = 1, 'revised' = 2)
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, hour) SETTINGS ${durable}`,
  },
  {
    // Journeys that were erased, for ever: events of them are dropped, and every start removes what is left of them.
    name: '009-erasures',
    statement: `CREATE TABLE IF NOT EXISTS erasures (
      service LowCardinality(String), journey UInt64, at SimpleAggregateFunction(min, Int64)
    ) ENGINE = AggregatingMergeTree ORDER BY (service, journey) SETTINGS ${durable}`,
  },
  {
    // When journeys were last removed, so that answers say that they are others, and when their bytes went. A
    // removal that was begun and not done was cut short: processor/removal.ts.
    name: '009-removals',
    statement: `CREATE TABLE IF NOT EXISTS removals (
      service LowCardinality(String),
      what Enum8('erasing' = 1, 'erased' = 2, 'expiring' = 3, 'expired' = 4, 'purged' = 5),
      revision UInt64
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, what) SETTINGS ${durable}`,
  },
  {
    // The day (since 1970, UTC) on which the last event of the journey arrived; what was there before says when it
    // was written. Kept to the day, it takes next to nothing on the disk.
    name: '009-facts-arrived',
    statement: `ALTER TABLE facts ADD COLUMN IF NOT EXISTS
      arrivedDay UInt16 DEFAULT toUInt16(intDiv(revision, 86400000)) CODEC(T64, ZSTD(3)) AFTER revision`,
  },
  {
    // Releases and incidents of services, every change a row: of an id the highest revision counts.
    name: '008-annotations',
    statement: `CREATE TABLE IF NOT EXISTS annotations (
      service String, id String, revision UInt64, annotation String, deleted UInt8
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, id) SETTINGS ${durable}`,
  },
  {
    // Journeys whose facts were written since the seal of their service: as they are (`present` 1, the highest revision
    // stands) and as the seal counted them (0: of those the first that was kept stands, so its revision is turned
    // around). domain/tally/unsealed.ts says how they are read.
    name: '010-unsealed',
    statement: `CREATE TABLE IF NOT EXISTS unsealed (
      service LowCardinality(String), seal UInt64, journey UInt64, present UInt8, revision UInt64, version UInt32, gone UInt8,
      firstAt Int64, lastAt Int64, start Int64, latestStart Int64, excluded UInt8, depth UInt8, entered UInt64,
      times Array(Int64), completed UInt8, failed UInt8, completionMs Int64,
      dimensions Map(LowCardinality(String), LowCardinality(String))
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (service, seal, journey, present)
    SETTINGS index_granularity = 1024, ${durable}`,
  },
  {
    // Tallies (domain/tally/keys.ts) of a service's journeys by the hour (UTC) or the day (of its zone) of their
    // start: of all (no dimension) and of each value of each dimension. A layer is written once and never changed; a
    // service's tally is the sum of the layers that its seal names.
    name: '011-rollup',
    statement: `CREATE TABLE IF NOT EXISTS rollup (
      service LowCardinality(String),
      dimension LowCardinality(String),
      layer UInt64 CODEC(Delta, ZSTD(1)),
      grain Enum8('hour' = 1, 'day' = 2),
      bucket Int64 CODEC(Delta, ZSTD(3)),
      value LowCardinality(String),
      keys Array(UInt16) CODEC(ZSTD(3)),
      counts Array(Int64) CODEC(T64, ZSTD(3)),
      timeKeys Array(UInt32) CODEC(Delta, ZSTD(3)),
      timeCounts Array(Int64) CODEC(T64, ZSTD(3))
    ) ENGINE = MergeTree ORDER BY (service, dimension, layer, grain, bucket, value)
    SETTINGS index_granularity = 256, ${durable}`,
  },
  {
    // Journeys of a sealed service that the clock is about to change, one a row, in layers as the rollup: those whose window passes
    // between two moments, and those that are open. A journey that a layer takes out again has sign -1.
    name: '012-edge',
    statement: `CREATE TABLE IF NOT EXISTS edge (
      service LowCardinality(String), layer UInt64, journey UInt64, sign Int8,
      start Int64 CODEC(T64, ZSTD(1)), latestStart Int64 CODEC(T64, ZSTD(1)), lastAt Int64 CODEC(T64, ZSTD(1)),
      depth UInt8, entered UInt64, completed UInt8, failed UInt8,
      dimensions Map(LowCardinality(String), LowCardinality(String))
    ) ENGINE = MergeTree ORDER BY (service, layer, journey)
    SETTINGS ${durable}`,
  },
  {
    // What stands for a service's sealed tallies, replaced whole by a higher revision. No layers: it is not sealed.
    name: '013-seals',
    statement: `CREATE TABLE IF NOT EXISTS seals (
      service LowCardinality(String), revision UInt64, version UInt32, timeZone LowCardinality(String),
      seal UInt64, dataRevision UInt64, layers Array(UInt64), layerRows Array(UInt64),
      bucketFrom Int64, bucketTo Int64, edgeLayers Array(UInt64), edgeFrom Int64, edgeTo Int64
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY service SETTINGS ${durable}`,
  },
  {
    // The rollup as before, with tallies of weeks (of the service's zone, from Monday): a quarter needs a dozen of them rather than ninety
    // days. A week has thousands of times, so what is read at once is bounded by its bytes.
    name: '014-rollups',
    statement: `CREATE TABLE IF NOT EXISTS rollups (
      service LowCardinality(String),
      dimension LowCardinality(String),
      layer UInt64 CODEC(Delta, ZSTD(1)),
      grain Enum8('hour' = 1, 'day' = 2, 'week' = 3),
      bucket Int64 CODEC(Delta, ZSTD(3)),
      value LowCardinality(String),
      keys Array(UInt16) CODEC(ZSTD(3)),
      counts Array(Int64) CODEC(T64, ZSTD(3)),
      timeKeys Array(UInt32) CODEC(Delta, ZSTD(3)),
      timeCounts Array(Int64) CODEC(T64, ZSTD(3))
    ) ENGINE = MergeTree ORDER BY (service, dimension, layer, grain, bucket, value)
    SETTINGS index_granularity = 256, index_granularity_bytes = 131072, ${durable}`,
  },
  {
    // The edge as before, but in the order of the last events, since who asks for the silent looks at the latest, and with the
    // dimensions as one text (domain/tally/labels.ts), which the engine keeps once for all journeys that share it.
    name: '015-edge-journeys',
    statement: `CREATE TABLE IF NOT EXISTS edge_journeys (
      service LowCardinality(String), layer UInt64 CODEC(Delta, ZSTD(1)), journey UInt64, sign Int8,
      start Int64 CODEC(T64, ZSTD(1)), latestStart Int64 CODEC(T64, ZSTD(1)), lastAt Int64 CODEC(Delta, ZSTD(1)),
      depth UInt8, entered UInt64, completed UInt8, failed UInt8,
      labels LowCardinality(String)
    ) ENGINE = MergeTree ORDER BY (service, layer, lastAt)
    SETTINGS index_granularity = 1024, ${durable}`,
  },
  {
    name: '016-no-rollup',
    statement: 'DROP TABLE IF EXISTS rollup',
  },
  {
    name: '017-no-edge',
    statement: 'DROP TABLE IF EXISTS edge',
  },
  {
    // What was sealed without weeks, and with the edge that is gone, does not stand, and is counted anew (domain/tally/layout.ts).
    name: '018-seals-layout',
    statement: 'ALTER TABLE seals ADD COLUMN IF NOT EXISTS layout UInt8 DEFAULT 1',
  },
  {
    // Which of several processors works on this database (infra/clickhouse/leases.ts), and how it is. An epoch is taken
    // once: of two inserts with the same deduplication token the engine keeps the first.
    name: '019-leases',
    statement: `CREATE TABLE IF NOT EXISTS leases (
      name LowCardinality(String), epoch UInt64, holder String, heard Int64, until Int64, status String
    ) ENGINE = ReplacingMergeTree(heard) ORDER BY (name, epoch)
    SETTINGS non_replicated_deduplication_window = 1000, ${durable}`,
  },
  {
    // What other programs ask of the processor, and what it answered: infra/processor-calls.ts.
    name: '020-calls',
    statement: `CREATE TABLE IF NOT EXISTS calls (
      id String, at Int64, what LowCardinality(String), asked String, answered UInt8, answer String
    ) ENGINE = ReplacingMergeTree(answered) ORDER BY id
    TTL toDateTime(intDiv(at, 1000)) + INTERVAL 1 DAY SETTINGS ${durable}`,
  },
]
