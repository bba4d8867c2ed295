import { isoInZone } from './period.ts'
import type { Subject } from './subject.ts'

/** What every answer about one service says of itself, but for the state of its period. */
export function provenance({ service, period, version, now }: Subject, revision: string) {
  return {
    service: service.id,
    from: isoInZone(period.from, period.tz),
    to: isoInZone(period.to, period.tz),
    tz: period.tz,
    asOf: new Date(now).toISOString(),
    revision,
    version,
  }
}
