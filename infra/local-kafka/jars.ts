import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const kafkaVersion = '4.1.1'
/** Of the logger that this Kafka is built with: without a binding a broker that cannot start says nothing. */
const log4jVersion = '2.24.3'
const javaMajorMin = 17

/** Kafka cannot be had on this machine: one line that says what is missing. */
export class KafkaMissing extends Error {
  override readonly name = 'KafkaMissing'
}

/**
 * The folder with Kafka's jars, fetched by Maven when they are not there yet. It appears by one rename, so programs that
 * fetch at once cannot meet half of it.
 * @param cache a directory that git ignores
 * @throws {KafkaMissing}
 */
export async function kafkaJars(cache: string): Promise<string> {
  await assertJava()
  const jars = join(cache, kafkaVersion)
  if (existsSync(jars)) return jars
  const making = `${jars}.${process.pid}`
  await mkdir(making, { recursive: true })
  try {
    await writeFile(join(making, 'pom.xml'), pom())
    await run('mvn', [
      '-q',
      '-B',
      '-f',
      join(making, 'pom.xml'),
      'dependency:copy-dependencies',
      '-DoutputDirectory=jars',
    ])
    if ((await readdir(join(making, 'jars'))).length === 0) throw new KafkaMissing('Maven found no jars of Kafka')
    await rename(join(making, 'jars'), jars).catch((error: unknown) => {
      // Another program fetched the same first: that one serves.
      if (!existsSync(jars)) throw error
    })
    return jars
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

/** Whether Kafka's jars are there, or could be fetched. Never throws. */
export async function canHaveKafka(cache: string): Promise<boolean> {
  try {
    await assertJava()
    if (!existsSync(join(cache, kafkaVersion))) await run('mvn', ['-v'])
    return true
  } catch {
    return false
  }
}

async function assertJava(): Promise<void> {
  const told = await run('java', ['-version'])
  const major = Number(/version "(\d+)/.exec(told)?.[1] ?? 0)
  if (major < javaMajorMin)
    throw new KafkaMissing(
      `Kafka ${kafkaVersion} needs Java ${javaMajorMin} or later: this one is ${told.split('\n')[0] ?? ''}`,
    )
}

/** @returns all that it said @throws {KafkaMissing} it is not there, or failed */
function run(command: 'java' | 'mvn', args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout + stderr)
      const name = command === 'java' ? `Java ${javaMajorMin} or later` : 'Maven'
      if (error.code === 'ENOENT')
        return reject(new KafkaMissing(`Kafka needs ${name} here: no "${command}" is on the path`, { cause: error }))
      const said = (stdout + stderr).split('\n').find((line) => /error/i.test(line)) ?? error.message
      reject(new KafkaMissing(`${name} could not do its part for Kafka: ${said.trim()}`, { cause: error }))
    })
  })
}

function pom(): string {
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waymark</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', log4jVersion)}
  </dependencies>
</project>
`
}

/** Where the jars are kept, beside the programs' builds. */
export function jarCache(root: string): string {
  return join(root, 'dist', 'kafka')
}
