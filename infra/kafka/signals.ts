/** What the Kafka log tells of itself; metrics and log lines are made of it elsewhere. */
export interface KafkaSignals {
  /** One request to the brokers was acknowledged by all in-sync replicas. */
  sent(sent: {
    readonly messages: number
    readonly events: number
    readonly bytes: number
    readonly seconds: number
  }): void
  /** Requests of callers were refused since the brokers did not take what was sent. */
  sendFailed(appends: number, error: Error): void
  /** The brokers take events again. */
  sendsAgain(): void
  /** A message that can never become events is in the dead-letter topic. */
  deadLettered(reason: string): void
  /** Retention deleted messages before they were handled. */
  gone(partition: number, messages: number): void
  /** The consumer group was joined, at the start or after a change of its members. */
  joined(partitions: number): void
  /** The consumer ended by an error and starts anew. */
  consumerFailed(error: Error): void
  /** An offset could not be committed: its events come again. */
  commitFailed(error: Error): void
  /** A setting that works, but not as well as it should. */
  advised(advice: string): void
  /** A line of the client library. */
  client(message: string, details: Readonly<Record<string, unknown>>): void
}
