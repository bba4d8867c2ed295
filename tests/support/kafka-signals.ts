import type { KafkaSignals } from '../../infra/kafka/signals.ts'

/** Remembers what a Kafka log told. */
export class RecordedSignals implements KafkaSignals {
  readonly sends: { messages: number; events: number; bytes: number; seconds: number }[] = []
  readonly sendFailures: Error[] = []
  readonly reasons: string[] = []
  readonly gonePartitions = new Map<number, number>()
  readonly joins: number[] = []
  readonly consumerFailures: Error[] = []
  readonly commitFailures: Error[] = []
  readonly advice: string[] = []
  readonly lines: string[] = []
  recoveries = 0

  sent(sent: { messages: number; events: number; bytes: number; seconds: number }): void {
    this.sends.push(sent)
  }
  sendFailed(_appends: number, error: Error): void {
    this.sendFailures.push(error)
  }
  sendsAgain(): void {
    this.recoveries += 1
  }
  deadLettered(reason: string): void {
    this.reasons.push(reason)
  }
  gone(partition: number, messages: number): void {
    this.gonePartitions.set(partition, (this.gonePartitions.get(partition) ?? 0) + messages)
  }
  joined(partitions: number): void {
    this.joins.push(partitions)
  }
  consumerFailed(error: Error): void {
    this.consumerFailures.push(error)
  }
  commitFailed(error: Error): void {
    this.commitFailures.push(error)
  }
  advised(advice: string): void {
    this.advice.push(advice)
  }
  client(message: string, details: Readonly<Record<string, unknown>>): void {
    this.lines.push(`${message} ${JSON.stringify(details)}`)
  }
}
