import type { Annotation, AnnotationInput } from '../annotation.ts'

/** Releases and incidents of services, as they were marked. */
export interface Annotations {
  /** Of one service, the latest first, then by id. @throws {StoreUnavailable} */
  of(service: string): Promise<readonly Annotation[]>
  /**
   * Durable when it resolves. An id that is there already is the same annotation: it stays as it is, so that a
   * deploy job may try again. One that was deleted may be used anew.
   * @returns null when the service has as many as it may (`shape.annotationsMax`)
   */
  add(service: string, input: AnnotationInput): Promise<{ annotation: Annotation; created: boolean } | null>
  /** `false` when there was none. */
  remove(service: string, id: string): Promise<boolean>
}
