import type { Funnel } from '../service.ts'
import { param, raw, sql, type Sql } from '../sql.ts'
import { bind } from './let.ts'
import type { CompiledFunnel, Trails } from './verdict.ts'

/** So many trails are looked at for shapes: more distinct ones are not judged ahead. */
const sampleTrails = 16_384
/** Longer trails are judged one by one. */
const eventsMax = 255

/**
 * Rows of trails with their verdicts: trails of one shape are judged once.
 *
 * A verdict compares events by their order, and their distances with the window and `within`, and nothing else. So of a trail
 * without two steps at one time, all within the shortest of these, the order of its step names, and where among them its outcome
 * is, decide which events are the run that counts; and so they do when one pause longer than the window parts it in two such
 * trails. This is its shape. One trail of each shape, whose times are the numbers of its events, goes through the same expression
 * as any other; its verdict then names events, and their times are looked up in each trail.
 *
 * The shapes are those of a sample. Trails of other shapes, and those without one, are judged by the expression as
 * they are, so nothing rests on the sample but the time it takes. Shapes are told apart by 64 bits, as step names are.
 */
export function verdictsOfTrails({ funnel, verdict }: Pick<CompiledFunnel, 'funnel' | 'verdict'>, trails: Trails): Sql {
  // Sums, not branches: a branch that need not be taken is computed anew for each that takes it.
  return sql`SELECT ${trails.columns},
      if(w_shape_start != 0, firstAt + toInt64(w_after[w_shape_start]), 0) + w_alone.start[1] AS start,
      if(w_shape_start != 0, firstAt + toInt64(w_after[w_shape_latest]), 0) + w_alone.latestStart[1] AS latestStart,
      bitOr(w_shape_excluded, w_alone.excluded[1]) AS excluded,
      bitOr(w_shape_depth, w_alone.depth[1]) AS depth,
      bitOr(w_shape_entered, w_alone.entered[1]) AS entered,
      arrayConcat(arrayMap(w_a -> firstAt + toInt64(w_a), w_reached), w_alone.times[1]) AS times,
      arrayConcat(arrayDifference(w_reached), arrayDifference(w_alone.times[1])) AS waits,
      bitOr(w_shape_completed, w_alone.completed[1]) AS completed,
      bitOr(w_shape_failed, w_alone.failed[1]) AS failed,
      multiIf(w_shape_begun != 0, outcomeAt[1] - firstAt - toInt64(w_after[w_shape_begun]),
        w_shape_completed = 1, toInt64(w_reached[-1]) - toInt64(w_reached[1]), w_shape_known = 1, -1, 0) + w_alone.completionMs[1] AS completionMs
    FROM (
      SELECT *, arrayCumSum(gaps) AS w_after,
        arrayFilter((w_a, w_m) -> w_m, w_after, arrayResize(w_shape_taken, length(gaps))) AS w_reached,
        ${judgedAlone(verdict)} AS w_alone
      FROM (SELECT *, ${shapeOf(funnel).shape} AS w_shape FROM (${trails.rows})) AS w_trails
      ANY LEFT JOIN (${shapesOf(funnel, verdict, trails.sample)}) AS w_shapes USING (w_shape)
    )`
}

/** An array with the verdict of a trail whose shape is not known, and an empty one for others, which costs next to nothing. */
function judgedAlone(verdict: Sql): Sql {
  // What does not depend on the number would be computed for every trail.
  const own = (column: string) => raw(`arraySlice(${column}, w_n + 1)`)
  return sql`arrayMap(w_n -> ${bind(
    {
      at: sql`arrayMap(w_a -> firstAt + toInt64(w_a), arrayCumSum(${own('gaps')}))`,
      seq: own('seq'),
      step: own('step'),
      outcomeAt: own('outcomeAt'),
      outcomeSeq: own('outcomeSeq'),
      outcome: own('outcome'),
    },
    verdict,
  )}, range(toUInt8(w_shape_known = 0)))`
}

/** What the shape of a trail is made of. */
interface Shape {
  /** Number of the event after a pause longer than the window; 0 for none. */
  readonly pause: Sql
  /** Number of the last event at or before the outcome. */
  readonly before: Sql
  /** UInt64; 0 for a trail without a shape. */
  readonly shape: Sql
}

