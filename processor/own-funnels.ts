import { compileFunnel } from '../domain/funnel/compile.ts'
import type { Registry } from '../domain/ports/registry.ts'
import { normaliseFunnel } from '../domain/service.ts'
import { render } from '../domain/sql.ts'
import { noFunnel, type OwnFunnel } from './facts.ts'

/** A service's own funnel as it stands now, compiled once a version. @throws {StoreUnavailable} */
export type OwnFunnels = (service: string) => Promise<OwnFunnel>

export function createOwnFunnels(registry: Pick<Registry, 'service'>): OwnFunnels {
  const compiled = new Map<string, OwnFunnel>()
  return async (id) => {
    const service = await registry.service(id)
    if (service === undefined) {
      compiled.delete(id)
      return noFunnel
    }
    const known = compiled.get(id)
    if (known?.version === service.version && known.timeZone === service.timeZone) return known
    const funnel = normaliseFunnel(service.funnel)
    const { verdict } = compileFunnel(funnel)
    const own: OwnFunnel = {
      version: service.version,
      windowMs: funnel.windowMs,
      verdict,
      chars: render(verdict).query.length,
      timeZone: service.timeZone,
      gapped: funnel.positions.some(({ optional }) => optional),
      key: JSON.stringify(funnel, (name, value: unknown) => (name === 'label' ? undefined : value)),
    }
    compiled.set(id, own)
    return own
  }
}
