import type { Check } from '../../domain/check.ts'
import { createClient } from './client.ts'
import { configErrorOf, unavailableOf } from './errors.ts'
import type { KafkaSettings } from './settings.ts'
import { deadLettersOf, prepareTopics } from './topic.ts'
import { letGo } from './waiting.ts'

/** Whether the brokers let us in and the topic suits. Changes nothing: a topic that is missing is made by the first program that starts. */
export async function lookAtBrokers(settings: KafkaSettings): Promise<Check> {
  const name = 'brokers'
  const where = settings.brokers.join(', ')
  const admin = createClient(settings, { client: () => undefined }).admin()
  try {
    await admin.connect()
    const found = await admin.listTopics()
    const { topic } = settings
    if (!found.includes(topic) || !found.includes(deadLettersOf(topic)))
      return { name, state: 'ok', detail: `${where} answer; topic ${topic} is made at the first start` }
    const advice: string[] = []
    const partitions = await prepareTopics(admin, topic, { advised: (words) => void advice.push(words) })
    const detail = `${where} answer; topic ${topic} has ${partitions} partitions`
    return advice.length === 0
      ? { name, state: 'ok', detail }
      : { name, state: 'warn', detail, action: advice.join('; ') }
  } catch (error) {
    const fault = configErrorOf(error)
    return fault === undefined
      ? {
          name,
          state: 'fail',
          detail: `KAFKA_BROKERS is ${where}: ${unavailableOf(error).message}`,
          action: 'start the brokers, or mend the address; what is advertised by them must be reachable from here',
        }
      : { name, state: 'fail', detail: fault.message, action: 'mend this setting, or the rights of the user' }
  } finally {
    await letGo(3_000, admin.disconnect())
  }
}
