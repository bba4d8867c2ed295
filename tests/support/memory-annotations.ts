import { annotationOf, latestFirst, type Annotation } from '../../domain/annotation.ts'
import { shape } from '../../domain/limits.ts'
import type { Annotations } from '../../domain/ports/annotations.ts'
import type { Clock } from '../../domain/ports/clock.ts'

/** The annotations port over a map: what tests use that are not about keeping them. */
export function openMemoryAnnotations({ clock }: { clock: Clock }): Annotations {
  const services = new Map<string, Map<string, Annotation>>()
  let made = 0
  const standing = (service: string) => {
    const some = services.get(service) ?? new Map<string, Annotation>()
    services.set(service, some)
    return some
  }
  return {
    of: async (service) => [...standing(service).values()].sort(latestFirst),
    add: async (service, input) => {
      const some = standing(service)
      const same = input.id === undefined ? undefined : some.get(input.id)
      if (same !== undefined) return { annotation: same, created: false }
      if (some.size >= shape.annotationsMax) return null
      const annotation = annotationOf(input, clock.now(), () => `an-${(made += 1)}`)
      some.set(annotation.id, annotation)
      return { annotation, created: true }
    },
    remove: async (service, id) => standing(service).delete(id),
  }
}
