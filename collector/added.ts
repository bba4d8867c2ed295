import type { Added } from './steps/step.ts'

/** Takes back the names and values that a request brought into use, because it was refused after all. */
export function takeBack(added: Added[]): void {
  for (const entry of added.splice(0)) {
    if ('step' in entry) entry.known.names.removeStep(entry.step)
    else entry.known.names.removeValue(entry.dimension, entry.value)
  }
}
