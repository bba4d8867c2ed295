import { normaliseFunnel, type FunnelInput, type Service, type ServiceInput } from './service.ts'

/**
 * Whether two funnels say the same of every journey: defaults filled in, labels left out, the order of the
 * names of one position and of the exclusions too, since none of these changes a verdict.
 */
export function sameFunnel(one: FunnelInput, other: FunnelInput): boolean {
  return meaning(one) === meaning(other)
}

function meaning(input: FunnelInput): string {
  const { positions, order, windowMs, exclusions } = normaliseFunnel(input)
  const exclude = exclusions.map(({ step, after, before }) => JSON.stringify([step, after, before]))
  return JSON.stringify([
    positions.map(({ names, optional, withinMs }) => [[...names].sort(), optional, withinMs]),
    order,
    windowMs,
    [...new Set(exclude)].sort(),
  ])
}

/**
 * The definition that a PUT makes of what stood before. A changed funnel is a new version; any other change
 * keeps version and `createdAt`. A public key stays while `publicKey` does: off and on again makes another.
 * @param previous the last definition, a deleted one too: its versions go on
 */
export function nextDefinition(
  previous: Service | undefined,
  change: { id: string; input: ServiceInput; sample: boolean | undefined; now: number; mintKey: () => string },
): Service {
  const { id, input } = change
  const kept = previous !== undefined && sameFunnel(previous.funnel, input.funnel) ? previous : undefined
  return {
    ...input,
    id,
    version: kept?.version ?? (previous?.version ?? 0) + 1,
    createdAt: kept?.createdAt ?? new Date(change.now).toISOString(),
    sample: change.sample ?? previous?.sample ?? false,
    deleted: false,
    ...(input.publicKey ? { key: previous?.key ?? change.mintKey() } : {}),
  }
}

/** Every step name that stands in a funnel, excluded steps included. */
export function funnelStepNames(funnel: FunnelInput): readonly string[] {
  const { positions, exclusions } = normaliseFunnel(funnel)
  return [...positions.flatMap(({ names }) => names), ...exclusions.map(({ step }) => step)]
}
