import { z } from 'zod'
import { instantForms, instantMs } from './instant.ts'
import { slug } from './key.ts'
import { defaultLimits, shape } from './limits.ts'
import { problemCodes } from './problems.ts'
import { channels, eventTypes, outcomes, type EventType } from './stored-event.ts'
import { isPrintable, isText } from './text.ts'

/**
 * What may be sent to /v1/events, as the documentation has it. The collector checks by hand, ten times as fast;
 * a property test holds the two to the same verdicts. Fields that stand nowhere here are ignored, and `null` is
 * as good as absent.
 */
const printable = (charsMax: number) =>
  z
    .string()
    .min(1)
    .max(charsMax)
    .refine((text) => isPrintable(text, charsMax), 'expected printable characters')

const instant = z.union([z.number(), z.string()]).refine((value) => instantMs(value) !== null, instantForms)

const channel = z.enum(channels).nullish().describe('How the person was served. Default: online')

const stepName = printable(shape.stepCharsMax)

const attrs = z
  .record(
    slug,
    z
      .string()
      .max(shape.attrValueCharsMax)
      .refine((text) => text === '' || isPrintable(text, shape.attrValueCharsMax), 'expected printable characters'),
  )
  .refine((given) => Object.keys(given).length <= shape.attrsMax, `expected at most ${shape.attrsMax} attributes`)

const common = {
  id: z
    .string()
    .min(1)
    .max(shape.eventIdCharsMax)
    .refine((text) => isText(text, shape.eventIdCharsMax), 'expected whole characters')
    .nullish()
    .describe('The same id in the same journey is the same event. Without one, equal events are one'),
  step: stepName.nullish().describe('The step at which it happened'),
  at: instant.describe(
    'When it happened: ms since 1970, or ISO 8601 as YYYY-MM-DDThh:mm[:ss[.fraction]] with an offset or Z',
  ),
  seq: z.int().min(0).max(shape.seqMax).nullish().describe('Orders events with equal `at`. Default: 0'),
  channel,
  attrs: attrs.nullish().describe('Values of dimensions that the service lists; others are left out'),
}

const slugOrNothing = z.union([z.literal(''), slug]).nullish()

const stepEvent = z.object({ ...common, type: z.literal('step').nullish(), step: stepName })
const bare = (type: 'save' | 'resume') => z.object({ ...common, type: z.literal(type) })

/** One event: what it carries depends on its type. */
export const eventInput = z.union([
  stepEvent,
  z.object({ ...common, type: z.literal('outcome'), outcome: z.enum(outcomes) }),
  z
    .object({ ...common, type: z.literal('error'), field: slugOrNothing, code: slugOrNothing })
    .refine(({ field, code }) => Boolean(field) || Boolean(code), 'expected a field or a code, or both'),
  z.object({
    ...common,
    type: z.literal('leave'),
    engagedMs: z
      .number()
      .min(0)
      .max(2 ** 32 - 1)
      .nullish()
      .describe('Attention since the page view, cumulative'),
  }),
  z.object({ ...common, type: z.literal('feedback'), rating: z.int().min(1).max(5) }),
  bare('save'),
  bare('resume'),
])

const whose = {
  service: slug,
  journey: printable(shape.journeyCharsMax).describe('A reference of the journey; kept only as a keyed hash'),
}

/** The body of POST /v1/events as JSON. */
export const eventsBody = z.object({
  ...whose,
  sentAt: instant.nullish().describe('The sender’s clock when it sent: corrects a browser’s `at`'),
  channel,
  key: z.string().nullish().describe('The public key of the service, where it has one'),
  events: z.array(eventInput).min(1).max(defaultLimits.eventsPerRequestMax),
})

/** One line of POST /v1/events as NDJSON. */
export const eventLine = z.intersection(z.object({ ...whose, sentAt: z.unknown() }), eventInput)

/** The answer to NDJSON: the first refused lines, and how many there were. */
export const linesAnswer = z.object({
  accepted: z.int().min(0),
  refusedCount: z.int().min(0),
  refused: z.array(
    z.object({
      line: z.int().min(1).describe('From 1, blank lines counted'),
      code: z.enum(problemCodes),
      detail: z.string(),
      path: z.string().optional().describe('The field to blame'),
    }),
  ),
})

/** The query of GET /v1/pixel.gif. */
export const pixelQuery = z.object({
  service: slug,
  journey: whose.journey,
  step: stepName.optional(),
  type: z.enum(eventTypes satisfies readonly EventType[]).optional(),
  outcome: z.enum(outcomes).optional(),
  field: slug.optional(),
  code: slug.optional(),
  channel: z.enum(channels).optional(),
  key: z.string().optional(),
})
