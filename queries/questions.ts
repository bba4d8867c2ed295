import { annotation, annotations } from './annotations.ts'
import type { QueryContext, Questions } from './context.ts'
import { discover } from './discover.ts'
import { errors } from './errors.ts'
import { funnel } from './funnel.ts'
import { journeys } from './journeys.ts'
import { live } from './live.ts'
import { lowCompletion } from './low-completion.ts'
import { opportunities } from './opportunities.ts'
import { paths } from './paths.ts'
import { revisionOf } from './revision.ts'
import { timeToComplete } from './time-to-complete.ts'
import { trail } from './trail.ts'
import { trend } from './trend.ts'

/** The questions, bound to what they are asked of. */
export function createQuestions(context: QueryContext): Questions {
  return {
    funnel: (question) => funnel(context, question),
    trend: (question) => trend(context, question),
    timeToComplete: (question) => timeToComplete(context, question),
    journeys: (question) => journeys(context, question),
    trail: (question) => trail(context, question),
    live: (question) => live(context, question),
    opportunities: (question) => opportunities(context, question),
    paths: (question) => paths(context, question),
    discover: (question) => discover(context, question),
    errors: (question) => errors(context, question),
    annotations: (question) => annotations(context, question),
    annotation: (question) => annotation(context, question),
    lowCompletion: (question) => lowCompletion(context, question),
    revision: () => revisionOf(context, 'all'),
  }
}
