/** What the API lets its operators see. Labels are bounded: ids of operations and codes, never a caller's words. */
export interface ApiSignals {
  /** A call was answered, well or not. `operation` is null for a path that none has. */
  answered(call: { operation: string | null; status: number; ms: number }): void
  /** A fault of Waymark: the answer was 500 and said nothing of it. */
  failed(call: { operation: string | null; error: unknown }): void
}