function shapeOf(funnel: Funnel): Shape {
  const window = param('UInt64', funnel.windowMs)
  const near = param('UInt64', nearest(funnel))
  const after = raw('toUInt64(outcomeAt[1] - firstAt)')
  const span = raw('arraySum(gaps) - gaps[1]')
  const longest = sql`indexOf(gaps, arrayMax(gaps))`
  const pause = sql`if(lastAfter <= ${near} OR ${span} <= ${near}, 0, toUInt8(${longest}))`
  const before = sql`if(empty(outcome), 0, toUInt8(arrayCount(w_a -> w_a <= ${after}, arrayCumSum(gaps))))`
  // Nearly all trails are of the first kind: the engine computes the rest only for the others.
  const near0 = sql`lastAfter <= ${near} AND empty(outcome)`
  const parted = sql`empty(outcome) AND (${span} <= ${near} OR (${longest} > 1 AND arrayMax(gaps) > ${window} AND ${span} - arrayMax(gaps) <= ${near}))`
  const ended = sql`length(outcome) = 1 AND lastAfter <= ${near} AND NOT has(arrayCumSum(gaps), ${after})`
  return {
    pause,
    before,
    shape: sql`if(length(gaps) <= ${raw(String(Math.min(eventsMax, nearest(funnel))))} AND countEqual(gaps, 0) <= (gaps[1] = 0),
      multiIf(${near0}, cityHash64(step), ${parted}, cityHash64(step, ${pause}), ${ended}, cityHash64(step, outcome[1], ${before}), 0), 0)`,
  }
}

/** Events no further apart keep the window and every `within`, ms. */
function nearest({ windowMs, positions }: Funnel): number {
  return Math.min(windowMs, ...positions.flatMap(({ withinMs }) => withinMs ?? []))
}

/**
 * One row a shape of the sample: which events its verdict names. Event n is at 2n, and the outcome between; a pause adds a
 * multiple of 512.
 */
function shapesOf(funnel: Funnel, verdict: Sql, sample: Sql): Sql {
  const { pause, before, shape } = shapeOf(funnel)
  const longest = raw(String((Math.floor(funnel.windowMs / 512) + 2) * 512))
  const number = (time: string) => raw(`toUInt8(bitShiftRight(${time} % 512, 1))`)
  return sql`SELECT w_shape, toUInt8(1) AS w_shape_known, ${number('w_v.start')} AS w_shape_start,
      ${number('w_v.latestStart')} AS w_shape_latest, w_v.excluded AS w_shape_excluded, w_v.depth AS w_shape_depth,
      w_v.entered AS w_shape_entered, w_v.completed AS w_shape_completed, w_v.failed AS w_shape_failed,
      if(w_v.completed AND w_v.depth != ${raw(String(funnel.positions.length))}, ${number('(outcomeAt[1] - w_v.completionMs)')}, 0) AS w_shape_begun,
      arrayMap(w_a -> has(w_v.times, w_a), at) AS w_shape_taken
    FROM (
      SELECT w_shape, at, outcomeAt, ${verdict} AS w_v
      FROM (
        SELECT w_shape, any(step) AS step, any(w_pause) AS w_split, any(w_before) AS w_rank, any(w_end) AS w_kind,
          arrayMap(w_i -> toInt64(2 * w_i + if(w_split != 0 AND w_i >= w_split, ${longest}, 0)), arrayEnumerate(step)) AS at,
          arrayResize(CAST([] AS Array(UInt32)), length(step)) AS seq,
          CAST(if(w_kind = 0, [], [2 * w_rank + 1]) AS Array(Int64)) AS outcomeAt,
          CAST(if(w_kind = 0, [], [0]) AS Array(UInt32)) AS outcomeSeq,
          CAST(if(w_kind = 0, [], [w_kind]) AS Array(UInt8)) AS outcome
        FROM (SELECT step, outcome[1] AS w_end, ${pause} AS w_pause, ${before} AS w_before, ${shape} AS w_shape FROM (${sample} LIMIT ${raw(String(sampleTrails))}))
        WHERE w_shape != 0
        GROUP BY w_shape
      )
    )`
}
