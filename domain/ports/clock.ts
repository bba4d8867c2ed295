/** Time and chance come in as parameters, so that a test can say what they are. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}
