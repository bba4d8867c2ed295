import { createHash, randomBytes } from 'node:crypto'
import { funnelStepNames, nextDefinition } from '../../domain/definition.ts'
import { adminKey, type Key } from '../../domain/key.ts'
import type { Clock } from '../../domain/ports/clock.ts'
import type { Registry } from '../../domain/ports/registry.ts'
import type { Service } from '../../domain/service.ts'

/** The registry port over two maps: what tests use that are not about keeping it. */
export function openMemoryRegistry({ clock, adminSecret }: { clock: Clock; adminSecret?: string }): Registry {
  const history = new Map<string, Service[]>()
  const keys = new Map<string, Key>()
  const listeners = new Set<(service: Service) => void>()
  const last = (id: string) => history.get(id)?.at(-1)
  const hash = (secret: string) => createHash('sha256').update(secret).digest('hex')
  const random = (bytes: number) => randomBytes(bytes).toString('base64url')

  return {
    service: async (id) => (last(id)?.deleted === false ? last(id) : undefined),
    services: async ({ department } = {}) =>
      [...history.keys()].sort().flatMap((id) => {
        const service = last(id)
        const shown = service?.deleted === false && (department === undefined || service.department === department)
        return shown ? [service] : []
      }),
    serviceVersion: async (id, version) => history.get(id)?.findLast((service) => service.version === version),
    stepNames: async (id) => new Set((history.get(id) ?? []).flatMap(({ funnel }) => funnelStepNames(funnel))),
    putService: async (id, input, { sample } = {}) => {
      const mintKey = () => `wpk_${random(18)}`
      const service = nextDefinition(last(id), { id, input, sample, now: clock.now(), mintKey })
      history.set(id, [...(history.get(id) ?? []), service])
      for (const listener of listeners) listener(service)
      return service
    },
    onPut: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    deleteService: async (id) => {
      const service = last(id)
      if (service === undefined || service.deleted) return false
      history.get(id)?.push({ ...service, deleted: true })
      return true
    },
    keyBySecret: async (secret) => (secret === adminSecret ? adminKey : keys.get(hash(secret))),
    keys: async () => [...keys.values()],
    createKey: async ({ name, scopes, service, department }) => {
      const secret = `wmk_${random(32)}`
      const key: Key = {
        id: `key_${random(12)}`,
        name,
        prefix: secret.slice(0, 12),
        scopes: [...new Set(scopes)],
        ...(service === undefined ? {} : { service }),
        ...(department === undefined ? {} : { department }),
        createdAt: new Date(clock.now()).toISOString(),
      }
      keys.set(hash(secret), key)
      return { key, secret }
    },
    deleteKey: async (id) => {
      const [found] = [...keys].find(([, key]) => key.id === id) ?? []
      return found !== undefined && keys.delete(found)
    },
  }
}
