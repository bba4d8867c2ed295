import type { Registry } from '../domain/ports/registry.ts'
import type { Service } from '../domain/service.ts'
import { isSlug } from '../domain/text.ts'
import type { KnownNames, ServiceNames } from './known-names.ts'

/** A service, ready for the questions that every event asks. */
export interface KnownService {
  readonly service: Service
  /** Names in any version of the funnel. */
  readonly funnelSteps: ReadonlySet<string>
  readonly dimensions: ReadonlySet<string>
  /** `null`: any origin, and none. */
  readonly origins: ReadonlySet<string> | null
  readonly names: ServiceNames
}

/** Finds services, and keeps what is derived from a definition for as long as the registry gives the same one. */
export function createServices(
  registry: Pick<Registry, 'service' | 'stepNames'>,
  knownNames: KnownNames,
): (id: unknown) => Promise<KnownService | undefined> {
  const kept = new Map<string, KnownService>()
  return async (id) => {
    if (!isSlug(id)) return undefined
    const service = await registry.service(id)
    const before = kept.get(id)
    if (service === before?.service) return before
    if (service === undefined) {
      kept.delete(id)
      return undefined
    }
    const known: KnownService = {
      service,
      funnelSteps: await registry.stepNames(id),
      dimensions: new Set(service.dimensions),
      origins: service.origins.length === 0 ? null : new Set(service.origins),
      names: knownNames.of(id),
    }
    kept.set(id, known)
    return known
  }
}
