/** One thing that `waymark doctor` looks at. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly detail: string
  /** What to do; absent when nothing is to be done. */
  readonly action?: string
}
