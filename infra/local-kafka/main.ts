import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../bin/build.js'
import { errorLine, exitCodes, type Start } from '../program.ts'
import { startCluster } from './cluster.ts'
import { jarCache, kafkaJars, KafkaMissing, kafkaVersion } from './jars.ts'

const usage = 'npm run kafka -- [--port 9092] [--data ./data/kafka] [--brokers 1|3]'

interface Options {
  readonly port: number
  readonly dataDir: string
  readonly brokers: number
}

/** `npm run kafka`: a real Kafka on this machine without Docker, until it is told to stop. */
export async function main({ args, stop }: Start): Promise<number> {
  let options: Options
  try {
    options = optionsOf(args)
  } catch (error) {
    process.stderr.write(`${errorLine(error)}\nusage: ${usage}\n`)
    return exitCodes.configuration
  }
  const { port, brokers, dataDir } = options
  try {
    process.stdout.write(`Kafka ${kafkaVersion}, from Maven where it is not here yet\n`)
    const jars = await kafkaJars(jarCache(root))
    if (stop.aborted) return exitCodes.clean
    const ports = Array.from({ length: brokers }, (_, index) => ({
      port: port + index,
      controllerPort: port + brokers + index,
    }))
    const cluster = await startCluster({ jars, dataDir, ports })
    process.stdout.write(`ready: KAFKA_BROKERS=${cluster.addresses.join(',')}\n`)
    const ended = await Promise.race([
      new Promise<'asked'>((done) => {
        if (stop.aborted) done('asked')
        else stop.addEventListener('abort', () => done('asked'), { once: true })
      }),
      ...ports.map((_, index) => cluster.broker(index).ended.then(() => index)),
    ])
    await cluster.stop()
    // A terminal's Ctrl-C goes to the brokers as well, which may be quicker than we are.
    if (ended === 'asked' || stop.aborted) return exitCodes.clean
    process.stderr.write(
      `broker ${ended + 1} ended by itself: see ${join(dataDir, `broker-${ended + 1}`, 'server.log')}\n`,
    )
    return exitCodes.failed
  } catch (error) {
    process.stderr.write(
      `${error instanceof KafkaMissing ? error.message : `Kafka could not start: ${errorLine(error)}`}\n`,
    )
    return exitCodes.failed
  }
}

/** @throws Error that says which option is wrong */
function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '9092' },
      data: { type: 'string', default: './data/kafka' },
      brokers: { type: 'string', default: '1' },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_500)
    throw new Error(`--port is ${JSON.stringify(values.port)}: expected a whole number from 1 to 65500`)
  if (values.brokers !== '1' && values.brokers !== '3')
    throw new Error(`--brokers is ${JSON.stringify(values.brokers)}: expected 1 or 3`)
  return { port, dataDir: resolve(values.data), brokers: Number(values.brokers) }
}
